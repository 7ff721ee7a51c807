# The front door. `make run` and `make test` do all the set-up themselves; Python 3.11 or later with venv is all they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Tests wait much of their time for other processes, so that two cores serve four of them.
JOBS   ?= 4
# They start hundreds of processes. Where none may keep what it has compiled, each compiles the whole engine anew.
unexport PYTHONDONTWRITEBYTECODE

# The environment is made again when what it was made from changes.
RUNTIME := $(VENV)/.installed-runtime
DEV     := $(VENV)/.installed-dev
INSTALL  = -m pip install --quiet --disable-pip-version-check

BENCH_VENV := .venv-bench
BENCH      := $(BENCH_VENV)/.installed

.PHONY: help run show trading-day packs test lint ci bench schemas docs lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

run: $(RUNTIME) ## Trade on paper with simulated market data; Ctrl-C stops it
	@$(BIN)/engine run --paper

show: $(DEV) ## Show the whole loop on a practice exchange, from signals to the gate
	@PYTHON=$(abspath $(BIN))/python bash docs/whole-loop.sh

trading-day: $(DEV) ## Trade a made-up day on a practice Tradier and Polygon, with a crash at noon; over four minutes
	@PYTHON=$(abspath $(BIN))/python bash docs/trading-day.sh

packs: $(DEV) ## Show two packs on one practice account, on recorded tables and matches where there are any
	@PYTHON=$(abspath $(BIN))/python bash docs/two-packs.sh

test: $(DEV) ## Run all tests
	@$(BIN)/pytest -n $(JOBS) --dist worksteal

lint: $(DEV) ## Check code, types, arrows between packages, and rules
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/engine lint rules/

ci: ## Everything that must pass before a change is taken, in an environment of its own
	@bash .ci/run

bench: $(BENCH) ## Run the benchmarks beside their peers, in an environment of their own
	@for file in $$(grep -l __main__ benchmarks/*.py); do \
		$(BENCH_VENV)/bin/python -m "benchmarks.$$(basename "$$file" .py)" || exit 1; echo; \
	done

schemas: $(RUNTIME) ## Write schemas/*.json again from the models
	@$(BIN)/python -m engine.ruleset.schema
	@$(BIN)/python -m engine.settings.schema
	@$(BIN)/python -m engine.settings.environment
	@$(BIN)/python -m connectors.alpha.schema
	@$(BIN)/python -m engine.research.sweep.schema
	@$(BIN)/python -m engine.research.pipeline.schema
	@$(BIN)/python -m engine.research.calibration.schema

docs: $(RUNTIME) ## Write the generated pages of docs/ again
	@$(BIN)/python -m engine.cli.reference

lock: ## Write requirements/*.txt again from pyproject.toml
	@PYTHON=$(PYTHON) requirements/compile

clean: ## Remove environments and caches
	rm -rf $(VENV) $(BENCH_VENV) .venv-ci .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# $(1): the environment
define make_environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "Python 3.11 or later is needed, $$($(PYTHON) --version 2>&1) was found; name another: make PYTHON=..." >&2; exit 2; }
@echo "Making the environment $(1) (once; a minute or two)"
@$(PYTHON) -m venv $(1)
endef

$(BIN)/python:
	$(call make_environment,$(VENV))

$(RUNTIME): requirements/runtime.txt pyproject.toml | $(BIN)/python
	@$(BIN)/python $(INSTALL) --require-hashes -r requirements/runtime.txt
	@$(BIN)/python $(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	@$(BIN)/python $(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(BENCH_VENV)/bin/python:
	$(call make_environment,$(BENCH_VENV))

$(BENCH): requirements/bench.txt | $(BENCH_VENV)/bin/python
	@$(BENCH_VENV)/bin/python $(INSTALL) --require-hashes -r requirements/bench.txt
	@touch $@
