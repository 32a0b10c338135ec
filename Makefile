# Two commands set everything up on a fresh machine: `make demo` and `make test`.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
AUDIT  := .venv-audit
FUZZ   := .venv-fuzz
FUZZ_SECONDS ?= 60
MUTATE := .venv-mutate
MUTATE_CHILDREN ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-clients test-fast lint format bench fuzz chaos soak mutate build audit lock clean

help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/run.stamp ## run the hybrid flow against a simulated org and show the evidence
	@$(BIN)/python -m orchestrator demo

test: $(VENV)/dev.stamp ## every test
	$(BIN)/pytest -n auto --ignore=tests/clients

test-clients: $(VENV)/dev.stamp ## the Salesforce CLI, jsforce, simple-salesforce and zeep against the simulator
	$(BIN)/python tests/clients/npm_clients.py
	$(BIN)/pytest tests/clients -n 2 --dist loadfile -rs

test-fast: $(VENV)/dev.stamp ## tests that start no process and take under a second
	$(BIN)/pytest -n auto -m "not slow" --ignore=tests/clients

lint: $(VENV)/dev.stamp ## style, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## let ruff format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp ## measure; the machine's own reference stands beside each figure
	$(BIN)/python -m tests.bench

chaos: $(VENV)/dev.stamp ## 200 orgs through processes that are killed at random moments; the seed is printed
	ORCHESTRATOR_CHAOS_ORGS=200 $(BIN)/pytest tests/crash/test_chaos.py -s

soak: $(VENV)/dev.stamp ## an hour of a fleet in bad weather; memory, files and orgs afterwards
	$(BIN)/python -m tests.soak --orgs 6000

fuzz: $(FUZZ)/stamp ## atheris on everything that parses bytes from outside, FUZZ_SECONDS (60) for each target
	$(FUZZ)/bin/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)

mutate: $(MUTATE)/stamp ## change the core in a copy, bit by bit, and see which change no test notices
	rm -rf build/mutate && mkdir -p build/mutate
	tar --exclude=__pycache__ -cf - orchestrator tests playbooks fixtures docs pyproject.toml README.md LICENSE NOTICE \
	  | tar -xf - -C build/mutate
	cd build/mutate && nice $(CURDIR)/$(MUTATE)/bin/mutmut run --max-children $(MUTATE_CHILDREN) $(MUTANTS)
	$(MUTATE)/bin/python .ci/mutation_score.py build/mutate

build: $(AUDIT)/stamp .venv-run/stamp ## wheel, sdist and SBOM (CycloneDX) in dist/, the same bytes every time
	$(AUDIT)/bin/python -m hatchling build -d dist
	$(AUDIT)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --short-PURLs --of JSON -o dist/sbom.cdx.json .venv-run

audit: $(AUDIT)/stamp .venv-run/stamp ## licences and known vulnerabilities of what a user installs
	$(AUDIT)/bin/python .ci/audit.py .venv-run/bin/python

lock: $(VENV)/dev.stamp ## make the lock files anew (needs uv)
	uv pip compile pyproject.toml --universal --generate-hashes --no-header -o locks/run.txt
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-header -o locks/dev.txt
	uv pip compile locks/audit.in --universal --generate-hashes --no-header -o locks/audit.txt
	uv pip compile pyproject.toml locks/fuzz.in --universal --generate-hashes --no-header -o locks/fuzz.txt
	uv pip compile pyproject.toml locks/mutate.in -c locks/dev.txt --group dev --universal --generate-hashes --no-header \
	  -o locks/mutate.txt
	cd tests/clients && npm install --package-lock-only --ignore-scripts \
	  --omit-lockfile-registry-resolved --no-audit --no-fund

clean: ## remove what was made here
	rm -rf $(VENV) $(AUDIT) $(FUZZ) $(MUTATE) .venv-run build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: locks/run.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r locks/run.txt
	@touch $@

$(VENV)/dev.stamp: locks/dev.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r locks/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/run.stamp

$(AUDIT)/stamp: locks/audit.txt
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --require-hashes -r locks/audit.txt
	@touch $@

$(FUZZ)/stamp: locks/fuzz.txt
	$(PYTHON) -m venv $(FUZZ)
	$(FUZZ)/bin/python -m pip install --quiet --require-hashes -r locks/fuzz.txt
	@touch $@

$(MUTATE)/stamp: locks/mutate.txt
	$(PYTHON) -m venv $(MUTATE)
	$(MUTATE)/bin/python -m pip install --quiet --require-hashes -r locks/mutate.txt
	@touch $@

.venv-run/stamp: locks/run.txt | $(AUDIT)/stamp
	$(PYTHON) -m venv --clear --without-pip .venv-run
	$(AUDIT)/bin/python -m pip --python .venv-run install --quiet --require-hashes -r locks/run.txt
	@touch $@
