# make run      from a bare clone to a working studio
# make install  only builds .venv
# make test     everything this machine can test
# make drills   real processes killed while a stand-in counts what was paid (LONG=1: 200 kills)
# make check    lint, format, types, migrations, deployment check
# make lock     the lock files, from pyproject.toml (needs uv)

VENV ?= .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv)
# The first Python that runs and is new enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
PIP := $(if $(UV),VIRTUAL_ENV=$(VENV) $(UV) pip install -q,$(BIN)/python -m pip install -q --disable-pip-version-check --root-user-action=ignore)
COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --extra postgres pyproject.toml
# What the image holds: every extra.
EXTRAS := --extra metrics --extra s3 --extra sso

.PHONY: run install test drills check lock

run: $(VENV)/.installed
	@exec $(BIN)/python manage.py up

install: $(VENV)/.installed

test: $(VENV)/.installed-dev
	@$(BIN)/python tests/run.py

check: $(VENV)/.installed-dev
	@$(BIN)/python tests/check.py

drills: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.drills

lock:
	$(COMPILE) -o requirements.lock
	$(COMPILE) $(EXTRAS) -o requirements-image.lock
	$(COMPILE) --group dev -o requirements-dev.lock

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "veniceweb needs Python 3.11 or later; set PYTHON=/path/to/it."; exit 1; }
	@$(if $(UV),$(UV) venv -q --python $(PYTHON) $(VENV),$(PYTHON) -m venv $(VENV))

$(VENV)/.installed: requirements.lock | $(BIN)/python
	@echo "Installing…"
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock | $(BIN)/python
	@echo "Installing…"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.installed
