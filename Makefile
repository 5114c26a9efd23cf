# The same words in every README. `make help` lists them; ARGS reaches the command behind (make up ARGS="--replicas 2").
PYTHON ?= python3
ARGS ?=
LOCAL = .venv/bin/python -m storyreel_local
# Only who asks for an installation is told that there was nothing to do.
QUIET = $(if $(filter install install-engine,$(MAKECMDGOALS)),,--quiet)
# A stack without Triton needs no PyTorch.
ENVIRONMENTS = $(if $(findstring --without triton,$(ARGS)),install,install-engine)
SOURCES = $(wildcard libs/*/src services/*/src services/renderer/engine/src deploy/local/src)

.DEFAULT_GOAL := help
.PHONY: help install install-engine demo up down status test lint types contracts bench bench-engine simulate chaos broker-test compose-test clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | awk -F'\t' '{printf "  make %-15s %s\n", $$1, $$2}'

install: ## create .venv: services and tools, without PyTorch (reused when nothing changed)
	@$(PYTHON) deploy/local/bootstrap.py $(QUIET)

install-engine: ## the same and .venv-engine: PyTorch and Triton (about 3 GB to download)
	@$(PYTHON) deploy/local/bootstrap.py --engine $(QUIET)

demo: $(ENVIRONMENTS) ## brief in, film out: start everything, make the demo film into out/, stop everything
	@$(LOCAL) demo $(ARGS)

up: $(ENVIRONMENTS) ## start the embedded stack and leave it running (endpoints in .storyreel/stack.json)
	@$(LOCAL) up $(ARGS)

down: install ## stop it
	@$(LOCAL) down $(ARGS)

status: install ## what runs
	@$(LOCAL) status $(ARGS)

test: install-engine ## all tests: unit, contract, architecture, simulation, connected, end to end
	@bash tests/run.sh $(ARGS)

lint: install types contracts ## ruff, mypy --strict, import-linter, contract gate
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports

contracts: install ## contract snapshots are those of the models, and compatible with every release
	@.venv/bin/python -m storyreel_contracts schemas --check
	@.venv/bin/python -m storyreel_contracts gate

types: install ## mypy --strict
	@.venv/bin/mypy $(SOURCES)

bench: install ## measure: control cost, events per second, assembler memory, packet copy (ratios)
	@bash tests/bench/run.sh $(ARGS)

bench-engine: install-engine ## measure the step engine on a virtual device, beside plain Triton (ARGS="--quick" for a short run)
	@cd tests/bench && PYTHONPATH=../../services/renderer/engine/src PYTHONDONTWRITEBYTECODE=1 ../../.venv/bin/python -m engine $(ARGS)

simulate: install ## six services, replicas, people and faults under SEEDS seeds (default 1000); a table and bench-results/simulation.json
	@PYTHONHASHSEED=0 .venv/bin/python tests/simulation/simulate.py --seeds $(or $(SEEDS),1000) $(ARGS)

chaos: install ## real processes killed, frozen, cut off and restarted while they make films (ARGS="--quick" for some minutes)
	@.venv/bin/python tests/chaos/chaos.py $(ARGS)

broker-test: install ## Kafka's nodes and groups, Redis and the object store hurt under load, with controls (a quarter of an hour)
	@bash tests/run.sh tests/broker

compose-test: install ## docker-compose.yml brought up, fed from outside, hurt in the middle, taken down
	@bash deploy/compose/test.sh $(ARGS)

clean: ## stop the stack and delete environments, state and output
	@if [ -x .venv/bin/python ]; then $(LOCAL) down; fi
	rm -rf .venv .venv-engine .storyreel out build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
