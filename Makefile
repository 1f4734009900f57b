# The commands of every day; CONTRIBUTING.md says when to use which.
# Tests' models are so small that a second thread costs more than it does; where a test wants one, it waits asleep.
PYTEST = OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive python -m pytest

.PHONY: install run test test-all test-slow heavy lint types docs ci

install: ## everything for development, into the environment that is active
	pip install -r requirements-dev.txt

run: ## the app
	python app.py

test: ## the fast lane: three quarters of the tests in a tenth of the time, without servers and browsers
	$(PYTEST) -m "not server and not heavy and not slow"

test-all: ## all tests but the slow ones, as CI
	$(PYTEST)

test-slow: ## the slow ones, before a release
	$(PYTEST) -m slow

heavy: ## which tests the fast lane leaves out, measured anew
	$(PYTEST) -p tests.cpu_seconds -m "not server and not slow"

lint: ## format and complain
	ruff format .
	ruff check .

types: ## what the type checker complains about
	mypy

docs: ## the documents' tables from the committed results
	python -m tools.regenerate --only tables

ci: ## what CI does, in an environment of its own
	.ci/run
