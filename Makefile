# make run   from a bare clone to a working studio
# make test  everything this machine can test
# make check lint, format, types, migrations, deployment check

PYTHON ?= $(shell command -v python3.13 || command -v python3.12 || command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv)

.PHONY: run install dev test check lock drills bench

run: $(VENV)/.installed
	@exec $(BIN)/python manage.py up

install: $(VENV)/.installed

dev: $(VENV)/.installed-dev

test: $(VENV)/.installed-dev
	@$(BIN)/python tests/run.py

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --target-version 5.2 --check $$(git ls-files 'templates/*.html')
	$(BIN)/mypy
	$(BIN)/python tests/check_project.py

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --extra postgres pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --extra postgres --group dev pyproject.toml -o requirements-dev.lock

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "veniceweb needs Python 3.11 or later; set PYTHON=/path/to/it.")'
ifneq ($(UV),)
	@$(UV) venv -q --python $(PYTHON) $(VENV)
else
	@$(PYTHON) -m venv $(VENV)
endif

$(VENV)/.installed: requirements.lock | $(VENV)/bin/python
	@echo "Installing…"
ifneq ($(UV),)
	@VIRTUAL_ENV=$(VENV) $(UV) pip install -q --require-hashes -r requirements.lock
else
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
endif
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock | $(VENV)/bin/python
	@echo "Installing…"
ifneq ($(UV),)
	@VIRTUAL_ENV=$(VENV) $(UV) pip install -q --require-hashes -r requirements-dev.lock
else
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
endif
	@touch $@ $(VENV)/.installed
