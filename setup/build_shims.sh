#!/usr/bin/env bash
# Compiles each shim against its engine: build_shims.sh DEPS [NAME…]. A shim newer than its sources is kept. NAME is torch,
# operators (those of a Python process), arrow, images or videos; by default all but operators. One that fails hinders no other.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
deps=$1
shift
[ $# -gt 0 ] || set -- torch arrow images videos
torch=${WM_TORCH_DIR:-$deps/engines/torch/torch}
arrow=$deps/engines/pyarrow/pyarrow
shared=$root/Sources/Engines/Loading/shim/shim.hpp
torch_version=$(sed -n "s/^__version__ = '\(.*\)'/\1/p" "$torch/version.py")
with_torch=(-isystem "$torch/include" -isystem "$torch/include/torch/csrc/api/include" -L"$torch/lib" -ltorch_cpu -lc10)

shim() { # NAME ENGINE SOURCE HEADERS compiler-arguments…
  local output=$deps/shims/lib$1.so; local engine=$root/Sources/Engines/$2; local source=$engine/shim/$3 face=$engine/$4/include; shift 4
  if [ "$output" -nt "$source" ] && [ "$output" -nt "$shared" ] && [ -z "$(find "$face" -name '*.h' -newer "$output")" ]; then return; fi
  if [ ${#needed[@]} -gt 0 ] && ! finds "${needed[@]}"; then return 1; fi
  echo "setup: compiling $(basename "$output")"
  ${CXX:-g++} -std=c++20 -O2 -fPIC -shared -fvisibility=hidden "$source" -I"$face" "$@" -o "$output.partial" &&
    mv "$output.partial" "$output"
}

# Whether the compiler finds headers, which a Python environment asks at every start: compiling would take longer to fail.
finds() { # PACKAGES HEADER…
  printf '#if !__has_include(<%s>)\n#error\n#endif\n' "${@:2}" | ${CXX:-g++} -E -x c++ - >/dev/null 2>&1 && return
  echo "setup: ${CXX:-g++} finds no ${*:2}; install Debian's g++ $1" >&2
  return 1
}

build() { # NAME
  local needed=()
  case $1 in
    torch)
      # CUDA's headers let torch before 2.13 record graphs.
      local cuda=() include
      for include in "$torch"/../nvidia/cu*/include "${CUDA_HOME:-/usr/local/cuda}/include"; do
        if [ -f "$include/crt/host_config.h" ]; then cuda=(-isystem "$include"); fi
      done
      # No rpath: the program opens the libraries of the torch in use before the shim, so one shim serves every copy of a
      # version.
      shim "wm_torch-$torch_version" Torch torch.cpp CTorch "${with_torch[@]}" ${cuda[@]+"${cuda[@]}"} ;;
    operators)
      shim "wm_operators-$torch_version" ../Python operators.cpp CPythonCore -I"$root/Sources/Engines/Torch/CTorch/include" \
        "${with_torch[@]}" ;;
    arrow)
      shim wm_arrow Parquet arrow.cpp CArrow -isystem "$arrow/include" -L"$arrow" -l:libarrow.so.2600 -l:libparquet.so.2600 \
        -Wl,-rpath,'$ORIGIN/../engines/pyarrow/pyarrow' ;;
    images)
      needed=("libpng-dev libjpeg-dev" png.h jpeglib.h)
      shim wm_media Media media.cpp CMedia -lpng -ljpeg ;;
    videos)
      needed=("libavformat-dev libavcodec-dev libavutil-dev libswscale-dev" libavformat/avformat.h libavcodec/avcodec.h
        libavutil/opt.h libswscale/swscale.h)
      shim wm_video Media video.cpp CMedia -lavformat -lavcodec -lswscale -lavutil ;;
    *) echo "setup: there is no shim '$1'" >&2; return 1 ;;
  esac
}

status=0
for name in "$@"; do build "$name" || status=1; done
exit "$status"
