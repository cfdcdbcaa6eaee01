# make demo: the whole chain, from an empty machine to a report. make test: the suite.
PYTHON ?= $(shell scripts/find-python)
VENV ?= .venv
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
STAMP := $(VENV)/.visuomotor-setup

.PHONY: setup demo test test-franka-sim lerobot test-lerobot peers lint bench clean

setup: $(STAMP)

$(STAMP): setup.py scripts/setup
	PYTHON="$(PYTHON)" TORCH="$(TORCH)" scripts/setup "$(VENV)"
	touch $@

demo: $(STAMP)
	$(BIN)/visuomotor demo --out demo

# Two processes share the tests; what runs in real time then has the machine to itself.
test: $(STAMP) lint
	status=0; \
	$(BIN)/python -m pytest test/graph test/unit -m "not alone" -n 2 --dist loadfile || status=1; \
	$(BIN)/python -m pytest test/graph test/launch -m alone || status=1; \
	exit $$status

test-franka-sim: $(STAMP)
	PYTHON="$(PYTHON)" scripts/test-franka-sim "$(VENV)"

# LeRobot pins an older torch: an environment of its own, of 8 GB, with this package in it.
lerobot:
	PYTHON="$(PYTHON)" scripts/lerobot

test-lerobot: lerobot
	.venv-lerobot/bin/python -m pytest -p no:cacheprovider -m lerobot test/unit

# robosuite and robomimic over LeRobot's environment, for `visuomotor bench peers` alone.
peers: lerobot
	scripts/peers

lint: $(STAMP)
	$(BIN)/ruff check src test
	$(BIN)/ruff format --check src test
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/visuomotor bench all --out benchmarks/results

clean:
	rm -rf $(VENV) demo build install log
