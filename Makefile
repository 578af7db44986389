# Ironkeel from a shell: needs Python >= 3.11 with pip and venv, and make.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
SEED ?= 1
BENCHES ?= $(patsubst bench/%.py,%,$(filter-out bench/__init__.py,$(wildcard bench/*.py)))

.PHONY: setup up demo test check chaos bench fmt lock

# Install what the locks say, once for every change of them; leaves .venv/bin/ironkeel.
setup: $(BIN)/.installed

$(BIN)/.installed: requirements/dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ironkeel needs Python >= 3.11, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m services.predictor.training.compile
	touch $@

up: setup
	exec $(BIN)/ironkeel up $(ARGS)

# The same with random decisions, labelled as such: it trades within minutes.
demo: setup
	exec $(BIN)/ironkeel up --policy random:7 $(ARGS)

# The crash matrix in short follows by itself: it judges by the clock, and needs the machine for itself.
test: setup
	$(BIN)/python -m pytest -n 2 $(ARGS)
ifeq ($(ARGS),)
	$(BIN)/python -m tests.chaos.matrix --runs 162 --fresh --folder .chaos/short
	$(BIN)/python -m tests.chaos.matrix.mutation_check
endif

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Everything that kills processes; with RUNS the crash matrix (it goes on where it stopped), with RUN one run of it.
chaos: setup
ifdef RUN
	$(BIN)/python -m tests.chaos.matrix --run $(RUN) --seed $(SEED) $(ARGS)
else ifdef RUNS
	$(BIN)/python -m tests.chaos.matrix --runs $(RUNS) --seed $(SEED) $(ARGS)
else
	$(BIN)/python -m pytest tests/chaos $(ARGS)
endif

bench: setup
	set -e; for each in $(BENCHES); do $(BIN)/python -m bench.$$each $(ARGS); done

fmt: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" sh requirements/compile.sh
