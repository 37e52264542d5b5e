# Each target sets up what it needs in .venv, from nothing but python3 (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
ONCE ?=
SECONDS ?= 90
SEED ?= 1
EVENTS ?= 200000

.PHONY: run test check chaos crash flood bench docs trace format clean

run: $(STAMP)
	$(BIN)/estafeta demo $(if $(ONCE),--once)

# What needs a whole house has the machine to itself; the rest shares it.
test: check
	$(BIN)/pytest -n 2 --ignore=tests/e2e
	$(BIN)/pytest tests/e2e

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/build.py --check

chaos: $(STAMP)
	$(BIN)/python -m tests.chaos --seconds $(SECONDS) --seed $(SEED)

crash: $(STAMP)
	$(BIN)/pytest -m crash tests/e2e

flood: $(STAMP)
	$(BIN)/python -m tests.flood --events $(EVENTS) --seed $(SEED)

bench: $(STAMP)
	$(BIN)/python -m tests.bench

bench-matching: $(STAMP)
	$(BIN)/python -m tests.bench_matching

docs: $(STAMP)
	$(BIN)/python docs/build.py

trace: $(STAMP)
	$(BIN)/python -m tests.trace

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Estafeta needs Python 3.11 or newer; this is %s. Say make PYTHON=python3.12" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "This Python cannot make virtual environments: install its venv module (on Debian: apt install python3-venv) and run make again." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[embedded,dev]'
	@touch $(STAMP)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
