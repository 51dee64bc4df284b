# Every task of this project. Needs Python >= 3.11 with pip, and make; nothing else is assumed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/switch-gateway
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
LOCKED := install --require-hashes --no-deps --only-binary :all:
GOLDEN := proto/golden/switch.binpb
PEERS := $(CACHE)/peers
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check real lint proto golden lock chaos soak bench bench-micro bench-peers clean
.DELETE_ON_ERROR:

help:  ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Three stamps, each younger than what it was made from: the locked dependencies, Switch itself, the tools.
RUNS := $(VENV)/.runs
SWITCH := $(BIN)/switch
DEVELOPS := $(VENV)/.develops

$(RUNS): requirements-build.lock requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Switch needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(LOCKED) -r requirements-build.lock -r requirements.lock
	@touch $@

$(SWITCH): $(RUNS) pyproject.toml
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOPS): $(SWITCH) requirements-dev.lock
	$(PIP) $(LOCKED) -r requirements-dev.lock
	@touch $@

setup: $(SWITCH)  ## make .venv with .venv/bin/switch in it, from the locks

demo: $(SWITCH)  ## serve HTTP on 3000 and gRPC on 50051 before a mock (ARGS=--once: answer once and leave)
	$(SWITCH) demo $(ARGS)

test: $(DEVELOPS)  ## run the tests (ARGS=tests/routing: some of them)
ifdef ARGS
	$(BIN)/pytest -q $(ARGS)
else
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not timing"
	$(BIN)/pytest -q -m timing
endif

check: $(DEVELOPS)  ## format, lint, types, generated code, contract
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python proto/generate.py --check
	$(BIN)/buf lint proto
	$(BIN)/buf breaking proto --against $(GOLDEN)

real: $(DEVELOPS)  ## test against llama.cpp's own server and the npm client (first build: 5 min, cached)
	PYTHON=$(abspath $(BIN)/python) tests/real/build_llama_server.sh $(CACHE)/llama
	SWITCH_CACHE=$(CACHE) $(BIN)/pytest -q tests/real $(ARGS)

lint: $(DEVELOPS)  ## put format and lint right where that is automatic
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

proto: $(DEVELOPS)  ## generate switch_grpc/v1 from the .proto files
	$(BIN)/python proto/generate.py

golden: $(DEVELOPS)  ## accept the .proto files as the contract that later ones may only add to
	@mkdir -p $(dir $(GOLDEN))
	$(BIN)/buf breaking proto --against $(GOLDEN) || echo "the contract BREAKS as listed: callers must know"
	$(BIN)/buf build proto --exclude-source-info --output $(GOLDEN)

# Constrained by the largest set, so that one version of each package serves all locks; nothing
# younger than a week, because a poisoned release is mostly found within days.
COMPILE = $(CACHE)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --exclude-newer "7 days"

$(CACHE)/uv/bin/uv:
	$(PYTHON) -m venv $(CACHE)/uv
	$(CACHE)/uv/bin/python -m pip --quiet install uv==0.13.9

lock: $(CACHE)/uv/bin/uv  ## resolve the dependencies anew (ARGS=--upgrade: to their newest)
	$(COMPILE) pyproject.toml --all-extras --group dev --output-file requirements-dev.lock $(ARGS)
	$(COMPILE) pyproject.toml --extra server --constraints requirements-dev.lock --output-file requirements.lock $(ARGS)
	$(COMPILE) pyproject.toml --extra all --constraints requirements-dev.lock --output-file requirements-all.lock $(ARGS)
	$(COMPILE) --group build --constraints requirements-dev.lock --output-file requirements-build.lock $(ARGS)

chaos: $(DEVELOPS)  ## every fault through both doors, three ledgers compared (ARGS=--requests=5; CHAOS_SEED=... repeats)
	$(BIN)/pytest -q tests/chaos
	$(BIN)/python -m tests.chaos.matrix $(ARGS)

soak: $(DEVELOPS)  ## everyday traffic with faults for 10 minutes: memory, fds, tasks (ARGS=--minutes=60)
	$(BIN)/python -m tests.chaos.soak $(ARGS)

bench: $(DEVELOPS)  ## measure beside LiteLLM: throughput, latency, streams, start, memory -> docs/benchmarks.md
	$(BIN)/python -m tests.bench.peers all --home $(PEERS) $(ARGS)

bench-micro: $(DEVELOPS)  ## measure the parts: routing, translation
	$(BIN)/pytest -q tests/bench --benchmark-only $(ARGS)

bench-peers: $(DEVELOPS)  ## install LiteLLM, the yardstick, for `make bench` (ARGS=--all: every peer)
	$(BIN)/python -m tests.bench.peers.install $(PEERS) $(ARGS)

clean:  ## remove .venv and everything made from the sources
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
