# Commands for users and CI; `make help` lists them.
SHELL := /bin/bash
.DELETE_ON_ERROR:
COMMANDS := lerobot-wm lerobot-wm-train lerobot-wm-eval lerobot-wm-precompute
PRODUCTS := PretrainedPolicies WorldModality LeRobotDatasets LiberoSimulation ShapesSimulation PolicyTraining PolicyEvaluation

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## fetch the engines into .deps and build the shims
	@setup/engines.sh

build: setup ## leave bin/lerobot-wm and its other names
	@swift build -c release --product lerobot-wm
	@mkdir -p bin
	@for name in $(COMMANDS); do ln -sf ../.build/release/lerobot-wm bin/$$name; done

wheel: setup ## leave binary wheels of the Python package and of LeRobot's plugins in dist/
	@scripts/wheel.sh

demo: build ## run the full pipeline on the embedded suite and leave outputs/demo/report.html
	@scripts/demo.sh

test: setup ## run every test
	@OMP_NUM_THREADS=1 swift test

test-slurm: setup ## install Debian's Slurm and run experiments through it on this machine
	@dpkg -s slurmctld slurmd slurm-client munge >/dev/null 2>&1 || \
	  apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge
	@OMP_NUM_THREADS=1 swift test --filter SlurmTests

test-matrix: setup ## kill a matrix of three seeds three times, and run one through Slurm where that is installed
	@OMP_NUM_THREADS=1 WM_MATRIX_SEEDS='[0, 1, 2]' swift test --filter 'KilledMatrixTests|SlurmTests'

test-precision: build ## run the demo in fp32 and bf16 and compare each arm's success
	@scripts/precision.sh

test-python: setup ## test the Python package and LeRobot's plugins; PYTHON names environments with LeRobot, else 0.6.1 and 0.4.4
	@scripts/test_python.sh $(PYTHON)

test-browser: setup ## run the tests of the report page in Debian's Chromium, which it installs if it is missing
	@setup/browser.sh
	@OMP_NUM_THREADS=1 swift test --filter 'BrowserTests|LivePageTests'

# A static Swift program loses its arguments if the environment changes before main.
test-static: setup ## check that a statically linked program sees its arguments
	@swift build --static-swift-stdlib --scratch-path .build/static --product lerobot-wm
	@.build/static/debug/lerobot-wm train --help | grep -- --policy.type >/dev/null

examples: setup ## build and run the examples, a package of its own
	@scripts/examples.sh

docs: ## write the library products' documentation into .build/docs
	@mkdir -p .build/docs
	@for product in $(PRODUCTS); do swift package --allow-writing-to-directory .build/docs/$$product \
	  generate-documentation --target $$product --output-path .build/docs/$$product --transform-for-static-hosting; done

parity: setup ## compare with the official packages, which it installs into .deps/oracle-0.6 and .deps/oracle
	@oracle/parity/lerobot.sh
	@oracle/parity/checkpoints.sh
	@oracle/parity/real_size.sh
	@oracle/parity/adapters.sh
	@oracle/parity/libero.sh

goldens: setup ## write the tests' goldens again with the official packages; ONLY=name those of one script
	@oracle/goldens/regenerate.sh $(ONLY)

bench: bench-policy bench-loader bench-start bench-env ## compare speed and memory with the official packages; fails below a bar

bench-parts: setup ## time the parts: tensors, training, loading, tokens, scenes
	@swift build -c release --product Benchmarks
	@.build/release/Benchmarks

bench-policy: setup ## time training, planning and encoding in the published sizes beside LeRobot; PYTHONS as below
	@swift build -c release --product Benchmarks
	@Benchmarks/policy.sh .build/release/Benchmarks $(PYTHONS)

bench-start: build ## time the answer to --help and the first training step
	@Benchmarks/cold_start.sh bin/lerobot-wm

bench-loader: setup ## time the loading of datasets beside LeRobot; PYTHONS names those of other environments with LeRobot
	@swift build -c release --product Benchmarks
	@Benchmarks/loader.sh .build/release/Benchmarks $(PYTHONS)

gpu-package: setup ## pack what Benchmarks/gpu.sh needs on a machine with a GPU and without Swift, into .build/gpu
	@Benchmarks/gpu_package.sh .build/gpu

bench-env: setup ## run LIBERO beside the official stack and compare speed and memory
	@oracle/parity/libero.sh bench

bench-python: setup ## compare gymnasium's LIBERO environments with the native ones; PYTHON names an environment with gymnasium
	@swift build -c release --product LiberoMeasurements
	@Benchmarks/python_environments.sh .build/release/LiberoMeasurements $(PYTHON)

statistics: ## simulate experiments whose truth is known, and check how often the statistics are right
	@swift build -c release --product StatisticsSimulation
	@.build/release/StatisticsSimulation

format: ## rewrite the sources as swift format would
	@swift format format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks Examples/Package.swift Examples/Sources

lint: ## check the format, and that no library module names a flag or prints
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks Examples/Package.swift Examples/Sources
	@scripts/check_libraries.sh

clean: ## delete what was built, keep the engines
	@rm -rf .build bin

.PHONY: help setup build wheel demo test test-precision test-python test-browser test-slurm test-matrix test-static examples docs parity goldens bench bench-parts bench-policy bench-start bench-loader bench-env bench-python gpu-package statistics format lint clean
