# Ironkeel from a shell: needs Python >= 3.11 with pip and venv, and make.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: setup up demo test check chaos bench fmt lock

setup: $(BIN)/ironkeel

$(BIN)/ironkeel: requirements/dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ironkeel needs Python >= 3.11, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

up: setup
	$(BIN)/ironkeel up $(ARGS)

demo: setup
	$(BIN)/ironkeel up --policy random:7 $(ARGS)

test: setup
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" sh requirements/compile.sh
