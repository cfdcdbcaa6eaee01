# make demo: the whole chain, from an empty machine to a report. make test: the suite.
PYTHON ?= $(shell scripts/find-python)
VENV ?= .venv
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
STAMP := $(VENV)/.visuomotor-setup

.PHONY: setup demo test lint bench clean

setup: $(STAMP)

$(STAMP): setup.py scripts/setup
	PYTHON="$(PYTHON)" TORCH="$(TORCH)" scripts/setup "$(VENV)"
	touch $@

demo: $(STAMP)
	$(BIN)/visuomotor demo --out demo

test: $(STAMP) lint
	$(BIN)/python -m pytest

lint: $(STAMP)
	$(BIN)/ruff check src test
	$(BIN)/ruff format --check src test
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/visuomotor bench all --out benchmarks/results

clean:
	rm -rf $(VENV) demo build install log
