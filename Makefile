# One virtual environment in .venv, made here and nowhere else. PYTHON=python3.12 make run chooses another Python.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-browser check clean docs bench bench-classroom classroom

run: .venv/installed-all
	$(BIN)/python -m sim

classroom: .venv/installed-all
	$(BIN)/python -m sim classroom port=8765

test: .venv/installed-test
	$(BIN)/ruff check sim tests benchmarks docs
	$(BIN)/ruff format --check sim tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -n auto
	@echo "Not run: tests/browser, which drives the classroom in Chromium: make test-browser"

test-browser: .venv/installed-browser
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }
	$(BIN)/python -m pytest -p no:cacheprovider --reruns 1 tests/browser

docs: .venv/installed-test
	$(BIN)/python docs/generate.py

bench: .venv/installed-all
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/aims.py

bench-classroom: .venv/installed-test
	$(BIN)/python benchmarks/classroom.py

.venv/made:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Panj needs Python 3.11 or newer; found ' + sys.version.split()[0] + ' (make PYTHON=python3.12 ...)')"
	$(PYTHON) -m venv .venv
	@touch $@

.venv/installed-%: .venv/made pyproject.toml
	@echo "Installing Panj and what [$*] needs into .venv ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	@touch $@ .venv/installed-all

clean:
	rm -rf .venv
