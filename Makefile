# Every target does its own set-up: a bare Debian with python3 and make is enough. See scripts/setup.sh.
# PYTHON=/path/to/python3 chooses the interpreter; ARGS="..." is passed on.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check lint types format bench peer compat

python := .venv/bin/python

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

setup: ## make .venv, from the lock file (every other target does this by itself)
	@scripts/setup.sh

demo: setup ## several crews at once on the offline model: no key, no network
	@.venv/bin/aiocrew demo $(ARGS)

test: setup ## the tests, with the python3 found
	@$(python) -m pytest $(ARGS)

test-all: setup ## the tests, with every interpreter from 3.11 on that is there
	@scripts/test_all.sh $(ARGS)

check: lint types ## linter, formatter, types and floors, without the other tests
	@$(python) -m pytest -q tests/test_architecture.py

lint: setup ## ruff: rules and format
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

types: setup ## pyright's strict rules on src and compat
	@.venv/bin/basedpyright --warnings

format: setup ## write what ruff can mend by itself
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

bench: setup ## the benchmarks, against a loopback server of their own
	@$(python) -m benchmarks $(ARGS)

peer: setup ## drive crews with replies that CrewAI's own tests recorded (downloads its source once)
	@$(python) scripts/peer_cassettes.py $(ARGS)

compat: setup ## run CrewAI's own tests on aiocrew (downloads them once); ARGS="--all", a file or a test
	@$(python) -m scripts.compat $(ARGS)
