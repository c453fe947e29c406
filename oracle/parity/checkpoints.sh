#!/usr/bin/env bash
# Sends checkpoints and runs to LeRobot and back (checkpoints.py), and lets the Swift side compare what LeRobot plans and
# how LeRobot goes on.
#
# Usage: oracle/parity/checkpoints.sh
#
# One line for each comparison; fails if one differs. WM_PARITY_SEED (7) draws other numbers.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=$("$root/oracle/environment/setup.sh" lerobot)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HOME=$work/hf HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore
unset HF_HUB_CACHE TRANSFORMERS_CACHE HF_LEROBOT_HOME
cd "$root"
swift build --product lerobot-wm >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
status=0
"$python" -m oracle.parity.checkpoints "$(swift build --show-bin-path)/lerobot-wm" "$work" "${WM_PARITY_SEED:-7}" \
  >"$work/oracle.log" 2>&1 || status=1
grep -a '^parity ' "$work/oracle.log" || true
[ "$status" -eq 0 ] || tail -n 30 "$work/oracle.log"
if [ -d "$work/cases" ]; then
  WM_PARITY_CHECKPOINTS=$work/cases WM_PARITY_RUNS=$work/runs swift test \
    --filter 'plans what LeRobot plans|goes on here as it goes on there' >"$work/swift.log" 2>&1 || status=1
  grep -a '^parity ' "$work/swift.log" | sort || true
  [ "$status" -eq 0 ] || grep -a '✘\|error:' "$work/swift.log" || true
fi
[ "$status" -eq 0 ] && echo "checkpoints: all equal" || { echo "checkpoints: DIFFERENT"; exit 1; }
