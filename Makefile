# One door for everything that a person or CI does here. `make` alone lists it; each target sets up what it needs on a
# machine that has git, make and a Python.
#
#   PYTHON=python3.12   the Python that .venv is made from        WORKERS=2   processes that tests run in

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-all fuzz check bench result docs

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

# pip fetches torch because it obeys the machine's own pip settings (CI offers a CPU build that way); uv then finds torch
# satisfied and never replaces it. Never install torch by name without the pins: it would come with 4 GB of CUDA.
.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("swath needs Python >= 3.11, this is " + sys.version.split()[0] + "; set PYTHON=...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt uv torch
	$(BIN)/uv pip install -q -c constraints.txt -e '.[all,dev]'
	@touch $@

install: .venv/.installed  ## set up .venv; leaves the program at .venv/bin/swath
	@echo "The program is $(CURDIR)/$(BIN)/swath; try: $(BIN)/swath --help"

demo: .venv/.installed  ## a planet, a corpus, its splits and a page to look at, from nothing
	$(BIN)/swath demo

test: .venv/.installed  ## tests without services, browser, network or real data (under 10 minutes on 2 cores)
	$(BIN)/python -m pytest -n $(WORKERS) -m "not (services or browser or slow or realdata or online)"

test-all: .venv/.installed  ## all tests, with what they need from Debian, and the numpy half in an environment of its own
	scripts/need_debian.sh chromium
	scripts/try_numpy_half.sh $(BIN)
	$(BIN)/python -m pytest -n $(WORKERS) -m "not online"

fuzz: .venv/.installed  ## 2,000 random mutations of valid files through every reader (half an hour)
	SWATH_MUTATIONS=2000 $(BIN)/python -m pytest -n $(WORKERS) tests/formats/test_mutations.py

check: .venv/.installed  ## lint, format, types, floors, exports, the numpy half without torch (under a minute)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_exports.py
	$(BIN)/python scripts/check_numpy_half.py
	$(BIN)/python scripts/check_tree.py
	$(BIN)/python scripts/check_architecture.py

bench: .venv/.installed  ## speeds as ratios to bare work; a bound that is missed fails
	$(BIN)/python -m benchmarks

result: .venv/.installed  ## make result ID=...: compute one table of docs/results into results/ID.json, resumable
	@test -n "$(ID)" || { echo "make result needs an ID; docs/results/README.md lists them: make result ID=..."; exit 2; }
	$(BIN)/python scripts/result.py $(ID)

docs: .venv/.installed  ## build the site into site/; a dead link fails
	$(BIN)/zensical build --strict
