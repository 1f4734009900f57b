# The commands of every day; CONTRIBUTING.md says when to use which.
# Tests' models are so small that a second thread costs more than it does.
PYTEST = OMP_NUM_THREADS=1 python -m pytest

.PHONY: install run test test-all lint types docs ci

install: ## everything for development, into the environment that is active
	pip install -r requirements-dev.txt

run: ## the app
	python app.py

test: ## the fast lane: no servers, no browsers, no other processes
	$(PYTEST) -m "not server and not slow"

test-all: ## all tests but the slow ones, as CI
	$(PYTEST)

lint: ## format and complain
	ruff format .
	ruff check .

types: ## what the type checker complains about
	mypy

docs: ## the documents' tables from the committed results
	python -m tools.regenerate --only tables

ci: ## what CI does, in an environment of its own
	.ci/run
