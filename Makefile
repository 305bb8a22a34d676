# "make test" and "make demo" need nothing but Python >= 3.10 with its venv module, and the network for the first run.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# What the checks are run with; EXTRAS=dev,train brings PyTorch (6 GB), without which its tests are skipped.
EXTRAS ?= dev
DEMO := out/demo

.DEFAULT_GOAL := help
.PHONY: help demo test lint typecheck unit scene test-desktop test-browser reliability dependencies-lowest dependencies-newest audit bench docs-pictures cmake-lists clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Harmonize, segment, measure and judge a drawn study, or one's own: make demo IMAGE=study.nii.gz
ifeq ($(origin IMAGE),command line)
	@$(BIN)/spinemr run "$$IMAGE" -o $(DEMO)/results
else
	@rm -rf $(DEMO)/drawn
	@$(BIN)/spinemr phantom -o $(DEMO)/drawn --seed 7 --contrast t2
	@$(BIN)/python -m spinemr.cli.terminal_picture $(DEMO)/drawn/overview.png
	@echo "Above: $(CURDIR)/$(DEMO)/drawn/overview.png"
	@$(BIN)/spinemr run $(DEMO)/drawn/image.nii.gz -o $(DEMO)/results
endif
	@echo "The report: $(CURDIR)/$(DEMO)/results/report.html"

test: lint typecheck unit ## Run every check: ruff, mypy, import-linter, pytest with coverage

lint: $(VENV)/.dev ## Style and the order of the layers
	$(BIN)/ruff check .
	$(BIN)/lint-imports

typecheck: $(VENV)/.dev ## mypy --strict on the library
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then echo "$(BIN)/mypy"; $(BIN)/mypy; \
	else echo "mypy: not run on Python 3.10, whose last numpy describes its arrays differently"; fi

unit: $(VENV)/.dev ## The tests alone, with coverage
	$(BIN)/python -m pytest --cov --cov-report=term

scene: $(VENV)-scene/.made ## The tests on 3D Slicer's own MRML classes (another environment of 1 GB; Python 3.11 or 3.12)
	$(VENV)-scene/bin/python -m pytest --no-cov -m scene Testing/scene

$(VENV)-scene/.made: pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)-scene
	$(VENV)-scene/bin/python -m pip install --quiet --disable-pip-version-check -e . pytest pytest-cov hypothesis slicer-core==5.11.0.6
	@touch $@

test-desktop: $(VENV)-desktop/.made ## The Slicer modules, clicked in a Qt test host (needs Xvfb and that environment; Python 3.11 or 3.12)
	$(VENV)-desktop/bin/python -m pytest --no-cov -m desktop Testing/desktop

$(VENV)-desktop/.made: pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)-desktop
	$(VENV)-desktop/bin/python -m pip install --quiet --disable-pip-version-check -e '.[desktop]'
	@touch $@

test-browser: $(VENV)-browser/.made ## The browser app in headless Chromium (needs Chromium and that environment; Python 3.11 or 3.12)
	$(VENV)-browser/bin/python -m pytest --no-cov -m browser Testing/browser

$(VENV)-browser/.made: pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)-browser
	$(VENV)-browser/bin/python -m pip install --quiet --disable-pip-version-check -e '.[browser]'
	@touch $@

reliability: $(VENV)/.dev ## Thousands of mutants, kills, full disks; writes docs/results/reliability.md (more than an hour; EXTRAS=dev,train tries training too)
	$(BIN)/python docs/results/reliability.py

dependencies-lowest dependencies-newest: dependencies-%: ## The tests with the oldest packages that are allowed, or the newest
	$(PYTHON) Testing/tools/dependency_sets.py $*

audit: ## Look for known vulnerabilities of the packages the library needs (pip-audit)
	$(PYTHON) Testing/tools/dependency_sets.py audit

bench: $(VENV)/.dev ## Print the benchmark figures
	@for script in Testing/benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

docs-pictures: $(VENV)/.dev ## Draw the pictures of docs/drawn_studies.md and docs/report.md anew
	$(BIN)/python docs/pictures/drawn_studies.py
	$(BIN)/python docs/pictures/report.py

cmake-lists: ## Rewrite the file lists of the modules' CMakeLists.txt
	$(PYTHON) Testing/tools/cmake_lists.py

clean: ## Remove the environment and everything that was made
	rm -rf $(VENV) $(VENV)-scene $(VENV)-desktop $(VENV)-browser out build dist *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# An environment whose interpreter is gone (removed, moved, from another machine) is made anew.
ifneq ($(shell $(BIN)/python -c 'print("ok")' 2>/dev/null),ok)
$(shell rm -f $(VENV)/.made $(VENV)/.runtime $(VENV)/.dev)
endif

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.10 or newer is needed (Debian and Ubuntu: apt install python3 python3-venv)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$$($(PYTHON) --version) is too old: Python 3.10 or newer is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing (Debian and Ubuntu: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	@touch $@ $(VENV)/.runtime
