#!/usr/bin/env bash
# Compares gymnasium's LIBERO environments with the native ones, as `pip install .` leaves them.
#   Benchmarks/python_environments.sh MEASUREMENTS [PYTHON]
# PYTHON is that of an environment with torch and gymnasium, by default with LeRobot 0.6.1. WM_LIBERO_ASSETS holds the scene
# assets.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
measurements=$(realpath -s "$1")
assets=$("$root/oracle/environment/libero_assets.sh")
shared=${2:-$("$root/oracle/environment/setup.sh" lerobot-0.6)}
python=$("$root/scripts/python_environment.sh" "$shared" "$root/.build/python/bench" --no-deps mujoco==3.3.2 "$root")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -f "$assets" ]; then
  tar xf "$assets" -C "$work"
  assets=$work/libero-assets
fi
echo "assets: $assets" >"$work/config.yaml"
LIBERO_CONFIG_PATH=$work MUJOCO_GL=${MUJOCO_GL:-osmesa} "$python" "$root/Benchmarks/python_environments.py" "$measurements"
