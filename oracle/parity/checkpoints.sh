#!/usr/bin/env bash
# Sends checkpoints and runs to LeRobot and back (checkpoints.py), and lets the Swift side compare what LeRobot plans and
# how LeRobot goes on, and how its evaluation acts in LIBERO; with each version of LeRobot. With 0.6 it also trains here on
# datasets with what is new there.
#
# Usage: oracle/parity/checkpoints.sh [ENVIRONMENT …]   by default lerobot-0.6 and lerobot, the environments of both
#
# One line for each comparison; fails if one differs. WM_PARITY_SEED (7) draws other numbers.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -gt 0 ] || set -- lerobot-0.6 lerobot
export OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore
unset HF_HUB_CACHE TRANSFORMERS_CACHE HF_LEROBOT_HOME
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"
swift build --product lerobot-wm >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
program=$(swift build --show-bin-path)/lerobot-wm

compare() { # an environment's Python and a folder for its results
  local python=$1 work=$2 status=0
  mkdir -p "$work"
  export HF_HOME=$work/hf HF_HUB_OFFLINE=1
  "$python" -m oracle.parity.checkpoints "$program" "$work" "${WM_PARITY_SEED:-7}" >"$work/oracle.log" 2>&1 || status=1
  grep -a '^parity ' "$work/oracle.log" || true
  [ "$status" -eq 0 ] || tail -n 30 "$work/oracle.log"
  if [ "$environment" = lerobot-0.6 ]; then
    "$python" -m oracle.parity.current_datasets "$program" "$work/datasets" >"$work/datasets.log" 2>&1 || status=1
    grep -a '^parity ' "$work/datasets.log" || tail -n 30 "$work/datasets.log"
  fi
  "$python" -m oracle.goldens.libero_rollouts "$work" "${WM_PARITY_SEED:-7}" >"$work/rollout.log" 2>&1 || {
    status=1
    tail -n 30 "$work/rollout.log"
  }
  if [ -d "$work/cases" ]; then
    WM_PARITY_CHECKPOINTS=$work/cases WM_PARITY_RUNS=$work/runs WM_PARITY_ROLLOUTS=$work swift test \
      --filter "plans what LeRobot plans|continues here as it continues there|as LeRobot's evaluation does" \
      >"$work/swift.log" 2>&1 || status=1
    grep -a '^parity ' "$work/swift.log" | sort || true
    [ "$status" -eq 0 ] || grep -a '✘\|error:' "$work/swift.log" || true
  fi
  return "$status"
}

status=0
for environment in "$@"; do
  python=$("$root/oracle/environment/setup.sh" "$environment")
  echo "checkpoints and runs of LeRobot $("$python" -c 'from importlib.metadata import version; print(version("lerobot"))'):"
  compare "$python" "$work/$environment" || status=1
done
[ "$status" -eq 0 ] && echo "checkpoints: all equal" || { echo "checkpoints: DIFFERENT"; exit 1; }
