#!/usr/bin/env bash
# The main job, end to end, on the embedded suite: demonstrations → latents → E0, E1, E2 → evaluation → report.
# Everything is trained from scratch and tiny. OUTPUT (outputs/demo), STEPS, SEED and EPISODES can be set.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
output=${OUTPUT:-outputs/demo} steps=${STEPS:-800} seed=${SEED:-0} episodes=${EPISODES:-40}
task=push_side size=64
wm=$root/bin/lerobot-wm

say() { printf '\n== %s\n' "$*"; }
mkdir -p "$output/logs"
started=$SECONDS

say "a tiny backbone and an untrained video encoder"
[ -d "$output/models/encoder" ] ||
  "$wm" scratch --output_dir="$output/models" --overwrite --image_size=$size --patch_size=16 --scale_factor=4 \
    --hidden_size=64 --num_layers=4 --num_vision_layers=2 --num_heads=2 \
    --words='["push","the","block","to","left","right","up","down"]'

say "demonstrations"
[ -d "$output/data/shapes" ] ||
  "$wm" record --env.type=shapes --env.task=$task --env.image_size=$size --dataset.root="$output/data/shapes" \
    --dataset.num_episodes=500

say "world latents"
"$wm" precompute --dataset_name=shapes --dataset_root="$output/data/shapes" --cache_dir="$output/cache" --overwrite \
  --world_latents_source=vjepa --world_vision_model_name="$output/models/encoder" --temporal_window=4 --device=cpu

common=(
  --dataset.repo_id=shapes --dataset.root="$output/data/shapes" --policy.device=cpu
  --policy.vlm_model_name="$output/models/backbone" --policy.num_vlm_layers=4
  --policy.resize_imgs_with_padding="[$size,$size]" --policy.chunk_size=8 --policy.n_action_steps=4
  --policy.max_state_dim=8 --policy.max_action_dim=2 --policy.expert_width_multiplier=1.0
  --policy.freeze_vision_encoder=false --policy.train_expert_only=false
  --policy.optimizer_lr=2e-3 --policy.scheduler_warmup_steps=4000
  --batch_size=64 --steps="$steps" --seed="$seed" --log_freq=20 --save_freq=400 --num_workers=1 --num_compute_threads=1
)
world=(
  --policy.type=smolvla_world --policy.dataset_repo_id=shapes --policy.cache_dir="$output/cache"
  --policy.latent_suffix=m4 --policy.world_latent_dim=32 --policy.context_frames=4 --policy.future_offset=4
  --policy.world_inject_num_heads=4 --policy.prophet_heads=4
  --policy.world_vision_model_name="$output/models/encoder"
)
train() { # NAME flags…: goes on where an earlier demo was stopped
  local run=$output/$1_seed$seed; shift
  if [ -e "$run/checkpoints/last" ]; then
    "$wm" train --output_dir="$run" --resume --steps="$steps"
  else
    "$wm" train --output_dir="$run" --overwrite "${common[@]}" "$@"
  fi
}

say "training E0 (smolvla), E1 (memory of zeros) and E2 (predicted memory), one thread each"
jobs=()
start() { # NAME flags…
  train "$@" >"$output/logs/$1_seed$seed.log" 2>&1 &
  jobs+=($!)
}
start E0 --policy.type=smolvla
start E1 "${world[@]}" --policy.world_memory_mode_train=zero --policy.world_memory_mode_rollout=zero
start E2 "${world[@]}" --policy.world_memory_mode_train=pred --policy.world_memory_mode_rollout=pred
trap 'kill "${jobs[@]}" 2>/dev/null || true; wait; exit 130' INT TERM
tail -n +1 -f --pid="${jobs[0]}" "$output/logs/E0_seed$seed.log"
for job in "${jobs[@]}"; do wait "$job" || { tail -n 3 "$output"/logs/E*.log; exit 1; }; done
trap - INT TERM

# evaluate FOLDER flags…: the same episodes for every arm
evaluate() {
  local folder=$1; shift
  "$wm" eval --env.type=shapes --env.task=$task --env.image_size=$size --eval.n_episodes="$episodes" \
    --eval.batch_size=10 --eval.max_episodes_rendered=6 --num_compute_threads=1 --output_dir="$output/$folder" \
    --overwrite "$@"
}
checkpoint() { echo "--policy.path=$output/$1_seed$seed/checkpoints/last/pretrained_model"; }

say "closed loop: the same $episodes episodes for each"
for arm in E0 E1 E2; do evaluate "${arm}_seed$seed/eval" "$(checkpoint $arm)" --policy.device=cpu; done
say "E0 told to push to another side; the original goal counts"
evaluate "E0_seed$seed/eval_contrary" "$(checkpoint E0)" --policy.device=cpu --eval.contrary_instruction=true
say "a policy that acts at random"
evaluate random --eval.planner=random

say "report"
"$wm" report --runs="$output" --demo --overwrite
echo "The whole demo took $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s."
