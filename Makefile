# The two commands of a fresh machine: `make run` and `make test`. Both install what they need into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DATA   ?= demo-data
XDIST  ?= 2

.PHONY: run test check bench peers format clean
.DEFAULT_GOAL := run

# Installed again only when the project's dependencies changed.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,check]'
	@touch $@

run: $(VENV)/.installed ## the archive with a demo study, on loopback
	$(BIN)/sagittal demo --data $(DATA)

test: $(VENV)/.installed peers ## every test
	$(BIN)/python -m pytest -n $(XDIST) --dist loadgroup

check: $(VENV)/.installed ## style, types, architecture, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/house
	$(BIN)/python -m pytest --doctest-modules src/sagittal

bench: $(VENV)/.installed peers ## ratios against peers in one run
	$(BIN)/python -m bench

peers: ## the programs that tests talk to: DCMTK, Orthanc
	@sh tests/support/install_peers.sh

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
