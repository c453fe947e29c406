#!/usr/bin/env bash
# Compares this program with the official packages: are the committed goldens still what they give, and does the Swift
# side agree with them in freshly drawn configurations? One line for each comparison; fails if one differs.
# WM_PARITY_COUNT and WM_PARITY_SEED choose the drawn ones; WM_ORACLE_DIR is oracle/setup.sh's.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
count=${WM_PARITY_COUNT:-12} seed=${WM_PARITY_SEED:-7}
goldens=$root/Tests/Policies/SmolVLATests/Goldens world_goldens=$root/Tests/Policies/WorldModalityTests/PolicyGoldens
python=$("$root/oracle/setup.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/fresh" "$work/drawn" "$work/fresh_world" "$work/drawn_world"
# Nothing is to be fetched, and one thread adds in one order.
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore

oracle() {
  local script=$root/oracle/$1.py
  shift
  "$python" "$script" "$@" >"$work/oracle.log" 2>&1 || { cat "$work/oracle.log"; exit 1; }
  grep -a '^left out' "$work/oracle.log" || true
}

status=0
oracle smolvla_goldens again "$goldens" "$work/fresh"
"$python" "$root/oracle/smolvla_goldens.py" compare "$goldens" "$work/fresh" || status=1
oracle smolvla_world_goldens again "$world_goldens" "$work/fresh_world"
"$python" "$root/oracle/smolvla_world_goldens.py" compare "$world_goldens" "$work/fresh_world" || status=1

oracle smolvla_goldens draw "$work/drawn" "$count" "$seed"
oracle smolvla_world_goldens draw "$work/drawn_world" "$count" "$seed"
cd "$root"
WM_PARITY_GOLDENS=$work/drawn WM_PARITY_WORLD_GOLDENS=$work/drawn_world \
  swift test --filter 'SmolVLATests|PolicyGoldenTests' >"$work/swift.log" 2>&1 || status=1
# Datasets that the Swift side records, opened by LeRobot.
WM_PARITY_DATASETS=$work/datasets swift test --skip-build --filter 'datasets are left for LeRobot to open' \
  >>"$work/swift.log" 2>&1 || status=1
"$python" "$root/oracle/lerobot_datasets_check.py" "$work/datasets" || status=1
# Tokenizer folders that transformers reads.
oracle tokenizers_parity draw "$work/tokenizers" "$count" "$seed"
WM_PARITY_TOKENIZERS=$work/tokenizers swift test --skip-build --filter TransformersTokenizerTests \
  >"$work/tokenizers.log" 2>&1 || { status=1; grep -a '✘\|error:' "$work/tokenizers.log"; }
grep -a '^parity tokenizer' "$work/tokenizers.log" | wc -l | xargs printf 'tokenizer folders read as transformers reads them: %s\n'
# A version 2.1 set beside LeRobot's conversion of it, and pictures beside torchvision's.
mkdir "$work/datasets21"
oracle lerobot_datasets_v21_goldens "$work/datasets21"
oracle image_transforms_goldens "$work/datasets21" "$seed"
WM_PARITY_DATASET_GOLDENS=$work/datasets21 swift test --skip-build --filter "v2.1|torchvision's" \
  >>"$work/swift.log" 2>&1 || status=1
# A run's logs, read by TensorBoard and wandb.
WM_PARITY_RUNS=$work/runs swift test --skip-build --filter 'leaves logs for the official readers' \
  >>"$work/swift.log" 2>&1 || status=1
"$python" "$root/oracle/run_logs_check.py" "$work/runs" 2>>"$work/swift.log" || status=1
# A cache and a hub shared with huggingface_hub.
"$root/oracle/hub_parity.sh" "$python" >>"$work/swift.log" 2>&1 || status=1
# World encoders in their published sizes.
"$root/oracle/encoders_parity.sh" "$python" || status=1
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
