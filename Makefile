# Every target works on a fresh checkout: what it needs is installed first.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
THREADS := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help install run loop test test-slow lint format bench docs clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all,dev]'
	@touch $(STAMP)

install: $(STAMP) ## Make .venv with everything in it

run: $(STAMP) ## Run the main recipe on 336,776 real flights
	$(BIN)/mlops run recipe=flights

loop: $(STAMP) ## Play a year of the loop and draw it
	$(THREADS) $(BIN)/python examples/loop/loop.py

test: $(STAMP) ## Run the tests (a few minutes)
	$(THREADS) $(BIN)/python -m pytest -q -n 2 -m 'not slow'

test-slow: $(STAMP) ## Run the tests that take minutes
	$(THREADS) $(BIN)/python -m pytest -q -n 2 -m slow

lint: $(STAMP) ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Put the code into the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## Measure side by side with the alternatives
	$(BIN)/python benchmarks/all.py

docs: $(STAMP) ## Write the reference from the models
	$(BIN)/python -m mlops.reference docs/reference

clean: ## Remove what the targets made (not .mlops: that is your work)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
