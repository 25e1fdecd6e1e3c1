# Everything a person needs here: `make run` and `make test`. `make help` lists the rest.

PYTHON ?= python3
TORCH_INDEX ?=
CORPUS ?= ../shared/corpus
OUT ?= data/trained

BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help run test soak lint audit screenshots train lock clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Run the bot: on Discord with a token, on a local page without one
	@$(BIN)/python -m bot

test: lint ## Check format, lint, types and imports, then run every test, on every core
	$(BIN)/python -m pytest --numprocesses auto

soak: $(INSTALLED) ## Run the long tests: hundreds of rounds, minutes of load
	$(BIN)/python -m pytest -m soak

lint: $(INSTALLED) ## Check format, lint, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: ## Look up whether a locked package is known to be vulnerable; says so where that cannot be looked up
	@$(PYTHON) .ci/audit.py

screenshots: $(INSTALLED) ## Take the pictures of docs/screenshots, which README shows (needs Chromium; CORPUS for all)
	$(BIN)/python -m tests.bot.screenshots --corpus $(CORPUS)

train: $(INSTALLED) ## Train a model: make train CORPUS=folder OUT=folder
	$(BIN)/python -m poetry_model train --corpus $(CORPUS) --out $(OUT)

lock: ## Write requirements.lock anew, with the newest versions pyproject.toml allows
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --editable '.[dev]'
	.venv-lock/bin/python -m pip freeze --exclude-editable | sed -E 's/\+[a-z0-9.]+$$//' | grep -Ev '^(nvidia-|cuda-|triton)' > requirements.lock
	rm -rf .venv-lock

clean: ## Remove the virtual environment and caches; data/ stays
	rm -rf .venv .venv-audit .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# TORCH_INDEX goes first: what it brings satisfies the lock, which names no build of torch.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),$(BIN)/python -m pip install --quiet --index-url $(TORCH_INDEX) torch==2.13.0)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@
