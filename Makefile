# Two commands need nothing but Python 3.11, make and pip: `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test coverage lint types imports docs figures clean

demo: $(READY)
	$(BIN)/xlparity demo

test: $(READY)
	$(BIN)/python -m pytest -n 2

# Which branches of the packages that judge their own tests take.
coverage: $(READY)
	$(BIN)/python benchmarks/judge.py coverage

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

# The documentation as a website in build/docs.
docs: $(READY)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python -m sphinx -n -W --keep-going -q -b html docs build/docs

# The table of the documents' figures in docs/figures.md; needs LibreOffice.
figures: $(READY)
	$(BIN)/python benchmarks/figures.py

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

clean:
	rm -rf $(VENV)
