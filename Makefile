# Every target does its own set-up; `make` alone lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench soak audit lock wheel clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Intake needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 ..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment here; on Debian: apt install python3-venv"; exit 2; }
	@echo "installing the pinned dependencies into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(STAMP) ## install what is needed into .venv

demo: $(STAMP) ## play applicant and reviewer in the browser; no token, no network
	@$(BIN)/intake demo

test: $(STAMP) ## run every test
	$(BIN)/python -m pytest -n 3 --dist loadfile  # they wait more than they work

check: $(STAMP) ## style, types, import contracts, the shipped programme
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/intake check

bench: $(STAMP) ## measure against a stock bot, print ratios
	$(BIN)/python -m tests.benchmarks
	$(BIN)/python -m tests.benchmarks.backups

soak: $(STAMP) ## try to make it lose something: kills, floods, faults; takes long
	$(BIN)/python -m tests.soak all
	$(BIN)/python -m pytest -m soak

audit: ## look what is pinned up among known vulnerabilities (needs the network)
	@test -x $(VENV)-audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)-audit && $(VENV)-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit; }
	$(VENV)-audit/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock

lock: ## pin every dependency anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra test --no-header pyproject.toml -o requirements.lock

wheel: $(STAMP) ## build the wheel into dist/
	$(BIN)/python -m hatchling build -t wheel

clean: ## remove what the targets made
	rm -rf $(VENV) $(VENV)-audit dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
