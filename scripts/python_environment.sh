#!/usr/bin/env bash
# Makes a virtual environment beside another one, whose packages it shares (torch and LeRobot are large), and installs this
# project and its plugin into it. Prints the path of its Python.
#
# Usage: scripts/python_environment.sh PYTHON FOLDER [WHAT…]
#
# PYTHON is the other environment's. WHAT is given to `pip install`; by default this checkout, as `pip install -e .` leaves
# it, and nothing that would replace what is shared. Safe to run again.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=$1 folder=$2
shift 2
if [ $# -eq 0 ]; then
  set -- --no-deps mujoco==3.3.2 -e "$root"
  for plugin in "$root"/python/plugins/*; do set -- "$@" -e "$plugin"; done
fi

[ -x "$folder/bin/python" ] || "$python" -m venv "$folder" >&2
packages() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
packages "$python" >"$(packages "$folder/bin/python")/shared.pth"
# LeRobot's commands, in this environment.
for script in "$(dirname "$python")"/lerobot-*; do
  [ -f "$script" ] || continue
  sed "1s|.*|#!$(realpath -s "$folder")/bin/python|" "$script" >"$folder/bin/${script##*/}"
  chmod +x "$folder/bin/${script##*/}"
done
"$folder/bin/python" -m pip install -q --disable-pip-version-check "$@" >&2
echo "$folder/bin/python"
