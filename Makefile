# Two commands for a new user: `make demo` and `make test`. Each does its own set-up in .venv.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
PYTEST_ARGS ?=
FUZZ_COUNT ?= 10000
FUZZ_SEED ?= 0
BENCH_ARGS ?=

.PHONY: help setup demo test lint fuzz bench bench-runtime clean

help:
	@echo 'make demo    build and run a small program, show who owns its heap (sets up .venv first)'
	@echo 'make test    all tests; those that need a missing optional tool say so'
	@echo 'make lint    ruff and mypy'
	@echo 'make fuzz    damaged inputs against plain gcc, FUZZ_COUNT of them (10000), and random calls of the runtime;'
	@echo '             what finds something stays in build/fuzz'
	@echo 'make bench   ratios of time against plain gcc, measured now'
	@echo 'make bench-runtime  time and memory of programs that allocate, against plain glibc and other tools; BENCH_ARGS=...'
	@echo 'make clean   remove .venv and build/'

setup: $(STAMP)

$(STAMP): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "allocscc needs python3 >= 3.11; run: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python3 -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP)
	@sh examples/demo/run.sh

test: $(STAMP)
	$(VENV)/bin/python3 -m pytest $(PYTEST_ARGS)

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

fuzz: $(STAMP)
	$(VENV)/bin/python3 -m tests.fuzz --count $(FUZZ_COUNT) --seed $(FUZZ_SEED)
	ALLOCSCC_CALLS=$(FUZZ_COUNT)00 ALLOCSCC_SEED=$(FUZZ_SEED) \
		$(VENV)/bin/python3 -m pytest -q tests/integration/test_reliability.py -k random_calls

bench: $(STAMP)
	$(VENV)/bin/python3 benchmarks/steps.py
	$(VENV)/bin/python3 -m benchmarks.builds
	$(VENV)/bin/python3 -m benchmarks.links
	$(VENV)/bin/python3 -m benchmarks.backend
	$(VENV)/bin/python3 benchmarks/jq.py

bench-runtime: $(STAMP)
	$(VENV)/bin/python3 -m benchmarks.runtime $(BENCH_ARGS)

clean:
	rm -rf $(VENV) build
