# Everything that a person or CI calls. `sweep` and `test` set up what they need themselves.
.PHONY: install sweep studies mnist dashboard test test-slow test-all lint types layers bench shootout shootout-full shootout-real clean
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
STUDY ?= studies/digits_gan.yaml
RUNS ?= runs
FLAGS ?=
READY := .venv/.ready
PEERS := .venv/.peers

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 15

# pandas and the other development packages are small beside torch, so there is one environment.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,pandas,dashboard]'
	@touch $@

install: $(READY)  ## make the environment in .venv

sweep: $(READY)  ## run the main study (STUDY=path for another), or go on with it
	$(BIN)/hpsearch run $(STUDY)

studies: $(READY)  ## every study that needs no data of others, about ten minutes
	$(BIN)/python benchmarks/studies.py

mnist: $(READY)  ## MNIST's files, into data/mnist
	$(BIN)/python trainers/get_data.py mnist

dashboard: $(READY)  ## the pages of the searches in RUNS (FLAGS=--allow-control to act on them)
	$(BIN)/hpsearch dashboard $(RUNS) --open $(FLAGS)

test: $(READY)  ## the tests, but for the slow ones
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal -m 'not slow'

test-slow: $(READY)  ## the slow tests: many kills, whole searches
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal -m slow

test-all: test test-slow  ## all tests

lint: $(READY)  ## format and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)  ## static types
	$(BIN)/mypy

layers: $(READY)  ## imports point down
	$(BIN)/lint-imports
	PYTHONPATH=trainers:benchmarks $(BIN)/lint-imports --config benchmarks/layers.toml

bench: $(READY)  ## the benchmarks, tables under benchmarks/results
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/dashboard.py
	$(BIN)/python benchmarks/fusion.py
	$(BIN)/python benchmarks/sweep.py

$(PEERS): $(READY) benchmarks/hebo.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement benchmarks/hebo.txt
	@touch $@

shootout: $(PEERS)  ## search methods against each other, ten minutes (FLAGS=--report runs nothing)
	cd benchmarks && ../$(BIN)/python -m quality.shootout --short $(FLAGS)

shootout-full: $(PEERS)  ## all of them in all regimes, for days; stop it and go on at any time
	cd benchmarks && ../$(BIN)/python -m quality.shootout $(FLAGS)

shootout-real: $(PEERS)  ## search methods on real trainers at equal steps, half an hour
	PYTHONPATH=.:trainers:benchmarks OMP_NUM_THREADS=1 $(BIN)/python -m quality.real run

clean:  ## the environment and all caches; run folders stay
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
