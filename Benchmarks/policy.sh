#!/usr/bin/env bash
# Times the published sizes on the CPU, here and in Python, one after the other: training steps, kept features, action
# chunks, V-JEPA 2, peak memory. Prints ratios beside the speed of this machine's matrix products, and fails below a bar.
#   Benchmarks/policy.sh BENCHMARKS [PYTHON …]
# BENCHMARKS is the built program, each PYTHON one of an environment with LeRobot; without any, that of `make parity`.
# SECONDS_EACH (20) is how long each figure is taken.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/comparison.sh"
benchmarks=$(realpath -s "$1")
shift
[ $# -gt 0 ] || set -- "$("$here/../oracle/environment/setup.sh" lerobot)"
seconds=${SECONDS_EACH:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HOME=$work/home TMPDIR=$work PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore

# ours JOB PRECISION ROWS, theirs PYTHON JOB PRECISION ROWS: figures in files of these names
ours() { quietly "$work/log" "$benchmarks" published cpu "$2" "$1" "$3" "$seconds" >"$work/ours-$1-$2-$3"; }
theirs() {
  quietly "$work/log" "$1" "$here/policy_peer.py" "$2" "$3" "$4" "$work" "$seconds" | tail -n 1 >"$work/theirs-$2-$3-$4"
}
# faster WHAT BAR OURS THEIRS: how many times faster than the peer
faster() {
  local mine peer
  mine=$(figure seconds "$work/ours-$3") peer=$(figure seconds "$work/theirs-$4")
  verdict "$1 against $(program "$work/theirs-$4"): $(printf '%.2f s / %.2f s' "$peer" "$mine")" "$(quotient "$peer" "$mine")" "$2" '>='
}
# smaller WHAT BAR NAME: peak memory as a share of the peer's
smaller() {
  local mine peer
  mine=$(figure peak_mb "$work/ours-$3") peer=$(figure peak_mb "$work/theirs-$3")
  verdict "$1 against $(program "$work/theirs-$3"): $mine MB / $peer MB" "$(quotient "$mine" "$peer")" "$2" '<='
}

for precision in fp32 bf16; do
  ours product $precision 1
  awk -v precision=$precision -v seconds="$(figure seconds "$work/ours-product-$precision-1")" \
    'BEGIN { printf "matrix products in %s: %.0f GFLOP/s\n", precision, 2 * 4096 ^ 3 / seconds / 1e9 }'
  ours step $precision 4
  ours feature-step $precision 4
done
ours world-step bf16 4
ours chunk bf16 1
ours chunk bf16 8
ours encoder bf16 4
verdict "step of smolvla_world against smolvla's, bf16, features kept" \
  "$(quotient "$(figure seconds "$work/ours-world-step-bf16-4")" "$(figure seconds "$work/ours-feature-step-bf16-4")")" 1.08 '<='
for python in "$@"; do
  theirs "$python" step fp32 4
  faster "training step, fp32" 1.1 step-fp32-4 step-fp32-4
  faster "training step, fp32, features kept" 4 feature-step-fp32-4 step-fp32-4
  theirs "$python" step bf16 4
  faster "training step, bf16" 1.15 step-bf16-4 step-bf16-4
  faster "training step, bf16, features kept" 5 feature-step-bf16-4 step-bf16-4
  smaller "peak memory of a training step, fp32" 0.7 step-fp32-4
  smaller "peak memory of a training step, bf16" 0.7 step-bf16-4
  theirs "$python" chunk bf16 1
  faster "action chunk, bf16, batch 1" 1.3 chunk-bf16-1 chunk-bf16-1
  theirs "$python" chunk bf16 8
  faster "action chunk, bf16, batch 8" 1.5 chunk-bf16-8 chunk-bf16-8
  theirs "$python" encoder bf16 4
  faster "V-JEPA 2 ViT-L, bf16, 4 clips of 4 frames" 1.15 encoder-bf16-4 encoder-bf16-4
done
exit "$failed"
