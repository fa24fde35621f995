# The same few verbs for people and for CI. `make repro` and `make test` set up what they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
export PATH := $(CURDIR)/$(BIN):$(PATH)
export HF_HUB_OFFLINE ?= 1

.PHONY: help setup repro test check fix bench lock

help:
	@echo "make repro [QUICK=1]  set up, then run the whole pipeline"
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
	@echo "repro: about 30 minutes on 2 cores; a stopped run goes on where it was. QUICK=1 takes about 6."
	@$(BIN)/dvc repro
	@$(BIN)/python -m stages.evaluate.verdict
endif
