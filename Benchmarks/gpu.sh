#!/usr/bin/env bash
# Is the program right on a GPU, and how fast? Correctness first: goldens and the CPU's numbers, a closed gate bit for bit.
# Then training, planning and encoding in the published sizes, beside a plain PyTorch step, eager and compiled. Needs
# python3 with torch 2.10 or newer and g++; no Swift, no network, less than 8 minutes.
#   gpu.sh FOLDER [DEVICE [SECONDS_EACH]]     FOLDER is what gpu_package.sh made; DEVICE cuda (or cpu, to try the script)
# PYTHON (python3) is the one with torch; after TIME_LIMIT (440) seconds the rates that remain are left out.
set -uo pipefail
folder=$(cd "$1" && pwd)
device=${2:-cuda} seconds=${3:-5} python=${PYTHON:-python3}
source "$folder/comparison.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
end=$((SECONDS + ${TIME_LIMIT:-440}))
rows=64 compiled=(compiled-step)
[ "$device" != cpu ] || rows=1 compiled=()

# The shim is compiled against the torch that is here.
WM_TORCH_DIR=$($python -c 'import os, torch; print(os.path.dirname(torch.__file__))') || exit 1
export WM_TORCH_DIR WM_DEPS_DIR=$work/deps
mkdir -p "$WM_DEPS_DIR/shims"
$python -c 'import torch; print("torch", torch.__version__, "on", torch.cuda.get_device_name(0) if torch.cuda.is_available() else "a CPU")'
version=$($python -c 'import torch; print(torch.__version__)')
# With CUDA's headers torch before 2.13 records graphs too.
cuda=()
for include in "$WM_TORCH_DIR"/../nvidia/cu*/include "${CUDA_HOME:-/usr/local/cuda}/include"; do
  if [ -f "$include/crt/host_config.h" ]; then cuda=(-isystem "$include"); fi
done
g++ -std=c++20 -O2 -fPIC -shared -fvisibility=hidden "$folder/Torch/shim/torch.cpp" ${cuda[@]+"${cuda[@]}"} -I"$folder/Torch/CTorch/include" \
  -isystem "$WM_TORCH_DIR/include" -isystem "$WM_TORCH_DIR/include/torch/csrc/api/include" -L"$WM_TORCH_DIR/lib" -ltorch_cpu -lc10 \
  -o "$WM_DEPS_DIR/shims/libwm_torch-$version.so" || exit 1
for program in lerobot-wm Benchmarks; do
  { cp "$folder/$program" "$work" 2>/dev/null || xz -dc "$folder/$program.xz" >"$work/$program"; } || exit 1
  chmod +x "$work/$program"
done

echo "== correctness, largest relative deviations (fp32)"
for golden in "$folder"/golden/*/; do
  name=$(basename "$golden") flags=(--policy.lerobot_version=0.4)
  # LeRobot 0.4.4 averages over padding too.
  [ "$name" != smolvla ] || flags+=(--policy.action_loss=padded)
  for where in cpu "$device"; do
    "$work/lerobot-wm" probe --policy.path="$golden" --policy.device="$where" "${flags[@]}" \
      --batch="$golden/batch.safetensors" --output="$work/$name-$where" --overwrite >/dev/null || failed=1
  done
  "$python" "$folder/gpu_compare.py" "$name on $device against LeRobot" "$golden/batch.safetensors" "$work/$name-$device" 1e-4 || failed=1
  "$python" "$folder/gpu_compare.py" "$name on $device against the CPU" "$work/$name-cpu" "$work/$name-$device" 1e-4 || failed=1
done

# ours PRECISION JOB ROWS, theirs PRECISION JOB ROWS: a row of the table, if there is time
ours() { row "$work/Benchmarks" published "$device" "$1" "$2" "$3" "$seconds"; }
theirs() { row "$python" "$folder/gpu_peer.py" "$2" "$device" "$1" "$3" "$seconds"; }
row() {
  [ $SECONDS -lt $end ] || { echo "left out for lack of time: ${*: -5}"; return 1; }
  timeout 150 "$@" >"$work/out" 2>"$work/log" || { failed=1; echo "failed: ${*: -5}"; tail -n 3 "$work/log"; return; }
  "$python" - "$work/out" <<'PY'
import json, sys
f = json.loads(open(sys.argv[1]).read().splitlines()[-1])
if f["job"] == "product":
    size = f.get("size", 0)
    print(f"{f['program']:<14} {f['job']:<14} {f['precision']:<5} {2 * size**3 / f['seconds'] / 1e12:9.1f} TFLOP/s")
elif f["job"] in ("gate", "graph"):
    what = {"gate": "closed gate is SmolVLA", "graph": "updates and plans of a graph are those without"}[f["job"]]
    print(f"{f['program']:<14} {what}, bit for bit: {bool(f['identical'])}")
else:
    print(f"{f['program']:<14} {f['job']:<14} {f['precision']:<5} batch {f['rows']:<3} {f['rows'] / f['seconds']:9.2f} /s {1000 * f['seconds']:9.1f} ms")
PY
}
for question in gate graph; do
  if ours fp32 $question 1; then grep -q '"identical": *1' "$work/out" || failed=1; fi
done
echo "== rates, best of the rounds in $seconds s"
for precision in fp32 tf32 bf16; do ours $precision product 1; done
theirs bf16 step $rows
for precision in fp32 tf32 bf16; do ours $precision step $rows; done
ours bf16 feature-step $rows
ours bf16 world-step $rows
for size in 1 8; do ours bf16 chunk $size; done
ours bf16 encoder $((rows > 1 ? 32 : 1))
theirs fp32 step $rows
theirs tf32 step $rows
for job in ${compiled[@]+"${compiled[@]}"}; do theirs bf16 $job $rows; done
echo "LIBERO's environments are left out: MuJoCo and its scenes are not part of this package"
exit $failed
