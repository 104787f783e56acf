# Every task of the project. `make` alone explains them. Variables: PYTHON (which Python), ARGS (for test, house), PORT, UPGRADE (for lock).

.DEFAULT_GOAL := help
SHELL := /bin/sh
# The first Python >= 3.11 that can make a virtual environment; looked for only where it is needed.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	"$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$name" && break; \
	done)
IN_VENV := .venv/bin
PIP_INSTALL := $(IN_VENV)/python -m pip install --quiet --disable-pip-version-check
# A virtual environment knows its own place, so a moved clone makes a new one: the place is in the stamp's name.
HERE := $(shell pwd -P | cksum | cut -d ' ' -f 1)
READY := .venv/.ready-$(HERE)
READY_DEV := .venv/.ready-dev-$(HERE)
UPGRADE ?= --upgrade
LOCK := pip compile --quiet --universal --generate-hashes --no-header $(UPGRADE)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: $(READY) ## Start everything on http://127.0.0.1:8000 (or PORT): database, demo world, API, worker
	@exec $(IN_VENV)/beatrice run

.PHONY: test
test: $(READY_DEV) ## Run the tests (ARGS="-k ledger" chooses some)
	@exec $(IN_VENV)/python -m pytest -n 2 $(ARGS)

.PHONY: clients
clients: $(READY_DEV) ## Make four clients of the API and run them and docs/integrate against the demo world (needs node, npm)
	@exec $(IN_VENV)/python -m pytest -rs tests/clients/ring.py $(ARGS)

.PHONY: collection
collection: $(READY_DEV) ## Write build/beatrice.postman_collection.json, for Postman, Bruno and Insomnia (needs node, npm)
	@$(IN_VENV)/python -m tests.clients.workshop build/beatrice.postman_collection.json

.PHONY: check
check: lint types architecture test ## Run all that must pass before a merge

.PHONY: lint
lint: $(READY_DEV) ## Check style and format
	$(IN_VENV)/ruff check
	$(IN_VENV)/ruff format --check

.PHONY: types
types: $(READY_DEV) ## Check the types
	$(IN_VENV)/python -m mypy

.PHONY: architecture
architecture: $(READY_DEV) ## Check who imports whom, and that every import is a declared dependency
	$(IN_VENV)/lint-imports
	$(IN_VENV)/deptry .

.PHONY: api-lint
api-lint: ## Let Redocly and Spectral read docs/openapi.json (needs node 20 or newer with npm; without, it says so)
	@exec tests/linters/run

.PHONY: house
house: $(READY_DEV) ## Print the figures of the house (ARGS=--where names the places)
	@exec $(IN_VENV)/python -m tests.house $(ARGS)

.PHONY: texts
texts: $(READY_DEV) ## Show which texts of the pages have no English yet
	@exec $(IN_VENV)/python -m tests.portal.texts

.PHONY: shots
shots: $(READY_DEV) ## Write the pictures of docs/portal again (needs Chromium)
	@BEATRICE_SHOTS=docs/portal exec $(IN_VENV)/python -m pytest tests/portal/test_browser.py -k test_shots

.PHONY: fix
fix: $(READY_DEV) ## Mend what ruff can mend, and format
	$(IN_VENV)/ruff check --fix
	$(IN_VENV)/ruff format

.PHONY: schema
schema: $(READY_DEV) ## Write docs/schema.sql again after a change of the database
	$(IN_VENV)/python -m migrations.schema_dump

.PHONY: openapi
openapi: $(READY) ## Write docs/openapi.json again after a change of routes or schemas
	$(IN_VENV)/beatrice openapi > docs/openapi.json

.PHONY: bench
bench: $(READY_DEV) ## Measure the speed of the main requests
	@exec $(IN_VENV)/python -m tests.bench

.PHONY: soak
soak: $(READY_DEV) ## Run the long tests too
	@BEATRICE_SOAK=1 exec $(IN_VENV)/python -m pytest -n 2 $(ARGS)

.PHONY: hadolint
hadolint: $(READY_DEV) ## Check the Dockerfile
	$(IN_VENV)/hadolint Dockerfile

.PHONY: lock
lock: $(READY_DEV) ## Pin the newest allowed dependencies again (UPGRADE= pins only what is new), with hashes
	@$(IN_VENV)/python -c 'import uv' 2>/dev/null || $(PIP_INSTALL) uv
	$(IN_VENV)/python -m uv $(LOCK) --output-file requirements.lock pyproject.toml
	$(IN_VENV)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["dev"], sep="\n")' \
		| $(IN_VENV)/python -m uv $(LOCK) --constraints requirements.lock --output-file requirements-dev.lock -
	$(IN_VENV)/python -m uv $(LOCK) --output-file tests/clients/requirements.lock tests/clients/requirements.in

.PHONY: clean
clean: ## Remove the virtual environment and caches; the data in .beatrice stay
	rm -rf .venv .clients build *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(READY): requirements.lock
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer with venv is missing (Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; fi
	@echo "Setting up .venv with $(PYTHON), once: about a minute."
	@grep -qsF "$$(pwd -P)/.venv" .venv/pyvenv.cfg || rm -rf .venv
	@"$(PYTHON)" -m venv .venv
	@$(PIP_INSTALL) --require-hashes -r requirements.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch "$@"

$(READY_DEV): requirements-dev.lock $(READY)
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@touch "$@"
