# Every target sets up what it needs: Python 3.11 and make are enough to start with.
PYTHON := $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Commands start hundreds of processes: each would compile the whole application anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo serve test chaos check coverage lint types imports format bench assets translations messages migrate lock system clean

help: ## show these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

$(VENV)/runtime: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Bangnin needs Python 3.11 or newer; found $$($(PYTHON) --version)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint requirements.lock --editable .
	@touch $@

$(VENV)/development: $(VENV)/runtime
	$(BIN)/pip install --quiet --constraint requirements.lock --editable '.[test,postgresql,redis]'
	@touch $@

install: $(VENV)/runtime ## make the command .venv/bin/marketplace

demo: $(VENV)/runtime ## build the demonstration world, run one matching, serve it on port 8000
	INSTANCE_DIR=$${INSTANCE_DIR:-instance-demo} $(BIN)/marketplace demo --serve --port $(PORT)

serve: $(VENV)/runtime ## serve the instance in ./instance
	$(BIN)/marketplace upgrade
	$(BIN)/marketplace serve --port $(PORT)

system: # what tests need from Debian: a browser with a Chinese font, PostgreSQL, Redis
	@missing=; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	[ -n "$$(ls /usr/share/fonts/opentype/noto/NotoSansCJK* 2>/dev/null)" ] || missing="$$missing fonts-noto-cjk"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	[ -z "$$missing" ] || { \
	  [ "$$(id -u)" = 0 ] && root= || root=sudo; echo "installing$$missing"; \
	  $$root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq $$missing >/dev/null; }

test: $(VENV)/development system ## run every test
	$(BIN)/pytest -n 3 --dist loadfile --ignore tests/races
	$(BIN)/pytest -n 2 --dist loadgroup tests/races

chaos: $(VENV)/development system ## the long form of the races and kills: five seeds, both databases (several hours)
	$(BIN)/python -m tests.races

check: $(VENV)/development system lint types imports messages ## everything that must hold before a change lands
	$(BIN)/pytest -n 3 --dist loadfile --ignore tests/races --durations=15
	$(BIN)/pytest -n 2 --dist loadgroup tests/races --durations=15  # alone: 64 processes starve what has a time limit

coverage: $(VENV)/development system ## which lines the tests run (they take twice as long meanwhile)
	$(BIN)/pytest -n 2 --dist loadfile --ignore tests/races --cov --cov-report=term:skip-covered --cov-fail-under=85

lint: $(VENV)/development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/development
	$(BIN)/mypy

imports: $(VENV)/development
	$(BIN)/lint-imports --no-cache

format: $(VENV)/development ## format and mend what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/development ## measure (make bench GAP=gapd.txt for OR-Library's instances); figures go into docs/benchmarks.md by hand
	$(BIN)/python -m tests.benchmarks.match_files
	$(BIN)/python -m tests.benchmarks.match_files --needs 400 --capacities 60
	$(BIN)/python -m tests.benchmarks.engines
	$(BIN)/python -m tests.benchmarks.prices
	$(BIN)/python -m tests.benchmarks.coupled
	$(BIN)/python -m tests.benchmarks.foresight_years
	$(BIN)/python -m tests.benchmarks.suggestions
	$(BIN)/python -m tests.benchmarks.imports
	$(BIN)/python -m tests.benchmarks.gap $(if $(GAP),--gap $(GAP))

assets: $(VENV)/runtime ## fetch the front-end files named in marketplace/assets.lock.json again (needs npm)
	$(BIN)/python -m marketplace.assets

messages: $(VENV)/development # are the catalogues complete and compiled?
	$(BIN)/python -m tests.support.catalogues --check

translations: $(VENV)/development ## take new texts into the catalogues, and compile them
	$(BIN)/python -m tests.support.catalogues

migrate: $(VENV)/development ## make a migration: make migrate m="what changes"
	$(BIN)/flask --app marketplace:create_app db migrate -d marketplace/migrations -m "$(m)"

lock: $(VENV)/development # fix the versions of this environment
	$(BIN)/pip freeze --exclude-editable | grep -v '^bangnin' > requirements.lock

clean: ## remove the environment and the demonstration instance
	rm -rf $(VENV) instance-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
