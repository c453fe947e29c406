#!/usr/bin/env bash
# Tests the Python package and the plugins: test_python.sh [PYTHON …]
#
# PYTHON is that of an environment with LeRobot, whose packages are shared; by default those of oracle/environment with
# LeRobot 0.6.1 and 0.4.4. For each of them python/tests run on this checkout, and then the runbook is typed where `pip install`
# has left the package and the plugins. WM_PYTHON_TESTS names modules or tests, or `runbook`, instead of all;
# WM_SWIFT_FLAGS (-c debug) is how the core is built. LIBERO's environments are tested where its scene assets are
# (WM_LIBERO_ASSETS).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export WM_SWIFT_FLAGS=${WM_SWIFT_FLAGS--c debug} OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
export XDG_CACHE_HOME=$root/.build/python/cache
tests=${WM_PYTHON_TESTS:-discover}
cd "$root"

on_checkout() { # PYTHON LEROBOT
  local python
  # shellcheck disable=SC2086
  python=$(scripts/python_environment.sh "$1" "$root/.build/python/lerobot-$2") &&
    (cd python/tests && "$python" -m unittest $tests)
}

runbook() { # PYTHON LEROBOT
  local folder=$root/.build/python/runbook-$2 python before
  rm -rf "$folder"
  python=$(scripts/python_environment.sh "$1" "$folder" --no-deps mujoco==3.3.2) && before=$(find "$folder" | sort) &&
    "$python" -m pip install -q --disable-pip-version-check --no-deps . ./python/plugins/* &&
    WM_CONSOLE_SCRIPTS=$folder/bin swift test --filter RunbookTests &&
    "$python" -m pip uninstall -q -y lerobot_wm lerobot_policy_smolvla_world lerobot_env_libero_native &&
    # Nothing is left.
    diff <(echo "$before") <(find "$folder" | sort)
}

[ $# -gt 0 ] || set -- "$(oracle/environment/setup.sh lerobot-0.6)" "$(oracle/environment/setup.sh lerobot)"
status=0
for python in "$@"; do
  version=$("$python" -c 'from importlib.metadata import version; print(version("lerobot"))')
  if [ "$tests" != runbook ]; then
    echo "the Python package with LeRobot $version:"
    on_checkout "$python" "$version" || status=1
  fi
  if [ "$tests" = discover ] || [ "$tests" = runbook ]; then
    echo "The runbook with LeRobot $version:"
    runbook "$python" "$version" || status=1
  fi
done
exit "$status"
