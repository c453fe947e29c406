#!/usr/bin/env bash
# Shares a cache and a hub with huggingface_hub: it reads what Swift fetched, Swift reads what it fetched, both wait for
# each other's locks, and it uploads to the loopback hub that the tests use as the real one.
#
# Usage: oracle/parity/hub.sh PYTHON   PYTHON is the environment's; the Swift tests are built
set -euo pipefail
cd "$(dirname "$0")/../.."
WM_PARITY_HUB_PYTHON=$1 swift test --skip-build --filter 'HuggingFaceHubTests.PythonTests'
