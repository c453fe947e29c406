#!/usr/bin/env bash
# Packs what gpu.sh needs on a machine without Swift: the programs with Swift's runtime in them, the torch shim's sources,
# goldens and scripts; about 35 MB.
#   Benchmarks/gpu_package.sh FOLDER     with PROGRAMS=FOLDER the programs there, as they are, to try the script here
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1/golden"
folder=$(cd "$1" && pwd)
cd "$root"
for program in lerobot-wm Benchmarks; do
  if [ -n "${PROGRAMS:-}" ]; then
    ln -sf "$PROGRAMS/$program" "$folder/$program"
    continue
  fi
  swift build -c release --static-swift-stdlib --scratch-path .build/static --product $program >&2
  strip -o "$folder/$program" ".build/static/release/$program"
  xz -9 -T2 -f "$folder/$program"
done
# The shim names its shared header by its place in the repository.
mkdir -p "$folder/Torch/shim" "$folder/Torch/CTorch/include" "$folder/Loading/shim"
cp Sources/Engines/Torch/shim/torch.cpp "$folder/Torch/shim"
cp Sources/Engines/Torch/CTorch/include/wm_torch.h "$folder/Torch/CTorch/include"
cp Sources/Engines/Loading/shim/shim.hpp "$folder/Loading/shim"
cp Benchmarks/comparison.sh Benchmarks/gpu.sh Benchmarks/gpu_compare.py Benchmarks/gpu_peer.py "$folder"
# Of each policy a configuration and a batch with LeRobot's numbers.
golden() { # NAME PLACE CASE
  cp -r "Tests/Policies/$2" "$folder/golden/$1"
  mv "$folder/golden/$1/cases/$3.safetensors" "$folder/golden/$1/batch.safetensors"
  rm -r "$folder/golden/$1/cases"
  # The goldens' own is no text's; batches bring their tokens.
  cp Tests/Core/ModelFilesTests/Goldens/tokenizers/smol/tokenizer.json "$folder/golden/$1/backbone"
}
rm -rf "${folder:?}/golden/"*
golden smolvla SmolVLATests/Goldens/cross baseline
golden smolvla_world WorldModalityTests/PolicyGoldens/one_future one_future
du -sh "$folder" >&2
