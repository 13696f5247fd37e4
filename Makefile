# One command checks everything: `make check`.
PYTHON ?= .venv/bin/python

# `make cases` prints the scoreboard; `make cases CASES="NAME …"` of some of them.
# `make screenshots` draws the pictures of the README again; it needs Chromium.
# `make checkpoint-fixtures`, at a release: keeps checkpoints of this version for all later ones to go on from.
.PHONY: cases check checkpoint-fixtures docs lint real-model screenshots test slow

check: lint
	$(PYTHON) -m pytest -n auto -m 'not real_model'

cases:
	$(PYTHON) -m tests.cases.scoreboard $(CASES)

checkpoint-fixtures:
	$(PYTHON) -m tests.checkpoints.keeping

screenshots:
	$(PYTHON) -m tests.screenshots

golden:
	$(PYTHON) -m tests.records.golden_reports

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(dir $(PYTHON))lint-imports

docs:
	$(PYTHON) -m tests.docs.safety

test:
	$(PYTHON) -m pytest -n auto

real-model:
	$(PYTHON) -m pytest -rs -m real_model tests/models/test_real_model.py

slow:
	$(PYTHON) -m pytest -n auto -m slow

