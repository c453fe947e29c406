#!/usr/bin/env bash
# Compares world encoders in their published sizes, with random weights, with transformers.
#
# Usage: oracle/parity/encoders.sh PYTHON [NAME …]   PYTHON is the environment's; without names all of encoders.py
#
# Hidden states and latents of a clip of 4 frames of 256 pixels must be equal within 1e-4 in float32. Takes about 4 GB of
# disk and 5 GB of memory.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore
cd "$root"
"$python" -m oracle.parity.encoders draw "$work" "$@" >"$work.log" 2>&1 || { cat "$work.log"; exit 1; }
rm -f "$work.log"
status=0
result=$(WM_PARITY_ENCODERS=$work swift test --filter EncoderParityTests 2>&1) || status=1
for folder in "$work"/*/; do
  name=$(basename "$folder")
  line=$(grep -a "^encoder $name: " <<<"$result") || { status=1; line="encoder $name: FAILED"; }
  theirs=$("$python" -m oracle.parity.encoders time "$work" "$name" 2>/dev/null)
  echo "parity $line; transformers' $theirs"
done
[ "$status" -eq 0 ] || grep -a '✘\|error:' <<<"$result"
exit "$status"
