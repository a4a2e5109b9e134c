# Two commands do everything on a machine with Python 3.11+ (pip, venv), git and make:
#   make demo    install, report on the embedded study, say where the report is
#   make test    install, run the tests
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
OUT    ?= out

.PHONY: demo test check format lint types contracts docs bench calibrate lock clean

demo: $(VENV)/.run
	$(BIN)/openlupus demo --out $(OUT) --force

test: $(VENV)/.dev
	$(BIN)/pytest -q -n auto

check: format lint types contracts docs test

format: $(VENV)/.dev
	$(BIN)/ruff format --check

lint: $(VENV)/.dev
	$(BIN)/ruff check

types: $(VENV)/.dev
	$(BIN)/pyright

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	$(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.agreement

calibrate: $(VENV)/.dev
	$(BIN)/python -m benchmarks.calibrate
	$(BIN)/python -m benchmarks.calibrate_imputation

# Versions and hashes come from requirements/*.txt; where the packages come from is the machine's
# own setting, and stands in no file here.
$(VENV)/bin/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt

$(VENV)/.run: $(VENV)/bin/uv requirements/run.txt pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/run.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	touch $@

# Make the lock files anew from pyproject.toml.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate
lock: $(VENV)/bin/uv
	$(COMPILE) pyproject.toml --group build --output-file requirements/run.txt
	$(COMPILE) pyproject.toml --all-extras --group build --group test --group check --output-file requirements/dev.txt
	printf 'uv\n' | $(COMPILE) - --output-file requirements/uv.txt

clean:
	rm -rf $(OUT) site dist build
