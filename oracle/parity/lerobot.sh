#!/usr/bin/env bash
# Compares this program with LeRobot 0.6.1 and 0.4.4 and the packages that they build on: are the committed goldens still
# what they give, and does the Swift side agree with them in freshly drawn configurations?
#
# Usage: oracle/parity/lerobot.sh
#
# One line for each comparison; fails if one differs. WM_PARITY_COUNT (12) and WM_PARITY_SEED (7) choose what is drawn.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
count=${WM_PARITY_COUNT:-12} seed=${WM_PARITY_SEED:-7}
python=$("$root/oracle/environment/setup.sh" lerobot) current=$("$root/oracle/environment/setup.sh" lerobot-0.6)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Nothing is to be fetched, and one thread adds in one order.
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore

cd "$root"

oracle() { # a module below oracle/ and its arguments
  "$python" -m "oracle.$1" "${@:2}" >"$work/oracle.log" 2>&1 || { cat "$work/oracle.log"; exit 1; }
  grep -a '^left out' "$work/oracle.log" || true
}

again() { # a module that writes goldens, and the committed ones
  local fresh=$work/fresh_$1_${2##*/}
  mkdir "$fresh"
  oracle "goldens.$1" "$fresh" again "$2"
  "$python" -m oracle.parity.golden_files "$2" "$fresh" || status=1
}

draw() { # a name for what is drawn; the Swift side compares itself with it
  mkdir "$work/$1" "$work/$1_world"
  oracle goldens.smolvla "$work/$1" draw "$count" "$seed"
  oracle goldens.smolvla_world "$work/$1_world" draw "$count" "$seed"
  WM_PARITY_GOLDENS=$work/$1 WM_PARITY_WORLD_GOLDENS=$work/$1_world \
    swift test --filter 'SmolVLATests|PolicyGoldenTests' >>"$work/swift.log" 2>&1 || status=1
}

status=0
policies=$root/Tests/Policies
(
  # LeRobot 0.6.1 first: where versions differ, this program follows it.
  python=$current
  again smolvla "$policies/SmolVLATests/CurrentGoldens"
  draw current
  exit "$status"
) || status=1
again smolvla "$policies/SmolVLATests/Goldens"
again smolvla_world "$policies/WorldModalityTests/PolicyGoldens"
draw former
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
