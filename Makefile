# One command each: setup, demo, test, check, bench. Everything needed is fetched by hash into .venv.
# The lock is complete, so pip is told not to resolve: two distributions ask for a second build of OpenCV that would
# overwrite the first one.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := $(sort $(dir $(wildcard plugins/*/pyproject.toml)))
CODE := hub $(foreach m,$(MEMBERS),$(m)$(notdir $(patsubst %/,%,$(m))))

.PHONY: setup demo test check format lint types imports bench lock clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml $(wildcard plugins/*/pyproject.toml) models/manifest.toml models/carriers.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . $(addprefix -e ,$(MEMBERS))
	$(BIN)/python -m hub.models pull --carriers
	@touch $@

demo: setup
	$(BIN)/patrol-hub demo

test: setup
	$(BIN)/python -m pytest -q

check: format lint types imports test

format: setup
	$(BIN)/ruff format --check .

lint: setup
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy $(CODE)

imports: setup
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python -m tests.bench

# Pins and hashes only; the workspace's own members are left out, so that no path gets in.
lock:
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header \
	  --no-emit-package patrol-hub $(foreach m,$(MEMBERS),--no-emit-package patrol-hub-$(subst _,-,$(notdir $(patsubst %/,%,$(m))))) \
	  --group dev --group build pyproject.toml $(addsuffix pyproject.toml,$(MEMBERS)) -o requirements.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
