#!/usr/bin/env bash
# Installs the official packages that the scripts ask for numbers, and prints the path of the environment's Python last.
#
# Usage: oracle/environment/setup.sh NAME         install what is missing; safe to run again, also after an interruption
#        oracle/environment/setup.sh NAME check   only check versions and imports of an environment that is there
#
# NAME         folder               packages                                   your own virtual environment instead
# lerobot-0.6  .deps/oracle-0.6     LeRobot 0.6.1 with what it needs           WM_ORACLE_06_DIR=/path/to/venv
# lerobot      .deps/oracle         LeRobot 0.4.4 with what it needs           WM_ORACLE_DIR=/path/to/venv
# libero       .deps/oracle-libero  the same, hf-libero, robosuite, MuJoCo     WM_LIBERO_ORACLE_DIR=/path/to/venv
#
# An environment of your own is only checked. The system needs FFmpeg's libraries for videos (Debian: apt-get install
# ffmpeg), and for libero OSMesa (Debian: apt-get install libosmesa6 libegl1 libgl1 libglib2.0-0 libgl1-mesa-dri).
#
# A new environment is a case below and an install_NAME function.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/oracle/environment
deps=${WM_DEPS_DIR:-$root/.deps}

say() { printf 'oracle: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

name=${1:-}
torch=torch==2.13.0+cpu size="3 GB" installer=install_lerobot
case $name in
  lerobot-0.6)
    folder=oracle-0.6 own=WM_ORACLE_06_DIR minimum=3.12 requirements=(lerobot-0.6.txt)
    torch=torch==2.11.0 size="5 GB" installer=install_current_lerobot
    needed=(
      lerobot==0.6.1 peft==0.21.2 torch==2.11.0 transformers==5.5.4 tokenizers==0.22.2
      lerobot.datasets.lerobot_dataset lerobot.policies.smolvla.modeling_smolvla)
    ;;
  lerobot)
    folder=oracle own=WM_ORACLE_DIR minimum=3.11 requirements=(lerobot.txt)
    needed=(
      lerobot==0.4.4 torch==2.13.0 transformers==4.57.6 tokenizers==0.22.2
      lerobot.datasets.lerobot_dataset lerobot.policies.smolvla.modeling_smolvla)
    ;;
  libero)
    folder=oracle-libero own=WM_LIBERO_ORACLE_DIR minimum=3.11 requirements=(lerobot.txt libero.txt)
    installer=install_libero
    needed=(
      lerobot==0.4.4 hf-libero==0.1.4 robosuite==1.4.0 mujoco==3.3.2 bddl==1.0.1
      lerobot.envs.libero)
    ;;
  *) fail "there is no environment '$name'; there are lerobot-0.6, lerobot and libero" ;;
esac
venv=${!own:-$deps/$folder}
log=$deps/$folder.log

check() {
  (cd "$root" && PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -m oracle.environment.check "${needed[@]}") >>"$log" 2>&1 &&
    { "$venv/bin/python" -c 'import torchcodec' 2>/dev/null ||
      say "torchcodec does not find FFmpeg's libraries (Debian: apt-get install ffmpeg), so LeRobot cannot read videos"; }
}

install() { # pip's arguments; without dependencies, because the requirement files list all of them
  "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps "$@" >>"$log" 2>&1
}

install_lerobot() {
  # LeRobot's own bounds ask for a CUDA build of torch.
  install "$torch" || install "$torch" --index-url https://download.pytorch.org/whl/cpu ||
    fail "pip found $torch neither on its index nor on PyTorch's; see $log"
  install -r "$here/lerobot.txt" || fail "pip could not install lerobot.txt; see $log"
  "$venv/bin/python" "$here/guard_torchvision.py" || fail "torchvision could not be changed"
}

install_current_lerobot() {
  install "$torch" || fail "pip did not find $torch; see $log"
  install -r "$here/lerobot-0.6.txt" || fail "pip could not install lerobot-0.6.txt; see $log"
}

install_libero() {
  install_lerobot
  install "setuptools<81" wheel || fail "pip could not install setuptools; see $log"
  install --no-build-isolation -r "$here/libero.txt" || fail "pip could not install libero.txt; see $log"
}

mkdir -p "$deps"
if [ -n "${!own:-}" ] || [ "${2:-}" = check ]; then
  [ -x "$venv/bin/python" ] || fail "$venv is no virtual environment (no bin/python); $own names one"
  : >"$log"
  check || fail "$venv lacks what the scripts need, see $log; without $own and 'check' this script installs it"
  echo "$venv/bin/python"
  exit
fi

# One installation at a time: a second one waits for the first.
exec 9>"$deps/$folder.lock"
flock 9
state=$(cd "$here" && {
  cat "${requirements[@]}" guard_torchvision.py check.py
  echo "${needed[@]}"
  declare -f install install_lerobot "$installer"
} | sha256sum)
if [ "$(cat "$venv/installed" 2>/dev/null)" != "$state" ]; then
  base=${PYTHON:-python3}
  # A system's python3 may be older than one that lies beside it.
  [ -n "${PYTHON:-}" ] || ! "python$minimum" -c "" 2>/dev/null || base=python$minimum
  "$base" -c "import sys; sys.exit(sys.version_info < (${minimum/./, }))" ||
    fail "the packages need Python $minimum or newer (PYTHON=…)"
  : >"$log"
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    say "making $venv"
    rm -rf "$venv"
    "$base" -m venv "$venv" >&2 || fail "python3 -m venv failed; install it (Debian: apt-get install python3-venv)"
  fi
  say "installing the environment $name (about $size; log: $log)"
  "$installer"
  check || fail "the packages are installed and cannot be imported, see $log; a library of the system may be missing" \
    "(the head of oracle/environment/setup.sh lists them); else delete $venv and run again"
  echo "$state" >"$venv/installed"
fi
echo "$venv/bin/python"
