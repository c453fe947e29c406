#!/usr/bin/env bash
# Compares LIBERO scenes with the official stack, which it installs into .deps/oracle-libero: every field of the compiled
# models of all 130 tasks. Tasks whose assets this machine lacks are skipped, and the missing files named.
#   oracle/libero_scenes_parity.sh [SUITE …]
# Assets: WM_LIBERO_ASSETS=/folder, else hf-libero's own download, else those beside the checkout for development; with none
# of them it compares nothing and says so. WM_LIBERO_ORACLE_DIR takes a virtual environment of your own;
# WM_LIBERO_SEED chooses where the fixtures stand.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
deps=${WM_DEPS_DIR:-$root/.deps}
venv=${WM_LIBERO_ORACLE_DIR:-$deps/oracle-libero}
work=$(mktemp -d)
trap 'rm -rf "$work"; [ -z "${link:-}" ] || rm -f "$link"' EXIT
say() { printf 'oracle: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

assets=${WM_LIBERO_ASSETS:-}
archive=$root/../shared/libero-assets.tar.xz
if [ -z "$assets" ] && [ -d "$HOME/.cache/libero/assets/scenes" ]; then assets=$HOME/.cache/libero/assets; fi
if [ -z "$assets" ] && [ -f "$archive" ]; then
  tar xJf "$archive" -C "$work"
  assets=$work/libero-assets
fi
if [ -z "$assets" ]; then
  echo "parity: LIBERO's scenes were not compared, for want of assets; WM_LIBERO_ASSETS names a folder of them"
  exit
fi

if ! "$venv/bin/python" -c 'import robosuite' >/dev/null 2>&1; then
  say "installing the official stack into $venv"
  "${PYTHON:-python3}" -m venv "$venv"
  pip=("$venv/bin/python" -m pip install -q --disable-pip-version-check)
  "${pip[@]}" -r "$root/oracle/libero_scenes_requirements.txt" || fail "pip could not install the requirements"
  "${pip[@]}" --no-deps robosuite==1.4.0 hf-libero==0.1.4 || fail "pip could not install robosuite and hf-libero"
fi

# hf-libero takes assets from its own folder only, and asks a question where it finds no settings.
package=$("$venv/bin/python" -c 'import importlib.util as u; print(u.find_spec("libero").submodule_search_locations[0])')
mkdir "$work/settings"
printf 'benchmark_root: %s\n' "$package/libero" >"$work/settings/config.yaml"
link=$package/libero/assets
rm -f "$link" 2>/dev/null || fail "$link is a folder; move it away"
ln -s "$assets" "$link"
export LIBERO_CONFIG_PATH=$work/settings MUJOCO_GL=osmesa PYOPENGL_PLATFORM=osmesa OMP_NUM_THREADS=1 PYTHONWARNINGS=ignore

[ $# -gt 0 ] || set -- libero_spatial libero_object libero_goal libero_10 libero_90
for suite in "$@"; do
  "$venv/bin/python" "$root/oracle/libero_scenes.py" "$work/scenes" "$suite" --seed "${WM_LIBERO_SEED:-0}" \
    >>"$work/official.log" 2>"$work/official.err" || { tail -n 20 "$work/official.err"; fail "the official stack failed"; }
done
grep -a 'SKIPPED' "$work/official.log" || true

cd "$root"
status=0
WM_LIBERO_ASSETS=$assets WM_LIBERO_SCENES=$work/scenes swift test --filter LiberoTests >"$work/swift.log" 2>&1 || status=1
grep -a '^parity .*different: \[\"' "$work/swift.log" || true
asked=$(grep -ac . "$work/official.log")
compared=$(grep -ac '^parity ' "$work/swift.log" || true)
equal=$(grep -ac '^parity .*different: \[\]' "$work/swift.log" || true)
echo "parity: $asked tasks asked for, $compared compared, $equal equal in every field, $((asked - compared)) skipped"
[ "$status" -eq 0 ] || grep -a '✘\|error:' "$work/swift.log" || tail -n 20 "$work/swift.log"
[ "$status" -eq 0 ] && [ "$compared" -gt 0 ] && [ "$equal" -eq "$compared" ]
