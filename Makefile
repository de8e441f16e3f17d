# Everything goes through .venv; `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check -q
CPU_INDEX := https://download.pytorch.org/whl/cpu
TORCH := $(shell grep '^torch==' constraints.txt)

.PHONY: help run test test-all test-browser examples lint check-release bench study clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: install it (Debian: apt install python3-venv)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (make PYTHON=python3.12)"; exit 1; }
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	# without an NVIDIA GPU torch comes from its CPU index, so that no CUDA build is pulled
	if command -v nvidia-smi >/dev/null; then $(PIP) install $(TORCH); \
	else $(PIP) install --retries 0 --timeout 5 --index-url $(CPU_INDEX) $(TORCH) 2>/dev/null || $(PIP) install $(TORCH); fi
	$(PIP) install -c constraints.txt -e .
	touch $@

.venv/ready-test: .venv/ready
	$(PIP) install -c constraints.txt -e '.[test,physics,check,dft,plot,parquet,dist,text]'
	touch $@

run: .venv/ready  ## install, generate 8 molecules, show them and leave molecules.sdf
	.venv/bin/t2d-mol sample "a molecule with high polarizability" -n 8 -o molecules.sdf --table --force

.venv/ready-browser: .venv/ready-test
	$(PIP) install -c constraints.txt -e '.[browser]'
	touch $@

test: .venv/ready-test  ## install what tests need and run the default suite
	.venv/bin/python -m pytest -n 2

.venv/ready-all: .venv/ready-test
	$(PIP) install -c constraints.txt -e '.[ray]'
	touch $@

test-all: .venv/ready-all  ## the default suite and the slow tests
	.venv/bin/python -m pytest -m 'not browser and not notebook'

test-browser: .venv/ready-browser  ## the report and the gallery in headless Chromium, which is installed where apt-get can
	@[ -n "$$CHROMIUM" ] || command -v chromium >/dev/null || command -v google-chrome >/dev/null \
	|| { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } \
	|| { echo "Chromium is missing: install it (Debian: apt install chromium) or set CHROMIUM"; exit 1; }
	.venv/bin/python -m pytest -m browser tests/browser

.venv/ready-examples: .venv/ready-test
	$(PIP) install -c constraints.txt -e '.[notebook]'
	touch $@

examples: .venv/ready-examples  ## run the notebook in examples/, about two minutes
	.venv/bin/python -m pytest -m notebook tests/test_examples.py

lint: .venv/ready-test  ## formatting, style and types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

bench: .venv/ready-test  ## speed of training, sampling, finetuning methods and scoring on this machine
	.venv/bin/python benchmarks/bench.py
	.venv/bin/python benchmarks/methods.py
	.venv/bin/python benchmarks/scoring.py

study: .venv/ready-test  ## the comparison of ways to finetune on few labels, about two hours on two cores; goes on where it was cut off
	[ -f data/qm9.safetensors ] || .venv/bin/t2d-mol data prepare
	.venv/bin/t2d-mol study benchmarks/studies/two-cores.toml -o runs/study --resume

check-release: .venv/ready  ## build wheel and sdist, install the wheel into an empty environment, sample from there, audit it
	$(PIP) install build pip-audit
	rm -rf build dist .venv/release
	.venv/bin/python -m build -o dist .
	$(PYTHON) -m venv .venv/release
	.venv/release/bin/python -m pip --disable-pip-version-check -q install $(TORCH) -c constraints.txt dist/*.whl
	cd .venv/release && bin/t2d-mol sample "a low gap" -n 2 --format smi && bin/t2d-mol doctor -q
	tar tzf dist/*.tar.gz | grep -c "t2d_mol/pretrained/.*safetensors" | grep -qx 2
	.venv/bin/pip-audit --path $$(.venv/release/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') --skip-editable \
	|| { echo "not clean, or the database of vulnerabilities could not be reached: see above"; exit 1; }

clean:  ## remove what was installed and built
	rm -rf .venv build dist *.egg-info
