#!/usr/bin/env bash
# Compares LIBERO's 130 tasks with the official stack, which oracle/libero.sh installs; see oracle/libero_compare.py.
#   oracle/libero_parity.sh [bench | SUITE[:TASK,…] …]
# With `bench`: both side by side, see oracle/libero_bench.py; WM_BENCH_THREADS (1) is both sides' LP_NUM_THREADS.
# Assets: WM_LIBERO_ASSETS=/folder/or/tar, else hf-libero's own download, else those beside the checkout for development.
# WM_LIBERO_EPISODES (2) of the expert for each task of libero_spatial; WM_PARITY_SEED (7) places fixtures and draws
# actions; WM_LIBERO_WORKERS tasks at a time, else as many as there are processors, each with 2 GB.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
assets=${WM_LIBERO_ASSETS:-}
for place in "$HOME/.cache/libero/assets" "$root/../shared/libero-assets.tar.xz"; do
  if [ -z "$assets" ] && [ -e "$place" ]; then assets=$place; fi
done
if [ -z "$assets" ]; then
  echo "LIBERO was not compared, for want of assets; WM_LIBERO_ASSETS names a folder or a tar file of them"
  [ "${1:-}" != bench ]
  exit
fi
[ -e "$assets" ] || { echo "WM_LIBERO_ASSETS=$assets does not exist" >&2; exit 1; }
python=$("$root/oracle/libero.sh")
cd "$root"
export WM_DEPS_DIR=${WM_DEPS_DIR:-$root/.deps} OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore
log=$(mktemp)
trap 'rm -f "$log"' EXIT
swift build -c release --product LiberoMeasurements >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
measurements=$root/.build/release/LiberoMeasurements
if [ "${1:-}" = bench ]; then
  "$python" oracle/libero_bench.py "$measurements" "$assets" --threads "${WM_BENCH_THREADS:-1}" 2>"$log" ||
    { code=$?; grep -a 'libero_bench\|LiberoMeasurements\|Error' "$log" || true; exit $code; }
  exit
fi
swift build -c release --product lerobot-wm >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
memory=$(($(awk '/MemAvailable/ { print $2 }' /proc/meminfo) / 2000000))
workers=$(($(nproc) < memory ? $(nproc) : memory))
export LP_NUM_THREADS=1
"$python" oracle/libero_compare.py "$root/.build/release/lerobot-wm" "$measurements" "$assets" "$@" \
  --seed "${WM_PARITY_SEED:-7}" --episodes "${WM_LIBERO_EPISODES:-2}" \
  --workers "${WM_LIBERO_WORKERS:-$((workers > 0 ? workers : 1))}" 2>"$log" ||
  { code=$?; grep -a 'Error' "$log" || true; exit $code; }
