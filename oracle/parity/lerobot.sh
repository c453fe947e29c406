#!/usr/bin/env bash
# Compares this program with LeRobot and the packages that it builds on: are the committed goldens still what they give,
# and does the Swift side agree with them in freshly drawn configurations?
#
# Usage: oracle/parity/lerobot.sh
#
# One line for each comparison; fails if one differs. WM_PARITY_COUNT (12) and WM_PARITY_SEED (7) choose what is drawn.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
count=${WM_PARITY_COUNT:-12} seed=${WM_PARITY_SEED:-7}
goldens=$root/Tests/Policies/SmolVLATests/Goldens world_goldens=$root/Tests/Policies/WorldModalityTests/PolicyGoldens
python=$("$root/oracle/environment/setup.sh" lerobot)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/fresh" "$work/drawn" "$work/fresh_world" "$work/drawn_world"
# Nothing is to be fetched, and one thread adds in one order.
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore

cd "$root"

oracle() { # a module below oracle/ and its arguments
  "$python" -m "oracle.$1" "${@:2}" >"$work/oracle.log" 2>&1 || { cat "$work/oracle.log"; exit 1; }
  grep -a '^left out' "$work/oracle.log" || true
}

status=0
oracle goldens.smolvla "$work/fresh" again "$goldens"
"$python" -m oracle.parity.golden_files "$goldens" "$work/fresh" || status=1
oracle goldens.smolvla_world "$work/fresh_world" again "$world_goldens"
"$python" -m oracle.parity.golden_files "$world_goldens" "$work/fresh_world" || status=1

oracle goldens.smolvla "$work/drawn" draw "$count" "$seed"
oracle goldens.smolvla_world "$work/drawn_world" draw "$count" "$seed"
WM_PARITY_GOLDENS=$work/drawn WM_PARITY_WORLD_GOLDENS=$work/drawn_world \
  swift test --filter 'SmolVLATests|PolicyGoldenTests' >"$work/swift.log" 2>&1 || status=1
# Datasets that the Swift side records, opened by LeRobot.
WM_PARITY_DATASETS=$work/datasets swift test --skip-build --filter 'datasets are left for LeRobot to open' \
  >>"$work/swift.log" 2>&1 || status=1
"$python" -m oracle.parity.recorded_datasets "$work/datasets" || status=1
# Tokenizer folders that transformers reads.
oracle parity.tokenizer_folders "$work/tokenizers" "$count" "$seed"
WM_PARITY_TOKENIZERS=$work/tokenizers swift test --skip-build --filter TransformersTokenizerTests \
  >"$work/tokenizers.log" 2>&1 || { status=1; grep -a '✘\|error:' "$work/tokenizers.log"; }
grep -a '^parity tokenizer' "$work/tokenizers.log" | wc -l | xargs printf 'tokenizer folders read as transformers reads them: %s\n'
# A dataset of version 2.1 beside LeRobot's conversion of it, and images beside torchvision's.
mkdir "$work/datasets21"
oracle goldens.datasets_v21 "$work/datasets21"
oracle goldens.image_transforms "$work/datasets21" "$seed"
WM_PARITY_DATASET_GOLDENS=$work/datasets21 swift test --skip-build --filter "v2.1|torchvision's" \
  >>"$work/swift.log" 2>&1 || status=1
# A run's logs, read by TensorBoard and wandb.
WM_PARITY_RUNS=$work/runs swift test --skip-build --filter 'leaves logs for the official readers' \
  >>"$work/swift.log" 2>&1 || status=1
"$python" -m oracle.parity.run_logs "$work/runs" 2>>"$work/swift.log" || status=1
# A cache and a hub shared with huggingface_hub.
"$root/oracle/parity/hub.sh" "$python" >>"$work/swift.log" 2>&1 || status=1
# World encoders in their published sizes.
"$root/oracle/parity/encoders.sh" "$python" || status=1
grep -a '^parity ' "$work/swift.log" | sort || true
compared=$(grep -ac '^parity ' "$work/swift.log" || true)
if [ "$status" -ne 0 ] || [ "$compared" -eq 0 ]; then
  grep -a '✘\|error:' "$work/swift.log" || tail -n 20 "$work/swift.log"
  echo "parity: DIFFERENT ($compared comparisons; $count drawn configurations, seed $seed)"
  exit 1
fi
echo "largest deviations of $compared comparisons ($count drawn configurations of each policy, seed $seed):"
awk -F': | equal, deviation | \\(tolerance |\\)' '/^parity / { if ($3 + 0 >= worst[$2] + 0) { worst[$2] = $3; tolerance[$2] = $4; place[$2] = $1 } }
  END { for (kind in worst) printf "  %-20s %.1e of %s  (%s)\n", kind, worst[kind], tolerance[kind], substr(place[kind], 8) }' \
  "$work/swift.log" | sort
echo "parity: all equal"
