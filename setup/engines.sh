#!/usr/bin/env bash
# Brings the engines that engines.lock pins into .deps/ and builds the shims. Safe to run again: it keeps what is
# complete and resumes what was interrupted. WM_TORCH_DIR=/…/site-packages/torch uses that torch instead of fetching one.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
lock=$root/setup/engines.lock
deps=${WM_DEPS_DIR:-$root/.deps}
python=${PYTHON:-python3}

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
pinned() { awk -v kind="$1" '$1 == kind { $1 = ""; print substr($0, 2) }' "$lock"; }
version_of() { awk -v name="$1" '$2 == name { print $3 }' "$lock"; }

install_packages() {
  local missing=() name
  for name in $(pinned apt); do
    dpkg -s "$name" >/dev/null 2>&1 || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || fail "install these packages with your system's package manager: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "run as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || say "apt-get update failed; trying with the present lists"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >"$deps/apt.log" 2>&1 || fail "apt-get could not install them; see $deps/apt.log"
}

# download NAME REQUIREMENT [pip options…]: leaves one wheel in .deps/wheels/NAME, through a folder with a temporary name.
download() {
  local folder=$deps/wheels/$1 partial=$deps/wheels/$1.partial
  [ -d "$folder" ] && return
  mkdir -p "$partial"
  "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: -d "$partial" "${@:2}" \
    2>>"$deps/pip.log" || return 1
  mv "$partial" "$folder"
}

check() { # NAME SHA256
  [ "$2" = - ] && return
  local wheel; wheel=$(echo "$deps/wheels/$1"/*.whl)
  if [ "$(sha256sum "$wheel" | cut -d' ' -f1)" != "$2" ]; then
    rm -rf "${deps:?}/wheels/$1"
    fail "$1's wheel is not the pinned one; run again, or check the package index"
  fi
}

# unpack NAME PATTERN…: those files of the wheel, renamed into place when complete.
unpack() {
  local name=$1 target=$deps/engines/$1; shift
  rm -rf "$target.partial"
  unzip -q -o "$deps/wheels/$name"/*.whl "$@" -d "$target.partial" || fail "$name's wheel is damaged; delete $deps/wheels/$name and run again"
  mv "$target.partial" "$target"
  rm -rf "${deps:?}/wheels/$name"
}

engine() { # NAME SHA256 PATTERN…
  [ -d "$deps/engines/$1" ] && return
  say "fetching $1 $(version_of "$1")"
  download "$1" "$1==$(version_of "$1")" --implementation cp --python-version 3.12 \
    --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 ||
    fail "pip could not fetch $1: $(tail -n 1 "$deps/pip.log")"
  check "$1" "$2"
  unpack "$1" "${@:3}"
}

torch() {
  if [ -n "${WM_TORCH_DIR:-}" ]; then
    [ -f "$WM_TORCH_DIR/version.py" ] || fail "WM_TORCH_DIR=$WM_TORCH_DIR is not a torch package (version.py is missing)"
    return
  fi
  [ -d "$deps/engines/torch" ] && return
  local version; version=$(version_of torch)
  say "fetching torch $version"
  if download torch "torch==$version+cpu" ||
    download torch "torch==$version+cpu" --index-url https://download.pytorch.org/whl/cpu; then
    unpack torch 'torch/lib/*' 'torch/include/*' torch/version.py
    return
  fi
  say "no CPU build found; using PyPI's CUDA build and the two libraries it loads"
  download torch "torch==$version" || fail "pip could not fetch torch: $(tail -n 1 "$deps/pip.log")"
  unpack torch 'torch/lib/*' 'torch/include/*' torch/version.py
  while read -r name pin _; do
    download "$name" "$name==$pin" || fail "pip could not fetch $name: $(tail -n 1 "$deps/pip.log")"
    unpack "$name" 'nvidia/*'
    cp -n "$deps/engines/$name"/nvidia/*/lib/*.so* "$deps/engines/torch/torch/lib/"
  done < <(pinned cuda)
}

mkdir -p "$deps/engines" "$deps/wheels" "$deps/shims"
# MuJoCo's headers are found through .deps, even if several checkouts share the engines.
[ "$deps" -ef "$root/.deps" ] || ln -sfn "$deps" "$root/.deps"
# One setup at a time: a second one waits for the first.
exec 9>"$deps/lock"
flock 9
install_packages
while read -r name version sha; do
  case $name in
    torch) torch ;;
    mujoco) engine "$name" "$sha" 'mujoco/include/*' 'mujoco/libmujoco.so*' ;;
    pyarrow) engine "$name" "$sha" 'pyarrow/include/*' 'pyarrow/libarrow.so*' 'pyarrow/libparquet.so*' ;;
    *) engine "$name" "$sha" ;;
  esac
done < <(pinned wheel)
while read -r name version sha; do
  case $name in
    robosuite)
      assets=robosuite/models/assets
      engine "$name" "$sha" $assets/base.xml $assets/robots/panda/robot.xml "$assets/robots/panda/meshes/link?.stl" \
        "$assets/robots/panda/obj_meshes/*.obj" $assets/grippers/panda_gripper.xml \
        "$assets/grippers/meshes/panda_gripper/*.stl" $assets/mounts/rethink_mount.xml $assets/mounts/null_mount.xml \
        $assets/mounts/meshes/rethink_mount/pedestal.stl ;;
    hf-libero)
      engine "$name" "$sha" 'libero/libero/bddl_files/*' 'libero/libero/init_files/*.pruned_init' \
        libero/libero/benchmark/libero_suite_task_map.py ;;
    *) engine "$name" "$sha" ;;
  esac
done < <(pinned data)
"$root/setup/build_shims.sh" "$deps"
