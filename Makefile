# `make report` and `make test` each set up all they need; only Python 3.11 or newer must be there.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: report test pytest bench lint types install clean

report: $(INSTALLED)
	@$(BIN)/python -m salcompare report

# Beside one another; whichever fails, the others are let finish.
test: $(INSTALLED)
	@$(MAKE) --no-print-directory -j 3 lint types pytest

# A file to a process, in the order that tests/conftest.py gives.
pytest: $(INSTALLED)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED)
	@$(BIN)/ruff check .

types: $(INSTALLED)
	@$(BIN)/mypy

# One table at the end; to keep it: make bench BENCH="--out docs/benchmarks.md"
bench: $(INSTALLED)
	@$(BIN)/python -m tests.benchmarks $(BENCH)

install: $(INSTALLED)

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "salcompare needs Python 3.11 or newer; name one: make PYTHON=python3.12 report"; exit 2; }
	@echo "Setting up .venv (several GB with torch; once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[classifiers,collect,demo,import,timm]" --group dev
	@touch $@

clean:
	rm -rf .venv data/processed/* reports/*
