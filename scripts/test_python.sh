#!/usr/bin/env bash
# Runs the tests of the Python package and the plugins: test_python.sh [PYTHON …]
#
# PYTHON is that of an environment with LeRobot, whose packages are shared; by default those of oracle/environment with
# LeRobot 0.6.1 and 0.4.4. WM_PYTHON_TESTS names modules or tests instead of all; WM_SWIFT_FLAGS (-c debug) is how the core is
# built. LIBERO's environments are tested where its scene assets are (WM_LIBERO_ASSETS).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export WM_SWIFT_FLAGS=${WM_SWIFT_FLAGS--c debug} OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
[ $# -gt 0 ] || set -- "$("$root/oracle/environment/setup.sh" lerobot-0.6)" "$("$root/oracle/environment/setup.sh" lerobot)"
status=0
for python in "$@"; do
  version=$("$python" -c 'from importlib.metadata import version; print(version("lerobot"))')
  environment=$("$root/scripts/python_environment.sh" "$python" "$root/.build/python/lerobot-$version")
  echo "Python's door with LeRobot $version:"
  # shellcheck disable=SC2086
  (cd "$root/python/tests" && "$environment" -m unittest ${WM_PYTHON_TESTS:-discover}) || status=1
done
exit "$status"
