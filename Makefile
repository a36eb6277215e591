# What a fresh machine needs is set up by every target that needs it; a second run finds it there.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
PYTEST_ARGS ?=
ENGINES ?=
bin := .venv/bin
installed := .venv/.installed
lowest := .venv/lowest
recipes := .venv/recipes
inspect := .venv/inspect

.PHONY: help up down test test-engines slow soak swarm lowest inspect lint bench bench-tests setup env lock audit clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: setup ## bring the lesson's stack up, print its status and URLs
	$(bin)/stackctl up
	$(bin)/stackctl status

down: $(installed) env ## take the lesson's stack away; its volumes stay
	$(bin)/stackctl down

test: setup $(recipes)/.installed ## run the tests, those on a real engine too (PYTEST_ARGS="-k …" for some)
	$(bin)/pytest -n 3 --dist worksteal $(PYTEST_ARGS)

# Not in CI: they wait for a Swarm that finds out that a node has died, and kill a deploy at each of its writes.
swarm: setup ## run every test on a real Swarm of three nodes, the slow ones too; needs root
	$(bin)/pytest -m "slow or not slow" tests/swarm $(PYTEST_ARGS)

# Not in CI: more pages, recipes, clients and ways to be killed, of a kind that CI tries as well.
slow: setup $(recipes)/.installed ## run the tests that take too long for CI, but those of `make swarm` and `make soak`
	$(bin)/pytest -n 3 --dist worksteal -m slow --ignore tests/swarm --ignore tests/faults $(PYTEST_ARGS)

# Not in CI: it takes an hour or more. What is known to differ stands in tests/engines/differences.toml.
test-engines: setup ## run the tests on other engines, over TLS and over ssh; needs root on Debian 12 (ENGINES="podman ssh" for some)
	PYTHONPATH=tests/engines:tests/engine:tests/faults:tests/docker $(bin)/python tests/engines/run.py $(ENGINES)

# Not in CI: every fault at every call of every command takes hours. TIMES=20 changes how often each test of
# random moments tries: 1,000 kills, 17 runs at once of each kind.
soak: setup ## let every call of every command meet every fault, and kill at random moments; needs root
	$(bin)/pytest -n 4 --dist worksteal -m "slow or not slow" tests/faults $(if $(TIMES),--times $(TIMES)) $(PYTEST_ARGS)

# What uses the dependencies most: all of them must do with the lowest versions that pyproject.toml allows.
lowest: setup $(lowest)/.installed ## run some tests with the lowest versions of all dependencies
	$(lowest)/bin/pytest -n 3 --hypothesis-seed=0 \
	  tests/cli tests/convert tests/show tests/testing tests/spec/test_dotenv.py tests/engine/test_file_changes.py \
	  tests/docker/test_build.py::test_the_output_must_come_while_it_is_built \
	  tests/docker/test_build.py::test_an_image_that_cannot_be_had_must_be_told \
	  tests/docker/test_plugin.py::test_the_ready_hook_must_be_called_once_whatever_the_number_of_workers \
	  tests/docker/test_plugin.py::test_markers_must_say_what_is_started

# Not in CI: Inspect needs 70 more packages. It is its newest version whose checks must pass.
inspect: setup $(inspect)/.installed ## run Inspect's own checks of a sandbox provider
	$(inspect)/bin/pytest tests/docker/test_inspect_sandbox.py

lint: $(installed) ## check style, types and the layers
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/lint-imports

bench: setup ## measure stackctl beside Docker Compose
	$(bin)/python bench/compare.py

bench-tests: setup ## measure the pytest plugin beside pytest-docker and testcontainers
	$(bin)/python bench/fixtures.py

setup: $(installed) env ## everything but the stack: .venv, .env files, an engine, the images
	@tools/engine
	@tools/images

# A missing .env is made from the .env.example beside it; one that is there is never touched.
env:
	@find . -path ./.venv -prune -o -name .env.example -print | while read -r example; do \
	  test -e "$${example%.example}" || cp -v "$$example" "$${example%.example}"; \
	done

$(installed): pyproject.toml requirements-dev.lock
	@PYTHON="$(PYTHON)" tools/venv .venv requirements-dev.lock
	@touch $@

$(lowest)/.installed: $(installed) requirements-lowest.lock
	@PYTHON="$(PYTHON)" tools/venv $(lowest) requirements-lowest.lock
	@touch $@

# What the recipes for tests need, apart from the rest: a plugin of pytest would be in every test.
$(recipes)/.installed: $(installed) requirements-recipes.lock
	@rm -rf $(recipes)
	$(bin)/python -m pip install -qq --target $(recipes) --no-deps --require-hashes --requirement requirements-recipes.lock
	@touch $@

$(inspect)/.installed: $(installed)
	@PYTHON="$(PYTHON)" tools/venv $(inspect) requirements-dev.lock
	$(inspect)/bin/python -m pip install -qq --no-build-isolation --editable '.[inspect]'
	@touch $@

compile := $(bin)/uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes \
  --custom-compile-command "make lock"

lock: $(installed) ## pin the newest versions in requirements-dev.lock, the lowest in requirements-lowest.lock
	$(bin)/python -m pip install --quiet uv
	$(compile) pyproject.toml --group dev --output-file requirements-dev.lock
	$(compile) pyproject.toml --resolution lowest-direct --group build --group test --output-file requirements-lowest.lock
	$(compile) --group recipes --constraint requirements-dev.lock --output-file requirements-recipes.lock

# Not in CI: it needs PyPI, and what it finds does not depend on the commit.
audit: $(installed) ## ask PyPI whether a pinned dependency has a known hole
	@PYTHON="$(PYTHON)" tools/audit

clean: ## remove .venv and the caches
	rm -rf .venv bench/.peers bench/.tools .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
