#!/usr/bin/env bash
# Installs the official packages that the goldens are asked of into .deps/oracle, and prints its Python's path last.
# Safe to run again: a finished environment stays, an interrupted one is finished.
# WM_ORACLE_DIR=/path/to/venv takes an environment of your own instead, and only checks it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
deps=${WM_DEPS_DIR:-$root/.deps}
venv=${WM_ORACLE_DIR:-$deps/oracle}
pip=("$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps)
torch=torch==2.13.0+cpu

say() { printf 'oracle: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

check() { # imports what the goldens need and compares versions
  "$venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

wanted = {"lerobot": "0.4.4", "torch": "2.13.0", "transformers": "4.57.6", "tokenizers": "0.22.2"}
for name, expected in wanted.items():
    found = version(name).split("+")[0]
    assert found == expected, f"{name} {found} is installed, {expected} is needed"
import lerobot.datasets.lerobot_dataset
import lerobot.policies.smolvla.modeling_smolvla
PYTHON
}

if [ -n "${WM_ORACLE_DIR:-}" ]; then
  [ -x "$venv/bin/python" ] || fail "WM_ORACLE_DIR=$venv is no virtual environment (no bin/python)"
  check || fail "WM_ORACLE_DIR=$venv lacks what the goldens need; leave the variable unset to install it"
  echo "$venv/bin/python"
  exit
fi

mkdir -p "$deps"
# One installation at a time: a second one waits for the first.
exec 9>"$deps/oracle.lock"
flock 9
state=$(cat "$root/oracle/requirements.txt" "$root/oracle/setup.sh" "$root/oracle/guard_torchvision.py" | sha256sum)
if [ "$(cat "$venv/installed" 2>/dev/null)" != "$state" ]; then
  base=${PYTHON:-python3}
  "$base" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "the packages need Python 3.11 or newer (PYTHON=…)"
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    say "making $venv"
    rm -rf "$venv"
    "$base" -m venv "$venv" >&2 || fail "python3 -m venv failed; install it (Debian: apt-get install python3-venv)"
  fi
  say "installing $torch, then LeRobot and what it needs (about 3 GB; log: $deps/oracle.log)"
  "${pip[@]}" "$torch" >"$deps/oracle.log" 2>&1 ||
    "${pip[@]}" "$torch" --index-url https://download.pytorch.org/whl/cpu >>"$deps/oracle.log" 2>&1 ||
    fail "pip found $torch neither on its index nor on PyTorch's; see $deps/oracle.log"
  "${pip[@]}" -r "$root/oracle/requirements.txt" >>"$deps/oracle.log" 2>&1 ||
    fail "pip could not install the requirements; see $deps/oracle.log"
  "$venv/bin/python" "$root/oracle/guard_torchvision.py"
  check || fail "the packages are installed and do not import; delete $venv and run again"
  echo "$state" >"$venv/installed"
fi
echo "$venv/bin/python"
