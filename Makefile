# What a newcomer types: `make demo`, then `make test`. `make help` lists the rest.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
TSUMUGI := $(BIN)/tsumugi
export TSUMUGI_WORKSPACE ?= data

.DEFAULT_GOAL := help
.PHONY: help install loops system demo demo-data demo-files demo-full test test-all fuzz attack needles rotation \
	coverage lint lock clean-demo

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.installed ## make .venv with everything in requirements.lock

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# On one processor, so it is done beside what also uses one only: the demo's files, mypy.
loops: $(VENV)/.loops ## compile the loops over the bytes of files, once for each version of them

$(VENV)/.loops: $(VENV)/.installed $(wildcard ingest/formats/*.py ingest/identity/*.py ingest/sealing/*.py ingest/center/link/*.py)
	$(BIN)/python tools/compile_loops.py
	touch $@

system: ## chromium and a Japanese font, for the browser tests
	@tools/system-packages.sh

demo: demo-data ## the demo: data, then the dashboard on 127.0.0.1:8501
	$(TSUMUGI) serve

demo-data: install ## the demo's data without serving
	$(TSUMUGI) init --demo
	$(TSUMUGI) keys init
	$(MAKE) --no-print-directory -j 2 demo-files loops
	$(TSUMUGI) run
	$(TSUMUGI) accounts

demo-files: install
	$(TSUMUGI) synth

demo-full: install ## all 34 municipalities, 100,000 people, in data-full/
	TSUMUGI_WORKSPACE=data-full $(TSUMUGI) init --demo
	TSUMUGI_WORKSPACE=data-full $(TSUMUGI) keys init
	TSUMUGI_WORKSPACE=data-full $(TSUMUGI) synth --full
	TSUMUGI_WORKSPACE=data-full $(TSUMUGI) run
	TSUMUGI_WORKSPACE=data-full $(TSUMUGI) accounts

# Budgets on 2 cores: lint 1 min, unit 2, property and spec 3, integration and security 4, browser 2.
test: install system ## all tests in their short form, the browser included; about 22 minutes on 2 cores
	$(MAKE) --no-print-directory -j 2 lint loops
	$(BIN)/pytest -n 2 -m "not long"

test-all: install system ## the tests and their long forms
	$(MAKE) --no-print-directory -j 2 lint loops
	$(BIN)/pytest -n 2

fuzz: install ## 10,000 and more mutated files of every format
	$(BIN)/pytest -n 2 tests/fuzz

attack: install ## 10,000 attacks on sealed batches, at the desk of a real center; some minutes
	$(BIN)/python -m tests.attacks.campaign

needles: demo-data ## look for fifty people in a gigabyte of the center's files, spill and logs
	TSUMUGI_NEEDLES_IN=$(abspath $(TSUMUGI_WORKSPACE)) $(BIN)/pytest -m long tests/security/test_needles_at_size.py

rotation: install ## every key rotated in the middle of the demo's months, killed at ten places; an hour
	rm -rf data-rotation
	TSUMUGI_WORKSPACE=data-rotation $(TSUMUGI) init --demo
	TSUMUGI_WORKSPACE=data-rotation $(TSUMUGI) keys init
	TSUMUGI_WORKSPACE=data-rotation $(TSUMUGI) synth
	TSUMUGI_ROTATION_IN=$(abspath data-rotation) $(BIN)/pytest -m long tests/integration/test_rotation_demo.py

# Who a person is, the seal of a batch, the account of what was loaded and the one door to DuckDB: every branch is tried.
coverage: install ## branch coverage of identity, sealing, ledger and warehouse: 100 %, or the target fails
	$(BIN)/coverage run -m pytest -q -m "not long" tests/unit/identity tests/unit/sealing tests/unit/ledger \
		tests/security/test_warehouse_door.py tests/spec/test_envelope_vectors.py \
		tests/property/test_envelope_attacks.py tests/property/test_normalise.py
	$(BIN)/coverage report

lint: install ## ruff, mypy and sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 2 --nocolor --disable-progress-bar models data_tests

lock: install ## write requirements.lock anew
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-strip-extras --python-version 3.11 \
		--extra dev --output-file requirements.lock pyproject.toml

clean-demo: ## remove the demo's data
	rm -rf data
