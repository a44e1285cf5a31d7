# What a newcomer and a CI step type. Everything goes through the command line of edgeproof.

RECIPE ?= samples/digits/recipe.toml
PYTHON ?= python3
UV_VERSION := 0.13.9

BIN := .venv/bin
EDGEPROOF := $(BIN)/edgeproof
PYTEST := $(BIN)/pytest
JS := validation/runtimes/js
# The uv on the PATH, else one in .tools that is installed on first use.
UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
# Each lies inside what it vouches for, so that deleting that deletes it.
PYTHON_READY := .venv/.ready
NODE_READY := $(JS)/node_modules/.ready
JS_READY := $(JS)/dist/page.html
# Engines that each want an environment of their own.
RUNTIMES_APART := $(addprefix runtime-,openvino webgpu jax cuda)
READY := $(PYTHON_READY) $(JS_READY)

.DEFAULT_GOAL := help
.PHONY: help setup browsers $(RUNTIMES_APART) demo run export export-tflite export-tfjs export-onnx validate validate-gpu package report \
        doctor test test-all lint bench bench-detection wheel clean preflight

help: ## what can be made
	@echo 'make TARGET [RECIPE=$(RECIPE)]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##  Setting up

setup: $(READY) ## install everything that is locked, into .venv and node_modules

browsers: ## install Chromium, Firefox and WebKitGTK for the web runtimes: by apt-get as root, else npm's Chromium
	@scripts/browsers.sh

runtime-openvino: ## ONNX Runtime on OpenVINO: a second engine for ONNX files, on the CPU
runtime-webgpu: ## ONNX Runtime on WebGPU, outside of browsers
runtime-jax: ## Keras on JAX: a second engine for the original, on the CPU
runtime-cuda: ## ONNX Runtime and Keras on JAX, both on CUDA (5 GB)
$(RUNTIMES_APART): runtime-%:
	@PYTHON=$(PYTHON) scripts/runtime.sh $*

preflight:
	@scripts/preflight.sh $(PYTHON)

.tools/bin/uv: | preflight
	@echo "Installing uv $(UV_VERSION) into .tools: it installs exactly what uv.lock names."
	@$(PYTHON) -m venv .tools || { echo "fix:  Debian, Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(PYTHON_READY): pyproject.toml uv.lock | preflight $(filter .tools/%,$(UV))
	@echo "Installing TensorFlow, the converters and the runtimes of uv.lock into .venv (about 2.7 GB)."
	@echo "Bytecode is compiled once, which cuts TensorFlow's import from 13 to 4 seconds."
	@$(UV) sync --locked --compile-bytecode
	@touch $@

$(NODE_READY): $(JS)/package.json $(JS)/package-lock.json | preflight
	@echo "Installing TF.js of package-lock.json into $(JS)/node_modules (about 130 MB), without install scripts."
	@cd $(JS) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(JS_READY): $(NODE_READY) $(JS)/build.mjs $(wildcard $(JS)/src/*)
	@echo "Bundling TF.js, ONNX Runtime Web and LiteRT.js into $(JS)/dist, so that an installed edgeproof needs no npm."
	@cd $(JS) && npm run --silent build

##  The main job

demo: $(READY) ## train the digits sample, export, validate and package it: the first thing to try
	@$(EDGEPROOF) run samples/digits/recipe.toml

run: $(READY) ## everything that RECIPE says
	@$(EDGEPROOF) run $(RECIPE)

export: $(READY) ## every target of RECIPE
	@$(EDGEPROOF) export $(RECIPE)

export-tflite: $(READY) ## every precision of TFLite
	@$(EDGEPROOF) export $(RECIPE) -t 'tflite:*'

export-tfjs: $(READY) ## every precision of TF.js
	@$(EDGEPROOF) export $(RECIPE) -t 'tfjs:*'

export-onnx: $(READY) ## every precision of ONNX
	@$(EDGEPROOF) export $(RECIPE) -t 'onnx:*'

validate: $(READY) ## judge the exports of RECIPE on every runtime that is here
	@$(EDGEPROOF) validate $(RECIPE)

validate-gpu: $(READY) ## the same on an NVIDIA GPU, which must be here; see docs/gpu.md
	@scripts/validate_on_gpu.sh $(RECIPE)

package: $(READY) ## bundle what passed
	@$(EDGEPROOF) package $(RECIPE)

report: $(READY) ## write report.md and report.html of the last run again
	@$(EDGEPROOF) report $(RECIPE)

doctor: $(READY) ## which runtimes and devices work on this machine
	@$(EDGEPROOF) doctor

##  Working on edgeproof

test: $(READY) ## the tests that take minutes
	@$(PYTEST) -q -rs

test-all: $(READY) ## every test, the heavy ones too
	@$(PYTEST) -q -rs -m 'heavy or not heavy'

lint: $(READY) ## ruff, mypy and tsc
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@cd $(JS) && npm run --silent check

bench: $(READY) ## measure against the vendors' converters, write docs/benchmarks.md; needs the machine alone
	@$(BIN)/python -m bench.bench_export

bench-detection: $(READY) ## measure which faults are found and blamed rightly, write docs/detection.md
	@$(BIN)/python -m bench.bench_detection

wheel: $(JS_READY) $(PYTHON_READY) ## build dist/*.whl, which plain pip installs
	@$(UV) build --wheel --out-dir dist

clean: ## remove what was made here; .venv and node_modules stay
	@rm -rf build dist .mypy_cache .pytest_cache .ruff_cache
	@find converters validation pipeline samples tests bench -name __pycache__ -type d -exec rm -rf {} +
