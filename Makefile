# What there is to do here. Needs make and Python 3.11 or newer, nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first of these that is new enough, or the one you name: make up PYTHON=/opt/python3.12/bin/python3
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)

# Compiled once for all processes; some machines forbid it, and each start compiles the same two thousand files.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
# `activate` is the last that Python makes: who was killed before that left a python without pip. And a python is a link,
# which leads nowhere once the system has another one.
is_whole = test -x $(1)/bin/python && test -e $(1)/bin/activate
# A stamp's name holds the hash of what was installed, so a changed pin is a missing stamp. `cksum` is everywhere.
hash = $(shell cat requirements/$(1).txt | cksum | tr ' ' '-')
RUN_STAMP := $(VENV)/.installed-base-$(call hash,base)
DEV_STAMP := $(VENV)/.installed-dev-$(call hash,dev)
FRAMEWORKS := .venv-frameworks
FRAMEWORKS_STAMP := $(FRAMEWORKS)/.installed-$(call hash,frameworks)
PEERS := .venv-peers
PEERS_STAMP := $(PEERS)/.installed-$(call hash,peers)
# One at a time: of two that begin at one moment the second waits, and finds done what it came for.
ALONE := -I config/launch/alone.py $(VENV).lock

.PHONY: help up demo ready test frameworks peers mutations check format bench shots words pins

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(RUN_STAMP) ## start the instance: web server, worker, broker (Ctrl-C stops all)
	@exec $(RUN) -m config.launch --stop-with-parent

demo: $(RUN_STAMP) ## fill the instance with a believable world
	@$(RUN) -m config.launch.prepare
	@address=$$($(RUN) -m config.launch.options) && $(RUN) manage.py demo --address "$$address" $$(test -t 1 && echo --live)

# What an instance on servers of its own does otherwise than one on its data folder. Hostile input is the same there, and so
# are pages, but for those that ask most of the databases.
ON_SERVERS := $(addprefix tests/,accounts api audit backups blobs e2e/durability files plans projects runs statistics teams vault wandb_protocol \
	$(patsubst %,erasure/test_%.py,at_once clearing faults held kill killed_whole unwell) house/test_migrations.py webhooks/test_together.py \
	$(patsubst %,exports/test_%.py,at_once away kill unread worker) $(patsubst %,imports/test_%.py,at_once away called_off handed_in in_turns kill) \
	$(patsubst %,web/test_%.py,api_keys audit_page find groups home organisations project_settings providers runs_table sessions teams tries))
# They touch neither a database nor a store.
SAME_ANYWHERE := $(patsubst %,--ignore=tests/%.py,api/test_streaming runs/history/test_codec runs/history/test_paths)

test: $(DEV_STAMP) ## run every test, then those of stored things again on PostgreSQL, a broker and S3
	@rm -f .pytest_cache/unsteady
	@OWNLOG_TURN=$${OWNLOG_TURN:-$$($(RUN) -m tests.turns)} && export OWNLOG_TURN && \
	$(RUN) -m tests.again $(PYTEST_OPTIONS) && \
	echo "Once more, on PostgreSQL, a Redis-compatible broker and an S3 store" && \
	$(RUN) -m tests.servers $(RUN) -m tests.again -m "not embedded and not browser" $(SAME_ANYWHERE) $(PYTEST_OPTIONS) $(ON_SERVERS)

ready: $(DEV_STAMP)

# Where they are installed, make test asks them too.
frameworks: $(DEV_STAMP) $(FRAMEWORKS_STAMP) ## install Lightning, Keras, ... apart (7 GB) and log from them
	@$(RUN) -m pytest -n0 -v $(PYTEST_OPTIONS) tests/frameworks

# ONLY=apps.teams looks at a part.
mutations: $(DEV_STAMP) ## take out each gate call in turn and write down which test sees it
	@$(RUN) -m tests.mutations "$(ONLY)"

check: $(DEV_STAMP) ## lint, types, layers, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/mypy
	$(BIN)/lint-imports
	DJANGO_SETTINGS_MODULE=config.settings.test $(RUN) manage.py check --fail-level WARNING
	DJANGO_SETTINGS_MODULE=config.settings.test $(RUN) manage.py makemigrations --check --dry-run

format: $(DEV_STAMP) ## put the code in the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV_STAMP) ## measure what is promised in figures; DOCS=yes writes them into docs/ and README.md
	@$(RUN) -m bench $(if $(DOCS),--docs)

peers: $(DEV_STAMP) $(PEERS_STAMP) ## install MLflow apart (0.7 GB) and measure beside it
	@$(RUN) -m bench.peers

shots: $(DEV_STAMP) ## renew the screenshots of docs/ (needs Chromium)
	@$(RUN) -m tests.shots

words: $(DEV_STAMP) ## gather the texts of the pages into locale/ and compile their translations
	@DJANGO_SETTINGS_MODULE=config.settings.test $(RUN) -m tests.words

pins: ## compile requirements/*.in anew (maintainers; needs uv)
	@command -v uv >/dev/null || { echo "make pins needs uv: pip install uv"; exit 1; }
	@for set in base dev frameworks oldest-client peers; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
			--upgrade --output-file requirements/$$set.txt requirements/$$set.in || exit 1; \
	done

$(RUN) $(BIN)/activate:
	@test -n "$(PYTHON)" || { echo "Ownlog needs Python 3.11 or newer with its venv module (Debian and Ubuntu: apt install python3-venv)."; \
		echo "If yours has another name: make $(or $(MAKECMDGOALS),up) PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11."; exit 1; }
	@"$(PYTHON)" $(ALONE) '$(call is_whole,$(VENV)) || { echo "Making $(VENV) with $(PYTHON)" && "$(PYTHON)" -m venv --clear $(VENV); }'

# A set names all that it needs (tests/house/test_requirements.py), so pip need not reckon: a sixth of its time.
# The development set holds the other: whoever has it needs no second installation to run the instance.
$(RUN_STAMP): $(RUN) $(BIN)/activate
	@$(RUN) $(ALONE) 'test -e $@ || { { test -e $(DEV_STAMP) || { echo "Installing what Ownlog runs on (once, and when the pins change)" && \
		$(RUN) -m pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r requirements/base.txt; }; } && \
		rm -f $(VENV)/.installed-base-* && touch $@; }'

$(DEV_STAMP): $(RUN) $(BIN)/activate
	@$(RUN) $(ALONE) 'test -e $@ || { echo "Installing what the tests and checks need (once, and when the pins change)" && \
		$(RUN) -m pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r requirements/dev.txt && \
		rm -f $(VENV)/.installed-dev-* && touch $@; }'

$(FRAMEWORKS_STAMP): | $(RUN) $(BIN)/activate
	@$(call is_whole,$(FRAMEWORKS)) || $(RUN) -m venv --clear $(FRAMEWORKS)
	@echo "Installing the frameworks (once, and when the pins change): gigabytes, for PyTorch brings what a GPU needs"
	@$(FRAMEWORKS)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/frameworks.txt
	@rm -f $(FRAMEWORKS)/.installed-* && touch $@

# With bytecode, unlike the others: its server starts a process for each worker, and each would compile all of it.
$(PEERS_STAMP): | $(RUN) $(BIN)/activate
	@$(call is_whole,$(PEERS)) || $(RUN) -m venv --clear $(PEERS)
	@echo "Installing MLflow (once, and when the pins change)"
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/peers.txt
	@rm -f $(PEERS)/.installed-* && touch $@
