# `make demo` and `make test` do everything from a fresh clone; `make env` leaves a .venv with the command `ssmtl`.
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip
# Linux: the CPU build of PyTorch. With an NVIDIA card: make clean env CONSTRAINTS=
CONSTRAINTS ?= -c constraints/cpu.txt
# PyTorch's own index of CPU builds, asked only where the configured package index has none.
TORCH_INDEX ?= --extra-index-url https://download.pytorch.org/whl/cpu
# Tests run in so many processes, each with one thread.
WORKERS ?= 2

.PHONY: env demo test clean

env: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints/cpu.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else "ssmtl needs Python 3.11 to 3.13, this is %d.%d; run: make PYTHON=python3.12 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q $(CONSTRAINTS) torch || $(PIP) install -q $(CONSTRAINTS) $(TORCH_INDEX) torch
	$(PIP) install -q $(CONSTRAINTS) -e '.[live,openvino]'
	touch $@

demo: env
	$(VENV)/bin/ssmtl demo --overwrite

$(VENV)/.test: $(VENV)/.installed
	$(PIP) install -q $(CONSTRAINTS) -e '.[test]'
	touch $@

test: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile

clean:
	rm -rf $(VENV) build dist src/*.egg-info
