# demo, test, test-all, lint and bench; each sets up .venv first, where it is missing or older than what it is made from.
PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
BENCHMARKS := $(filter-out $(addprefix benchmarks/,results.py measure.py peers.py baal_loop.py hard_or_wrong.py),$(wildcard benchmarks/*.py))

.PHONY: demo test test-all lint bench clean

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "activeloop needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,browser,web,ray,mlflow]'
	touch $@

demo: .venv/ready  ## six strategies, five seeds, on real digits, through an oracle that errs
	$(BIN)/activeloop compare --data digits --start k-center --noise symmetric:0.05 --seeds 5 --jobs $(JOBS) \
	  --strategies random,entropy,margin,bald,forgetting,el2n --set evidence.early.models=3 --out demo

test: .venv/ready  ## the fast tests
	$(BIN)/python -m pytest -n $(JOBS)

test-all: test  ## the fast tests, then those marked slow
	$(BIN)/python -m pytest -n $(JOBS) -m slow

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/ready  ## every benchmark, one after the other; ACTIVELOOP_DATA names the folder of mnist.npz and cifar10.npz
	for file in $(BENCHMARKS); do $(BIN)/python $$file || exit 1; done

clean:
	rm -rf .venv demo
