#!/usr/bin/env bash
# Compares SmolVLA in its published size (450 M parameters, random weights, float32) with LeRobot.
#
# Usage: oracle/parity/real_size.sh [ENVIRONMENT …]   by default lerobot-0.6 and lerobot, the environments of both versions
#
# Both load it, train one step and plan one chunk; loss, gradients, plan and weights must agree. Takes 6 GB of memory, 3 GB
# of disk and a few minutes; without the memory nothing is compared. WM_PARITY_THREADS chooses the threads of both.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
threads=${WM_PARITY_THREADS:-$(nproc)}
available=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
if [ "$available" -lt 7 ]; then
  echo "smolvla_450m: not compared, $available GB of memory are free and 7 are needed"
  exit 0
fi
[ $# -gt 0 ] || set -- lerobot-0.6 lerobot
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS=$threads PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore
cd "$root"
swift build --product lerobot-wm >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
program=$(swift build --show-bin-path)/lerobot-wm
for environment in "$@"; do
  python=$("$root/oracle/environment/setup.sh" "$environment") policy=$work/policy
  rm -rf "$policy"
  "$python" -m oracle.parity.real_size write "$policy" >"$work/log" 2>&1 || { tail -n 30 "$work/log"; exit 1; }
  own=(--policy.action_loss=valid --policy.lerobot_version=0.6)
  [ "$environment" = lerobot-0.6 ] || own=(--policy.action_loss=padded --policy.lerobot_version=0.4)
  start=$SECONDS
  "$program" probe --policy.path="$policy" "${own[@]}" --batch="$policy/batch.safetensors" \
    --output="$policy/ours.safetensors" --optimizer_step --num_compute_threads="$threads" >"$work/log" 2>&1 ||
    { tail -n 30 "$work/log"; exit 1; }
  echo "parity smolvla_450m: here $((SECONDS - start)) s for loading, one step, one plan and every number between"
  "$python" -m oracle.parity.real_size compare "$policy"
done
