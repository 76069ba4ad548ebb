# Everything is done with paths relative to this folder, so that spaces and å in its path do no harm.
# Programs are started as `python -m …`: their scripts name the interpreter by its full path.

SHELL := /bin/sh
PY := .venv/bin/python
LANGUAGES := $(wildcard shared/locale/*/LC_MESSAGES/messages.po)
PIP := $(PY) -m pip --disable-pip-version-check --quiet --quiet
ARGS ?=
# Each file of tests as a whole to one of the processes: what a file starts, it starts once. One more
# process than there are cores (four at the most): the long tests mostly wait.
SPREAD ?= --numprocesses $$(n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 3 ? n + 1 : 4))) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help up test lint bench install format translations lock browser mutants

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

up: install ## Start the whole system on this machine (ARGS="--data DIR --public-port 8000 …")
	@exec $(PY) -m radslag up $(ARGS)

test: install browser ## Run all tests against servers they start themselves (ARGS="tests/… -k …")
	@$(PY) -m pytest $(SPREAD) $(ARGS)

lint: install ## Check style, types, translations, and that the migrations match the tables
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m radslag.translations check
	@$(PY) -m radslag migrate --check

bench: install ## Measure (see bench/README.md)
	@$(PY) -m bench $(ARGS)

mutants: install ## Put faults into the code and count how many the tests notice (ARGS="150 --seed 1")
	@$(PY) -c 'import coverage' 2>/dev/null || $(PIP) install --require-hashes -r requirements-bench.txt
	@$(PY) -m bench mutants $(ARGS)

install: .venv/.installed .venv/.translated ## Make .venv and install what the lock files name

format: install ## Put the code in its standard form
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

translations: install ## Collect the texts in the code into the catalogs and compile them
	@$(PY) -m radslag.translations update
	@$(PY) -m radslag.translations compile

lock: ## Lock what pyproject.toml asks for (UPGRADE=1: newest versions; needs uv, and only this does)
	@sh tools/lock.sh

browser: install
	@sh tools/browser.sh

.venv/bin/python:
	@sh tools/venv.sh

.venv/.installed: requirements-dev.txt pyproject.toml .venv/bin/python
	@echo "Installing what requirements-dev.txt names (a minute or two the first time) …"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch .venv/.installed

.venv/.translated: .venv/.installed $(LANGUAGES)
	@$(PY) -m radslag.translations compile
	@touch .venv/.translated
