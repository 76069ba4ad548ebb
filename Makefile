# Everything is done with paths relative to this folder, so that spaces and å in its path do no harm.
# Programs are started as `python -m …`: their scripts name the interpreter by its full path.

SHELL := /bin/sh
PY := .venv/bin/python
ARGS ?=
# Each file of tests as a whole to one of the processes: what a file starts, it starts once. One more
# process than there are cores (four at the most): the long tests mostly wait.
SPREAD ?= --numprocesses $$(n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 3 ? n + 1 : 4))) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help up test lint security bench install format translations lock tools clean fresh mutants

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

up: ## Install what running needs, and run the whole system (ARGS="--data DIR --public-port 8000 …")
	@sh tools/install.sh up
	@exec $(PY) -m radslag up $(ARGS)

# What was compiled is kept, whatever the machine says: a rewritten test takes longer to compile than
# most take to run, and each process of a system that a test starts compiles all that it imports.
test: install tools ## Run all tests against servers they start themselves (ARGS="tests/… -k …")
	@PYTHONDONTWRITEBYTECODE= sh tools/roomy.sh $(PY) -m pytest $(SPREAD) $(ARGS)

lint: install ## Check style, types, translations, and that the migrations match the tables
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m radslag.translations check
	@$(PY) -m radslag migrate --check

# Beside .venv's own packages, whose tests its plugins would meet.
security: install ## Look at the code, the locked packages and the API as an attacker does (docs/security.md)
	@[ .venv/security/made -nt requirements-security.txt ] || { $(PY) -m pip install --quiet --upgrade \
		--no-deps --require-hashes --target .venv/security -r requirements-security.txt \
		&& touch .venv/security/made; }
	@PYTHONPATH="$$PWD/.venv/security:$$PWD" $(PY) tools/security.py $(ARGS)

bench: install ## Measure (see bench/README.md)
	@$(PY) -m bench $(ARGS)

mutants: install ## Put faults into the code and count how many the tests notice (ARGS="150 --seed 1")
	@$(PY) -c 'import coverage' 2>/dev/null || $(PY) -m pip install --quiet --require-hashes -r requirements-bench.txt
	@$(PY) -m bench mutants $(ARGS)

fresh: ## Try `make up` as on other machines: closed folders, other users, other Pythons (ARGS="closed …")
	@python3 tools/fresh.py $(ARGS)

install: ## Install what running and working on it needs into .venv
	@sh tools/install.sh dev

format: install ## Put the code in its standard form
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

translations: install ## Collect the texts in the code into the catalogs and compile them
	@$(PY) -m radslag.translations update
	@$(PY) -m radslag.translations compile

lock: ## Lock what pyproject.toml asks for (UPGRADE=1: newest versions; needs uv, and only this does)
	@sh tools/lock.sh

clean: ## Remove what `make` made and can make again (.venv, caches); ideas and letters in var/ stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@find shared -name '*.mo' -exec rm -f {} +
	@echo "Removed .venv and the caches; the next command installs again. Kept: what var/ holds"
	@echo "(ideas, letters, the key). To begin anew, remove var/ too."

# Programs besides Python's packages: a browser and a spam filter.
tools:
	@sh tools/programs.sh
