# make demo: set up and show the service at work; make test: set up, install the real parts, run everything.
PYTHON ?= python3
CONFIG ?= config
SCENE ?= nexus
STAY ?=
VENV := .venv
BIN := $(VENV)/bin
LOCKS := deploy/locks
PIP_INSTALL := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input install

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo run check test crash bench lint types contracts unit parts lock clean

help:
	@echo "make demo    sets up, breaks a system in the lab and shows who is told (under a minute);"
	@echo "             SCENE=nexus|maintenance|phoniro|noedkald|operator|linje, STAY=1 keeps it running"
	@echo "make test    sets up, installs the real servers the tests talk to, runs everything"
	@echo "make check   the fast part: format, lint, types, import contracts, unit tests"
	@echo "make crash   kills the service a thousand times and more and shows what became of the alarms (under 40 minutes)"
	@echo "make bench   measures against the figures to reach"
	@echo "make run     the service with CONFIG=$(CONFIG)"
	@echo "make lock    pins every dependency anew, with hashes"
	@echo "make clean   removes what the others made here"

# The lab's mail server and certificates come from what the tests need, hence .dev.
demo: $(VENV)/.dev
	@$(BIN)/omsorgsvagt demo --scene $(SCENE) $(if $(STAY),--stay)

run: $(VENV)/.ready
	@exec $(BIN)/omsorgsvagt run --config $(CONFIG)

check: lint types contracts unit

test: parts lint types contracts
	@$(BIN)/python -m pytest -n 2 --dist loadscope

crash: $(VENV)/.dev
	@$(BIN)/python -m tests.crash

bench: $(VENV)/.dev parts
	@$(BIN)/python -m tests.bench

lint: $(VENV)/.dev
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/ruff check --quiet .

types: $(VENV)/.dev
	@$(BIN)/mypy --no-error-summary

contracts: $(VENV)/.dev
	@$(BIN)/lint-imports --no-logo --no-cache > $(VENV)/contracts.log || { cat $(VENV)/contracts.log; exit 1; }

unit: $(VENV)/.dev
	@$(BIN)/python -m pytest -n 2 -q -m "not real and not slow" --ignore=tests/real --ignore=tests/crash

parts:
	@deploy/packaging/apt-install $$(cat deploy/packaging/real-parts.txt)

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || deploy/packaging/apt-install python3-venv
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.ready: $(LOCKS)/requirements.txt $(LOCKS)/requirements-build.txt pyproject.toml | $(VENV)/.made
	@echo "Setting up in $(VENV)"
	@$(PIP_INSTALL) --require-hashes -r $(LOCKS)/requirements-build.txt -r $(LOCKS)/requirements.txt
	@$(PIP_INSTALL) --no-deps --no-index --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q monitor checks
	@touch $@

$(VENV)/.dev: $(LOCKS)/requirements-dev.txt $(VENV)/.ready
	@echo "Setting up what the tests need"
	@$(PIP_INSTALL) --require-hashes -r $(LOCKS)/requirements-dev.txt
	@touch $@

# uv stands apart in a folder of its own: it is a tool for this one job and no part of what is locked.
UV := build/uv/bin/uv
COMPILE := $(UV) --quiet pip compile --python-version 3.11 --upgrade --generate-hashes --no-header --no-annotate

lock: $(UV)
	@$(COMPILE) pyproject.toml --extra dev --output-file $(LOCKS)/requirements-dev.txt
	@$(COMPILE) pyproject.toml --constraint $(LOCKS)/requirements-dev.txt --output-file $(LOCKS)/requirements.txt
	@$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	    | $(COMPILE) - --output-file $(LOCKS)/requirements-build.txt

$(UV): | $(VENV)/.made
	@$(PYTHON) -m venv build/uv
	@build/uv/bin/python -m pip -qq --disable-pip-version-check --no-input install uv

clean:
	@rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find checks monitor tests deploy -name __pycache__ -type d -prune -exec rm -rf {} +
