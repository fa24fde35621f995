# The same few verbs for people and for CI. `make repro` and `make test` set up what they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
export PATH := $(CURDIR)/$(BIN):$(PATH)
export HF_HUB_OFFLINE ?= 1

.PHONY: help setup repro preview report study ablate export test check fix bench lock

help:
	@echo "make repro [QUICK=1]  set up, then run the whole pipeline"
	@echo "make preview          show a prompt and five texts per label in about a minute; writes no results"
	@echo "make report           make metrics/report.html anew from what there is"
	@echo "make study            compare the methods on three tasks, as in the paper"
	@echo "make export [ARM=real] [OUT=folder]  the data set and a classifier, with cards, into exported/<task>/"
	@echo "make ablate           measure what each rule of the filter gained, after make repro"
	@echo "make test             set up, then run all tests"
	@echo "make check | fix      lint and types | mend what can be mended"
	@echo "make bench            measure speed and memory into metrics/bench.json"
	@echo "make lock             renew requirements.lock from pyproject.toml"

setup: $(STAMP)

$(STAMP): requirements.lock setup.sh
	@PYTHON="$(PYTHON)" bash setup.sh "$(VENV)"
	@touch $(STAMP)

ifdef QUICK
repro: setup
	@bash quick.sh
else
repro: setup
	@echo "repro: about 40 minutes on 2 cores; a stopped run goes on where it was. QUICK=1 takes about 6."
	@$(BIN)/dvc repro
	@$(BIN)/python -m labelmint.scoring.verdict
	@echo "repro: every row, chart and prompt: metrics/report.html"
endif

# Alone and anew: it takes up what commands beside the pipeline have found, such as `make ablate`.
report: setup
	@$(BIN)/dvc repro -q -s -f report
	@echo "report: metrics/report.html"

study: setup
	@echo "study: about an hour and a half on 2 cores; a stopped run resumes"
	@$(BIN)/python -m experiments.study

export: setup
	@$(BIN)/python -m export $(if $(ARM),--arm "$(ARM)") $(if $(OUT),--out "$(OUT)")

ablate: setup
	@echo "ablate: one to three minutes on 2 cores; writes docs/results/ablation.md"
	@$(BIN)/python -m experiments.ablate

# For trying prompts and settings: only the real rows are made, where they are missing.
preview: setup
	@test -e data/real/train.jsonl || $(BIN)/dvc repro -q prepare
	@$(BIN)/python -m stages.generate --preview

test: setup
	@echo "test: about 12 minutes on 2 cores; the slow tests run the bundled models and the real dvc"
	@$(BIN)/python -m pytest

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

fix: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup
	@echo "bench: about 12 minutes on 2 idle cores"
	@$(BIN)/python -m experiments.bench

# Exact versions of everything, as installed; PyTorch without the local tag of a CPU-only build.
lock:
	@$(BIN)/python -m pip freeze --exclude-editable | sed 's/^\(torch==[0-9.]*\)+.*/\1/' > requirements.lock
