# What one does with this repository. Everything works from a fresh clone with Python 3.11 or newer and make.
# Variables: PORT and DATA (run), ARGS (passed on to the program), PYTHON (the interpreter to make .venv with).

.DEFAULT_GOAL := help
.PHONY: run test lint bench docs lock clean help

PORT ?= 9292
DATA ?= data
# One more than there are processors: many tests wait for others' processes.
WORKERS ?= $(shell expr $$(nproc) + 1)
ARGS ?=
BIN := .venv/bin

run: ## Start Intaglio on 127.0.0.1, keeping its data in ./data: PORT=9292 DATA=data ARGS="--workers 2"
	@tools/environment base
	@exec $(BIN)/intaglio serve --bind "127.0.0.1:$(PORT)" --data-dir "$(patsubst ~/%,$(HOME)/%,$(DATA))" $(ARGS)

test: ## Run the tests, installing the real parts they need: ARGS="tests/unit -k name" WORKERS=3
	@tools/environment dev
	@$(BIN)/python -m tests.starters.packages
	@$(BIN)/python -m tests.starters.environments
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist loadfile $(ARGS)

lint: ## Check style, types, the direction of imports, the house rules and the documents
	@tools/environment dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/house tests/docs

bench: ## Measure Intaglio beside other servers on this machine; results go to bench/results: ARGS="--help"
	@tools/environment dev
	$(BIN)/python -m bench $(ARGS)

docs: ## Write the generated pages and build the documentation into ./site, strict about broken links, offline
	@tools/environment dev
	@$(BIN)/python tools/reference.py
	$(BIN)/zensical build --clean --strict $(ARGS)
	@echo "Read it: site/index.html"

lock: ## Write the lock files anew after a change of dependencies: ARGS=--upgrade for the newest versions
	@tools/environment lock
	@tools/lock $(ARGS)

clean: ## Remove the environment, caches and built files; data is never touched
	rm -rf .venv .venv.lock .parts .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist site
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-6s %s\n", $$1, $$2}' Makefile
