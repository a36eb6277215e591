# What a fresh machine needs is set up by every target that needs it; a second run finds it there.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
PYTEST_ARGS ?=
bin := .venv/bin
installed := .venv/.installed

.PHONY: help up down test lint bench bench-tests setup env lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: setup ## bring the lesson's stack up, print its status and URLs
	$(bin)/stackctl up
	$(bin)/stackctl status

down: $(installed) env ## take the lesson's stack away; its volumes stay
	$(bin)/stackctl down

test: setup ## run every test, those on a real engine too (PYTEST_ARGS="-k …" for some)
	$(bin)/pytest -n 3 --dist worksteal $(PYTEST_ARGS)

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
	@PYTHON="$(PYTHON)" tools/venv
	@touch $@

# The hashes are the package index's: wheels that lie on this machine and pip's configuration are left out.
lock: $(installed) ## pin the newest versions in requirements-dev.lock
	$(bin)/python -m pip install --quiet pip-tools
	$(bin)/python tools/lock-input.py | \
	  PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= CUSTOM_COMPILE_COMMAND="make lock" \
	  $(bin)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --allow-unsafe \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements-dev.lock -

clean: ## remove .venv and the caches
	rm -rf .venv bench/.peers bench/.tools .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
