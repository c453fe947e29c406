#!/usr/bin/env bash
# Compiles each shim against the engine it stands before: build.sh DEPS. A shim newer than its sources is left alone.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
deps=$1
torch=${WM_TORCH_DIR:-$deps/engines/torch/torch}
arrow=$deps/engines/pyarrow/pyarrow
torch_version=$(sed -n "s/^__version__ = '\(.*\)'/\1/p" "$torch/version.py")

shim() { # NAME SOURCE FACE compiler-arguments…
  local output=$deps/shims/lib$1.so source=$root/native/$2 face=$root/Sources/$3/include; shift 3
  if [ "$output" -nt "$source" ] && [ -z "$(find "$face" -name '*.h' -newer "$output")" ]; then return; fi
  echo "setup: compiling $(basename "$output")"
  ${CXX:-g++} -std=c++20 -O2 -fPIC -shared -fvisibility=hidden "$source" -I"$face" "$@" -o "$output.partial"
  mv "$output.partial" "$output"
}

# No rpath: the program opens the libraries of the torch in use before the shim, so one shim serves every copy of a version.
shim "wm_torch-$torch_version" torch.cpp CTorch -isystem "$torch/include" -isystem "$torch/include/torch/csrc/api/include" \
  -L"$torch/lib" -ltorch_cpu -lc10
shim wm_arrow arrow.cpp CArrow -isystem "$arrow/include" -L"$arrow" -l:libarrow.so.2600 -l:libparquet.so.2600 \
  -Wl,-rpath,'$ORIGIN/../engines/pyarrow/pyarrow'
shim wm_media media.cpp CMedia -lpng -ljpeg
shim wm_video video.cpp CMedia -lavformat -lavcodec -lswscale -lavutil
