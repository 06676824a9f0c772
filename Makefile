# One virtual environment in .venv, made here and nowhere else. PYTHON=python3.12 make run chooses another Python.
# Versions are those of constraints.txt; CONSTRAINTS= make run takes the newest that pyproject.toml allows.
PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
BIN := .venv/bin
SUPPLY := .venv/supply/bin

.PHONY: run test test-slow style compile test-browser fuzz check clean docs figures pictures bench bench-classroom classroom notice sbom audit constraints faults test-mesa-next wheel

run: .venv/installed-all
	$(BIN)/python -m sim

classroom: .venv/installed-all
	$(BIN)/python -m sim classroom port=8765

test: .venv/installed-test
	@$(MAKE) --no-print-directory -j2 style compile
	$(BIN)/python -m pytest -n auto --dist loadfile
	@echo "Not run: slow tests (make test-slow) and tests/browser, which drives the classroom in Chromium (make test-browser)"

test-slow: .venv/installed-test compile
	$(BIN)/python -m pytest -n auto --dist loadfile -m slow

style: .venv/installed-test
	$(BIN)/ruff check sim tests benchmarks docs
	$(BIN)/ruff format --check sim tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

compile: .venv/installed-test
	$(BIN)/python tests/compile_rules.py

test-browser: .venv/installed-browser
	@command -v chromium-headless-shell chromium >/dev/null || { apt-get update -qq && \
		{ apt-get install -y -qq --no-install-recommends chromium-headless-shell || \
		apt-get install -y -qq --no-install-recommends chromium; } >/dev/null; }
	$(BIN)/python -m pytest -p no:cacheprovider --reruns 1 -n auto --dist loadfile tests/browser

# The newest pre-release of Mesa, in an environment of its own. No other target depends on it, and it may fail.
test-mesa-next: .venv/mesa-next/made
	-PYTHONPATH=. .venv/mesa-next/bin/python -m pytest -p no:cacheprovider tests/test_model.py tests/test_mesa_page.py

.venv/mesa-next/made: .venv/made pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 12) and 'Mesa 3.4 and later need Python 3.12: make PYTHON=python3.12 test-mesa-next')"
	$(PYTHON) -m venv --clear .venv/mesa-next
	.venv/mesa-next/bin/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	.venv/mesa-next/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --pre mesa
	@touch $@

faults: .venv/installed-test
	$(BIN)/python tests/faults.py

fuzz: .venv/installed-test
	$(BIN)/python tests/fuzz.py 10000

docs: .venv/installed-docs
	$(BIN)/python docs/make_site.py

figures: .venv/installed-test
	$(BIN)/python docs/generate.py

pictures: .venv/installed-browser
	$(BIN)/python docs/pictures.py

bench: .venv/installed-all
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/aims.py

bench-classroom: .venv/installed-test
	$(BIN)/python benchmarks/classroom.py

notice: .venv/installed-browser
	$(BIN)/python docs/supply.py

# The wheel is made from the sdist, so that neither lacks a file.
wheel: .venv/supply/made
	$(SUPPLY)/uv build --quiet --out-dir dist .

sbom: .venv/installed-all .venv/supply/made
	@mkdir -p dist
	$(SUPPLY)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file dist/panj.cdx.json $(BIN)/python
	$(BIN)/python docs/supply.py dist/panj.cdx.json

audit: .venv/supply/made
	@$(SUPPLY)/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip > .venv/supply/audit.txt 2>&1; code=$$?; \
	if grep -q "could not be audited\|ConnectionError\|ProxyError\|SSLError\|HTTPError\|Max retries\|Timeout" .venv/supply/audit.txt; \
	then echo "audit: found no index of known vulnerabilities in reach, so nothing was checked (details: .venv/supply/audit.txt)"; exit 1; \
	else cat .venv/supply/audit.txt; exit $$code; fi

constraints: .venv/supply/made
	$(SUPPLY)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade --quiet --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links --no-emit-package setuptools --output-file constraints.txt

.venv/supply/made: .venv/made
	$(PYTHON) -m venv .venv/supply
	$(SUPPLY)/python -m pip install --quiet --disable-pip-version-check "cyclonedx-bom>=7,<8" "pip-audit>=2.7,<3" "uv>=0.5,<1"
	@touch $@

.venv/made:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Panj needs Python 3.11 or newer; found ' + sys.version.split()[0] + ' (make PYTHON=python3.12 ...)')"
	$(PYTHON) -m venv .venv
	@touch $@

# The site needs less than the rest, so this marks nothing else as installed.
.venv/installed-docs: .venv/made pyproject.toml $(CONSTRAINTS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(CONSTRAINTS),-c $(CONSTRAINTS)) -e ".[docs]"
	@touch $@

.venv/installed-%: .venv/made pyproject.toml $(CONSTRAINTS)
	@echo "Installing Panj and what [$*] needs into .venv ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(CONSTRAINTS),-c $(CONSTRAINTS)) -e ".[$*]"
	@touch $@ .venv/installed-all

clean:
	rm -rf .venv
