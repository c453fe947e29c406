#!/usr/bin/env bash
# Compares LIBERO's tasks with the official stack (libero_tasks.py), and one at other control rates (libero_rates.py); or
# the speed of both, of the environments (libero_speed.py) and of a policy's evaluation in them (closed_loop.py).
#
# Usage: oracle/parity/libero.sh [SUITE[:TASK,…] …]   without a suite all 130 tasks
#        oracle/parity/libero.sh bench
#
# WM_LIBERO_ASSETS=/folder/or/tar holds the scene assets. WM_LIBERO_EPISODES (2) of the expert for each task of
# libero_spatial; WM_PARITY_SEED (7) places fixtures and draws actions; WM_LIBERO_WORKERS tasks at a time, else as many as
# there are processors, each with 2 GB. WM_BENCH_THREADS (1) is both sides' LP_NUM_THREADS in the bench.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
assets=$("$root/oracle/environment/libero_assets.sh" 2>&1) || {
  echo "LIBERO was not compared: $assets"
  [ -z "${WM_LIBERO_ASSETS:-}" ] && [ "${1:-}" != bench ]
  exit
}
python=$("$root/oracle/environment/setup.sh" libero)
cd "$root"
export WM_DEPS_DIR=${WM_DEPS_DIR:-$root/.deps} OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore
log=$(mktemp)
trap 'rm -f "$log"' EXIT
swift build -c release --product LiberoMeasurements >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
measurements=$root/.build/release/LiberoMeasurements
if [ "${1:-}" = bench ]; then
  swift build -c release --product lerobot-wm >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
  status=0
  "$python" -m oracle.parity.libero_speed "$measurements" "$assets" --threads "${WM_BENCH_THREADS:-1}" 2>"$log" ||
    { status=1; grep -a 'libero_speed\|LiberoMeasurements\|Error' "$log" || true; }
  "$python" -m oracle.parity.closed_loop "$root/.build/release/lerobot-wm" "$assets" 2>"$log" ||
    { status=1; grep -a 'closed_loop\|Error' "$log" || true; }
  exit "$status"
fi
swift build -c release --product lerobot-wm >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
memory=$(($(awk '/MemAvailable/ { print $2 }' /proc/meminfo) / 2000000))
workers=$(($(nproc) < memory ? $(nproc) : memory))
export LP_NUM_THREADS=1
"$python" -m oracle.parity.libero_rates "$root/.build/release/lerobot-wm" "$assets" "${WM_PARITY_SEED:-7}" 2>"$log" ||
  { code=$?; grep -a 'Error' "$log" || true; exit $code; }
"$python" -m oracle.parity.libero_tasks "$root/.build/release/lerobot-wm" "$measurements" "$assets" "$@" \
  --seed "${WM_PARITY_SEED:-7}" --episodes "${WM_LIBERO_EPISODES:-2}" \
  --workers "${WM_LIBERO_WORKERS:-$((workers > 0 ? workers : 1))}" 2>"$log" ||
  { code=$?; grep -a 'Error' "$log" || true; exit $code; }
