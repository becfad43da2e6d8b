# `make train` and `make test` set up everything they need in .venv.

PYTHON ?= python3
BIN := .venv/bin
TESTS := $(sort $(dir $(wildcard tests/*/test_*.py))) 'tests/test_*.py'

.PHONY: setup train test test-long soak bench bench-gpu lint docs clean

setup: .venv/ready

.venv/ready: setup.cfg setup.py
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.12 ...")'
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 -e '.[dev]'
	touch $@

train: setup
	$(BIN)/seqgan-tf train

# New processes for each folder: TensorFlow frees no memory of a graph before the process ends. A file stays in one of
# the two, so that both do not make its models.
test: setup
	failed=0; for part in $(TESTS); do $(BIN)/python -m pytest -n 2 --dist loadfile $$part || failed=1; done; exit $$failed

test-long: setup
	$(BIN)/python -m pytest -m long

soak: setup
	$(BIN)/python tests/reliability/kills.py --kills 200
	$(BIN)/python tests/reliability/soak.py --rounds 1000
	$(BIN)/python tests/reliability/directories.py --draws 500

bench: setup
	cd tests/benchmarks && PYTHONPATH=. ../../$(BIN)/python -m pytest -o python_files='bench_*.py' -o python_functions='bench_*' -m '' --benchmark-only --benchmark-disable-gc --benchmark-json=../../bench.json -q .
	$(BIN)/python tests/benchmarks/table.py bench.json > bench.md
	$(BIN)/python tests/benchmarks/sizes.py bench.json >> bench.md
	cat bench.md

bench-gpu: setup
	$(BIN)/python tests/benchmarks/gpu.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf .venv build site *.egg-info
