#!/usr/bin/env bash
# Installs the official LIBERO stack into .deps/oracle-libero, and prints its Python's path last.
# Safe to run again: a finished environment stays, an interrupted one is finished.
# WM_LIBERO_ORACLE_DIR=/path/to/venv takes an environment of your own instead, and only checks it.
# The system needs OSMesa (Debian: apt-get install libosmesa6 libegl1 libgl1 libglib2.0-0 libgl1-mesa-dri).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
deps=${WM_DEPS_DIR:-$root/.deps}
venv=${WM_LIBERO_ORACLE_DIR:-$deps/oracle-libero}
log=$deps/oracle-libero.log
pip=("$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps)
torch=torch==2.13.0+cpu

say() { printf 'oracle: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

check() { # imports what the comparison needs and compares versions; a config file, or the import asks a question
  local config
  config=$(mktemp -d)
  echo '{}' >"$config/config.yaml"
  LIBERO_CONFIG_PATH=$config MUJOCO_GL=osmesa "$venv/bin/python" - >>"$log" 2>&1 <<'PYTHON' || { rm -rf "$config"; return 1; }
from importlib.metadata import version

wanted = {"lerobot": "0.4.4", "hf-libero": "0.1.4", "robosuite": "1.4.0", "mujoco": "3.3.2", "bddl": "1.0.1"}
for name, expected in wanted.items():
    assert version(name) == expected, f"{name} {version(name)} is installed, {expected} is needed"
import lerobot.envs.libero
PYTHON
  rm -rf "$config"
}

mkdir -p "$deps"
if [ -n "${WM_LIBERO_ORACLE_DIR:-}" ]; then
  [ -x "$venv/bin/python" ] || fail "WM_LIBERO_ORACLE_DIR=$venv is no virtual environment (no bin/python)"
  check || fail "WM_LIBERO_ORACLE_DIR=$venv lacks what the comparison needs (see $log); leave the variable unset to install it"
  echo "$venv/bin/python"
  exit
fi

# One installation at a time: a second one waits for the first.
exec 9>"$deps/oracle-libero.lock"
flock 9
state=$(cd "$root/oracle" && cat requirements.txt requirements-libero.txt libero.sh guard_torchvision.py | sha256sum)
if [ "$(cat "$venv/installed" 2>/dev/null)" != "$state" ]; then
  base=${PYTHON:-python3}
  "$base" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "the packages need Python 3.11 or newer (PYTHON=…)"
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    say "making $venv"
    rm -rf "$venv"
    "$base" -m venv "$venv" >&2 || fail "python3 -m venv failed; install it (Debian: apt-get install python3-venv)"
  fi
  say "installing the official LIBERO stack (about 3 GB; log: $log)"
  "${pip[@]}" "$torch" >"$log" 2>&1 ||
    "${pip[@]}" "$torch" --index-url https://download.pytorch.org/whl/cpu >>"$log" 2>&1 ||
    fail "pip found $torch neither on its index nor on PyTorch's; see $log"
  "${pip[@]}" "setuptools<81" wheel >>"$log" 2>&1 || fail "pip could not install setuptools; see $log"
  "${pip[@]}" -r "$root/oracle/requirements.txt" >>"$log" 2>&1 || fail "pip could not install requirements.txt; see $log"
  "${pip[@]}" --no-build-isolation -r "$root/oracle/requirements-libero.txt" >>"$log" 2>&1 ||
    fail "pip could not install requirements-libero.txt; see $log"
  "$venv/bin/python" "$root/oracle/guard_torchvision.py"
  check || fail "the packages are installed and do not import (see $log); OSMesa may be missing (Debian: libosmesa6)"
  echo "$state" >"$venv/installed"
fi
echo "$venv/bin/python"
