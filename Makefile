# `make train` and `make test` set up everything they need in .venv.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup train test test-long lint clean

setup: .venv/ready

.venv/ready: setup.cfg setup.py
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.12 ...")'
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 -e '.[dev]'
	touch $@

train: setup
	$(BIN)/seqgan-tf train

test: setup
	$(BIN)/python -m pytest -n 2

test-long: setup
	$(BIN)/python -m pytest -m long

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf .venv build *.egg-info
