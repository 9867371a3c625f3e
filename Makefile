# Two commands for a fresh machine: `make demo` and `make test`. Needs Python >= 3.11 and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test quick check fmt docs bench clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(STAMP)  ## hunt over sample logs and show the RemCom finding
	$(BIN)/python -m trapline demo

test: $(STAMP)  ## every test (minutes), over all cores, those of a module together
	$(BIN)/python -m pytest -n auto --dist loadscope

quick: $(STAMP)  ## the inner loop (seconds)
	$(BIN)/python -m pytest -x tests/unit tests/test_cases.py

check: $(STAMP)  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)  ## docs/commands and docs/functions, from docstrings and case files
	$(BIN)/python -m tests.manual

bench: $(STAMP)  ## the budgets of docs/architecture.md, measured here
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) build dist demo-out .mypy_cache .ruff_cache .pytest_cache .hypothesis
