#!/usr/bin/env bash
# Compiles each shim against its engine: build_shims.sh DEPS. A shim newer than its sources is kept. With `operators` as a
# second argument only the shims of torch are compiled, that of a Python process included.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
deps=$1
torch=${WM_TORCH_DIR:-$deps/engines/torch/torch}
arrow=$deps/engines/pyarrow/pyarrow
shared=$root/Sources/Engines/Loading/shim/shim.hpp
torch_version=$(sed -n "s/^__version__ = '\(.*\)'/\1/p" "$torch/version.py")

shim() { # NAME ENGINE SOURCE HEADERS compiler-arguments…
  local output=$deps/shims/lib$1.so; local engine=$root/Sources/Engines/$2; local source=$engine/shim/$3 face=$engine/$4/include; shift 4
  if [ "$output" -nt "$source" ] && [ "$output" -nt "$shared" ] && [ -z "$(find "$face" -name '*.h' -newer "$output")" ]; then return; fi
  echo "setup: compiling $(basename "$output")"
  ${CXX:-g++} -std=c++20 -O2 -fPIC -shared -fvisibility=hidden "$source" -I"$face" "$@" -o "$output.partial"
  mv "$output.partial" "$output"
}

# CUDA's headers let torch before 2.13 record graphs.
cuda=()
for include in "$torch"/../nvidia/cu*/include "${CUDA_HOME:-/usr/local/cuda}/include"; do
  if [ -f "$include/crt/host_config.h" ]; then cuda=(-isystem "$include"); fi
done
# No rpath: the program opens the libraries of the torch in use before the shim, so one shim serves every copy of a version.
shim "wm_torch-$torch_version" Torch torch.cpp CTorch -isystem "$torch/include" -isystem "$torch/include/torch/csrc/api/include" \
  ${cuda[@]+"${cuda[@]}"} -L"$torch/lib" -ltorch_cpu -lc10
if [ "${2:-}" = operators ]; then
  shim "wm_operators-$torch_version" ../Python operators.cpp CPythonCore -I"$root/Sources/Engines/Torch/CTorch/include" \
    -isystem "$torch/include" -isystem "$torch/include/torch/csrc/api/include" -L"$torch/lib" -ltorch_cpu -lc10
  exit
fi
shim wm_arrow Parquet arrow.cpp CArrow -isystem "$arrow/include" -L"$arrow" -l:libarrow.so.2600 -l:libparquet.so.2600 \
  -Wl,-rpath,'$ORIGIN/../engines/pyarrow/pyarrow'
shim wm_media Media media.cpp CMedia -lpng -ljpeg
shim wm_video Media video.cpp CMedia -lavformat -lavcodec -lswscale -lavutil
