.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY) ## start everything on this machine and print the URL
	@$(BIN)/cutout dev

test: $(READY) ## run every test
	$(BIN)/pytest -n auto

lint: $(READY) ## format, style, types and the import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(READY) ## measure every number the README claims
	$(BIN)/python -m benchmarks

$(READY): requirements.lock pyproject.toml
	@for python in python3.12 python3.11 python3.13 python3 python; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "Cutout needs Python 3.11 or later on the PATH." >&2; exit 1; fi; \
	test -x $(BIN)/python || $$found -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.PHONY: help run test lint bench
