#!/usr/bin/env bash
# Compares low-rank adapters with LeRobot 0.6.1 and peft (adapters.py): folders and runs that are sent there and back, and
# an adapter of SmolVLA in its published size, whose loss, gradients, plan and merged weights must agree.
#
# Usage: oracle/parity/adapters.sh
#
# One line for each comparison; fails if one differs. The published size takes 9 GB of memory and is left out with less.
# WM_PARITY_SEED (7) draws other numbers.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore
unset HF_HUB_CACHE TRANSFORMERS_CACHE HF_LEROBOT_HOME
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HOME=$work/hf HF_HUB_OFFLINE=1
cd "$root"
swift build --product lerobot-wm >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
program=$(swift build --show-bin-path)/lerobot-wm
python=$("$root/oracle/environment/setup.sh" lerobot-0.6)
status=0

exchange=0
OMP_NUM_THREADS=1 "$python" -m oracle.parity.adapters exchange "$program" "$work" "${WM_PARITY_SEED:-7}" \
  >"$work/log" 2>&1 || exchange=1
grep -a '^parity ' "$work/log" || true
[ "$exchange" -eq 0 ] || { tail -n 30 "$work/log"; status=1; }
OMP_NUM_THREADS=1 WM_PARITY_RUNS=$work/runs swift test --filter 'continues here as it continues there' \
  >"$work/swift.log" 2>&1 || { status=1; grep -a '✘\|error:' "$work/swift.log" || true; }
grep -a '^parity ' "$work/swift.log" | sort || true

available=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
if [ "$available" -lt 9 ]; then
  echo "adapter_450m: not compared, $available GB of memory are free and 9 are needed"
else
  threads=${WM_PARITY_THREADS:-$(nproc)} folder=$work/real
  export OMP_NUM_THREADS=$threads
  "$python" -m oracle.parity.adapters write "$folder" >"$work/log" 2>&1 || { tail -n 30 "$work/log"; exit 1; }
  { "$program" probe --policy.path="$folder/adapter" --policy.action_loss=valid --policy.lerobot_version=0.6 \
    --batch="$folder/batch.safetensors" --output="$folder/ours.safetensors" --num_compute_threads="$threads" &&
    "$program" merge "$folder/adapter" --output_dir="$folder/merged"; } >"$work/log" 2>&1 ||
    { tail -n 30 "$work/log"; exit 1; }
  "$python" -m oracle.parity.adapters compare "$folder" || status=1
fi
[ "$status" -eq 0 ] && echo "adapters: all equal" || { echo "adapters: DIFFERENT"; exit 1; }
