#!/usr/bin/env bash
# One cache and one hub for two: huggingface_hub reads what Swift fetched, Swift reads what huggingface_hub fetched, both
# wait for each other's locks, and Python uploads to the loopback hub that the tests use as the real one.
# Usage: hub_parity.sh PYTHON, a Python with huggingface_hub 0.35.
set -euo pipefail
cd "$(dirname "$0")/.."
WM_PARITY_HUB_PYTHON=$1 swift test --skip-build --filter 'HuggingFaceHubTests.PythonTests'
