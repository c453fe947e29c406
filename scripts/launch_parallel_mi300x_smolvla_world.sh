#!/usr/bin/env bash
# The experiment matrix of the runbook: every arm with every seed over several GPUs, evaluated, with a report.
#   GPU_IDS="0,1,2,3" SEEDS="0 1 2" STEPS=200000 ./scripts/launch_parallel_mi300x_smolvla_world.sh
# A mapping of variables to `lerobot-wm matrix`, which does it all; further flags continue to it (see docs/runbook.md).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

flags=(
  --gpu_ids="${GPU_IDS:-0}" --seeds="${SEEDS:-0}"
  --experiments="${EXPERIMENTS:-}"
  --output_root="${OUTPUT_ROOT:-outputs/train/libero_smolvla_world_parallel}"
  --init_policy_path="${INIT_POLICY_PATH-lerobot/smolvla_base}"
  --batch_size="${BATCH_SIZE:-64}"
  --dataset.repo_id="${DATASET_REPO_ID:-HuggingFaceVLA/libero}"
  --policy.device="${DEVICE:-cuda}"
  --policy.cache_dir="${CACHE_DIR:-cache}"
  --policy.latent_suffix="${LATENT_SUFFIX:-m4}"
  --policy.world_latent_dim="${WORLD_LATENT_DIM:-1024}"
  # The published checkpoint says 50, the whole chunk, which costs about 20 points on LIBERO.
  --policy.n_action_steps="${N_ACTION_STEPS:-10}"
  --env.type="${EVAL_ENV:-libero}" --env.task="${EVAL_TASK:-libero_spatial}"
  --eval.n_episodes="${EVAL_EPISODES:-50}" --eval.batch_size="${EVAL_BATCH_SIZE:-10}"
)
[ -z "${DATASET_ROOT:-}" ] || flags+=(--dataset.root="$DATASET_ROOT")
[ -z "${TOTAL_SAMPLES:-}" ] || flags+=(--total_samples="$TOTAL_SAMPLES")
# Without either, the runbook's 200,000 steps.
if [ -n "${STEPS:-}" ]; then flags+=(--steps="$STEPS"); elif [ -z "${TOTAL_SAMPLES:-}" ]; then flags+=(--steps=200000); fi

exec "${LEROBOT_WM:-$root/bin/lerobot-wm}" matrix "${flags[@]}" "$@"
