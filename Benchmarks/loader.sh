#!/usr/bin/env bash
# Times the loading of datasets that LeRobot writes, images in Parquet and AV1 videos, here and by LeRobot, one after the
# other, and counts the bytes that images cost on a cold disk. Fails if a ratio is below its bar.
#   Benchmarks/loader.sh BENCHMARKS [PYTHON …]
# BENCHMARKS is the built program, each PYTHON one of an environment with LeRobot; without any, that of `make parity`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/comparison.sh"
benchmarks=$(realpath -s "$1")
shift
[ $# -gt 0 ] || set -- "$("$here/../oracle/environment/setup.sh" lerobot)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HOME=$work/home PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1

# compare WHAT BAR: how many times faster than the peer
compare() {
  local ours theirs
  ours=$(figure samples_per_second "$work/ours") theirs=$(figure samples_per_second "$work/peer")
  verdict "$1 against $(program "$work/peer"): $(printf '%.0f / %.1f' "$ours" "$theirs") samples/s" "$(quotient "$ours" "$theirs")" "$2" '>='
}

for kind in image video; do
  quietly "$work/log" "$1" "$here/loader_peer.py" make "$work/$kind" $kind >/dev/null
done
# A tenth of what the images take.
memory=$(($(du -sm "$work/image/data" | cut -f1) / 10))
"$benchmarks" loader "$work/image" "$memory" >"$work/ours"
verdict "bytes read from a cold disk / bytes used, memory $memory MB" \
  "$(quotient "$(figure bytes_read "$work/ours")" "$(figure bytes_used "$work/ours")")" 3 '<='
for python in "$@"; do
  quietly "$work/log" "$python" "$here/loader_peer.py" time "$work/image" >"$work/peer"
  compare "PNG" 25
  quietly "$work/log" "$python" "$here/loader_peer.py" time "$work/image" --fixed >"$work/peer"
  compare "PNG" 3
done
"$benchmarks" loader "$work/video" "$memory" >"$work/ours"
for python in "$@"; do
  quietly "$work/log" "$python" "$here/loader_peer.py" time "$work/video" >"$work/peer"
  compare "AV1 video" 5
done
exit "$failed"
