# Two commands do all the set-up: `make demo` and `make test`. Both need Python 3.11 or 3.12,
# make and git, and nothing else: the lock file brings the rest into .venv.

VENV   ?= .venv
DATA   ?= data
PEOPLE ?= 100000
SEED   ?= 2021
PERIOD ?= 2026-10
PORT   ?= 3000
JOBS   ?= 2
MINUTES ?= 5

BIN     := $(VENV)/bin
CAKUPAN := $(BIN)/cakupan
READY   := $(VENV)/.ready
SPARK_READY := $(VENV)/.ready-spark

# The first interpreter that runs and is of a version that all dependencies have wheels for.
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' \
	>/dev/null 2>&1 && echo "$$p" && break; done)

.PHONY: help demo test test-browser test-spark reliability coverage fuzz soak lint format ui docs bench clean
.DEFAULT_GOAL := help

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Cakupan needs Python 3.11 or 3.12: install one, or name it with make PYTHON=..."; exit 1; }
	@echo "==> setting up $(VENV) with $(PYTHON) (once; about two minutes)"
	@"$(PYTHON)" -m venv "$(VENV)"
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch "$(READY)"

$(SPARK_READY): $(READY) requirements-spark.lock
	@echo "==> adding Spark to $(VENV) (once; half a gigabyte)"
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --require-hashes -r requirements-spark.lock
	@touch "$(SPARK_READY)"

demo: $(READY) ## make a synthetic sample world, run the whole pipeline on it, publish
	@echo "==> making a synthetic world of $(PEOPLE) people for $(PERIOD) in $(DATA)/sample"
	@"$(CAKUPAN)" sample --people $(PEOPLE) --seed $(SEED) --period $(PERIOD) --out "$(DATA)/sample" \
		--database siinas_companies --database siinas_workers
	@echo "==> running the pipeline for $(PERIOD) in $(DATA)"
	@"$(CAKUPAN)" run --home "$(DATA)" --period $(PERIOD) --inbox "$(DATA)/sample/inbox" --settings "$(DATA)/sample/settings.yaml"

test: $(READY) ## lint, check types and pass the tests
	@echo "==> lint and types"
	@"$(BIN)/ruff" check --quiet .
	@"$(BIN)/ruff" format --check --quiet .
	@"$(BIN)/mypy" --no-error-summary
	@echo "==> tests"
	@"$(BIN)/python" -m pytest -q -n $(JOBS)

test-browser: $(READY) ## pass the dashboard's tests in a headless Chromium
	@"$(BIN)/python" -m pytest -q --override-ini "addopts=-ra --strict-markers" tests/browser

test-spark: $(SPARK_READY) ## pass the tests of the Spark engine: about half a gigabyte is fetched once
	@"$(BIN)/python" -m pytest -q --override-ini "addopts=-ra --strict-markers" tests/spark

reliability: $(READY) ## run the fault tests and write docs/reliability.md from what they see
	@CAKUPAN_RELIABILITY=write "$(BIN)/python" -m pytest -q tests/faults --deselect tests/faults/test_reliability_page.py

coverage: $(READY) ## tell which lines the tests run
	@"$(BIN)/python" -m pytest -q -n $(JOBS) $(addprefix --cov=,pipelines assets sources expectations matching publishing warehouse)

fuzz: $(READY) ## try readers and parsers with ever new damaged input for MINUTES (5)
	@until=$$(( $$(date +%s) + 60 * $(MINUTES) )); while [ $$(date +%s) -lt $$until ]; do \
		CAKUPAN_FUZZ=long "$(BIN)/python" -m pytest -q -x tests/fuzz || exit 1; done

soak: $(READY) ## kill, starve and watch runs for an hour or two, and write docs/reliability/*.json
	@"$(BIN)/python" tests/faults/harness/soak.py
	@"$(BIN)/python" tests/faults/ledger.py

lint: $(READY) ## lint and check types only
	@"$(BIN)/ruff" check . && "$(BIN)/ruff" format --check . && "$(BIN)/mypy"

format: $(READY) ## put the code into the one format
	@"$(BIN)/ruff" check --fix --quiet . ; "$(BIN)/ruff" format .

ui: $(READY) ## open the Dagster UI on the home in $(DATA)
	@"$(CAKUPAN)" ui --home "$(DATA)" --port $(PORT)

docs: $(READY) ## build the documentation site into site/, and check its links
	@NO_MKDOCS_2_WARNING=1 "$(BIN)/mkdocs" build --quiet --strict
	@echo "==> site/index.html"

bench: $(READY) ## measure the pipeline (docs/benchmarks.md)
	@"$(BIN)/python" benchmarks/pipeline.py

clean: ## delete the virtual environment and the demo's data
	@rm -rf "$(VENV)" "$(DATA)"
