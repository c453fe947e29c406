#!/usr/bin/env bash
# World encoders in their published sizes with random weights: hidden states and latents of a clip of 4 frames of 256
# pixels equal transformers' within 1e-4 in float32. Takes about 4 GB of disk and 5 GB of memory.
# Usage: oracle/encoders_parity.sh PYTHON [NAME …]; without names ViT-L, ViT-H, ViT-g, DINOv2 base and large.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore
"$python" "$root/oracle/encoders_parity.py" draw "$work" "$@" >"$work.log" 2>&1 || { cat "$work.log"; exit 1; }
rm -f "$work.log"
cd "$root"
status=0
result=$(WM_PARITY_ENCODERS=$work swift test --filter EncoderParityTests 2>&1) || status=1
for folder in "$work"/*/; do
  name=$(basename "$folder")
  line=$(grep -a "^encoder $name: " <<<"$result") || { status=1; line="encoder $name: FAILED"; }
  theirs=$("$python" "$root/oracle/encoders_parity.py" time "$work" "$name" 2>/dev/null)
  echo "parity $line; transformers' $theirs"
done
[ "$status" -eq 0 ] || grep -a '✘\|error:' <<<"$result"
exit "$status"
