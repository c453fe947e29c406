#!/usr/bin/env bash
# Times the loading of datasets that LeRobot writes, images in Parquet and AV1 videos, here and by LeRobot, one after the
# other, and counts the bytes that images cost on a cold disk. Fails if a ratio is below its bar.
#   Benchmarks/loader.sh BENCHMARKS [PYTHON …]
# BENCHMARKS is the built program, each PYTHON one of an environment with LeRobot; without any, that of `make parity`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
benchmarks=$(realpath -s "$1")
shift
[ $# -gt 0 ] || set -- "$("$here/../oracle/environment/setup.sh" lerobot)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HOME=$work/home PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1

# figure NAME FILE: a number of a line of JSON
figure() { sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p" "$2"; }
failed=0
# verdict WHAT RATIO BAR COMPARISON
verdict() {
  local holds
  holds=$(awk -v ratio="$2" -v bar="$3" "BEGIN { print (ratio $4 bar) ? \"\" : \", missed\" }")
  printf '%-60s %8.2f (bar: %s %s)%s\n' "$1" "$2" "$4" "$3" "$holds"
  [ -z "$holds" ] || failed=1
}
# compare WHAT BAR PEER: how many times faster than the peer
compare() {
  local ours theirs
  ours=$(figure samples_per_second "$work/ours") theirs=$(figure samples_per_second "$work/peer")
  verdict "$1 against $(sed 's/.*"loader": *"\([^"]*\)".*/\1/' "$work/peer"): $(printf '%.0f / %.1f' "$ours" "$theirs") samples/s" \
    "$(awk -v a="$ours" -v b="$theirs" 'BEGIN { print a / b }')" "$2" '>='
}

for kind in image video; do
  "$1" "$here/loader_peer.py" make "$work/$kind" $kind >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
done
# A tenth of what the images take.
memory=$(($(du -sm "$work/image/data" | cut -f1) / 10))
"$benchmarks" loader "$work/image" "$memory" >"$work/ours"
verdict "bytes read from a cold disk / bytes used, memory $memory MB" \
  "$(awk -v a="$(figure bytes_read "$work/ours")" -v b="$(figure bytes_used "$work/ours")" 'BEGIN { print a / b }')" 3 '<='
for python in "$@"; do
  "$python" "$here/loader_peer.py" time "$work/image" >"$work/peer" 2>"$work/log" || { tail -n 20 "$work/log" >&2; exit 1; }
  compare "PNG" 25
  "$python" "$here/loader_peer.py" time "$work/image" --fixed >"$work/peer" 2>"$work/log" || { tail -n 20 "$work/log" >&2; exit 1; }
  compare "PNG" 3
done
"$benchmarks" loader "$work/video" "$memory" >"$work/ours"
for python in "$@"; do
  "$python" "$here/loader_peer.py" time "$work/video" >"$work/peer" 2>"$work/log" || { tail -n 20 "$work/log" >&2; exit 1; }
  compare "AV1 video" 5
done
exit "$failed"
