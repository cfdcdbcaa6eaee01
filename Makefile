# make demo: the whole chain, from an empty machine to a report. make test: the suite.
PYTHON ?= $(shell scripts/find-python)
VENV ?= .venv
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
STAMP := $(VENV)/.visuomotor-setup

.PHONY: setup demo test test-franka-sim test-ray lerobot test-lerobot test-docs peers lint bench docs dist clean

setup: $(STAMP)

$(STAMP): setup.py scripts/setup
	PYTHON="$(PYTHON)" TORCH="$(TORCH)" scripts/setup "$(VENV)"
	touch $@

demo: $(STAMP)
	$(BIN)/visuomotor demo --out demo

# Two processes share the tests; what runs in real time then has the machine to itself, and slowed
# time where its host took too much of it.
test: $(STAMP) lint
	status=0; \
	$(BIN)/python -m pytest test/graph test/unit -m "not alone" -n 2 --dist loadfile || status=1; \
	$(BIN)/python scripts/test-alone || status=1; \
	exit $$status

test-franka-sim: $(STAMP)
	PYTHON="$(PYTHON)" scripts/test-franka-sim "$(VENV)"

# Ray is a wheel of 80 MB that only `study run --engine ray` needs.
test-ray: $(STAMP)
	$(BIN)/python -c 'import ray' 2>/dev/null || $(BIN)/python -m pip install -q -e '.[ray]'
	$(BIN)/python -m pytest test/unit/bench/test_study_ray.py

# LeRobot pins an older torch: an environment of its own, of 8 GB, with this package in it.
lerobot:
	PYTHON="$(PYTHON)" scripts/lerobot

test-lerobot: lerobot
	.venv-lerobot/bin/python -m pytest -p no:cacheprovider -m lerobot test

# robosuite and robomimic over LeRobot's environment, for `visuomotor bench peers` alone.
peers: lerobot
	scripts/peers

lint: $(STAMP)
	$(BIN)/ruff check src test
	$(BIN)/ruff format --check src test
	$(BIN)/mypy

# The site, in site/, by an environment of its own.
docs:
	PYTHON="$(PYTHON)" scripts/docs

# The documentation's blocks that take minutes, run as a reader would; `make test` does the others.
test-docs: $(STAMP)
	$(BIN)/python -m pytest test/docs

dist: $(STAMP)
	$(BIN)/python -m pip install -q --disable-pip-version-check build
	$(BIN)/python -m build --outdir dist .

bench: $(STAMP)
	$(BIN)/visuomotor bench all --out benchmarks/results

clean:
	rm -rf $(VENV) .venv-docs demo build dist install log site
