#!/usr/bin/env bash
# The main job, end to end, on the embedded suite: demonstrations → latents → E0, E1, E2 → evaluation → report.
# Everything is trained from scratch and tiny. OUTPUT (outputs/demo), STEPS, SEED and EPISODES can be set; arguments go to
# the matrix. WM_PROGRAM is an installed program, which works where it is called.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ -n "${WM_PROGRAM:-}" ] || cd "$root"
output=${OUTPUT:-outputs/demo} steps=${STEPS:-800} seed=${SEED:-0} episodes=${EPISODES:-40}
task=push_side size=64
wm=${WM_PROGRAM:-$root/bin/lerobot-wm}

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

say "training and evaluating E0 (smolvla), E1 (memory of zeros) and E2 (predicted memory), one thread each"
"$wm" matrix --output_root="$output" --seeds="$seed" --gpu_ids=0,1,2 --num_compute_threads=1 --num_workers=1 \
  --dataset.repo_id=shapes --dataset.root="$output/data/shapes" --policy.device=cpu \
  --policy.vlm_model_name="$output/models/backbone" --policy.num_vlm_layers=4 \
  --policy.resize_imgs_with_padding="[$size,$size]" --policy.chunk_size=8 --policy.n_action_steps=4 \
  --policy.max_state_dim=8 --policy.max_action_dim=2 --policy.expert_width_multiplier=1.0 \
  --policy.freeze_vision_encoder=false --policy.train_expert_only=false \
  --policy.optimizer_lr=2e-3 --policy.scheduler_warmup_steps=4000 \
  --policy.cache_dir="$output/cache" --policy.latent_suffix=m4 --policy.world_latent_dim=32 \
  --policy.context_frames=4 --policy.future_offset=4 --policy.world_inject_num_heads=4 --policy.prophet_heads=4 \
  --policy.world_vision_model_name="$output/models/encoder" \
  --batch_size=64 --steps="$steps" --log_freq=20 --save_freq=400 \
  --env.type=shapes --env.task=$task --env.image_size=$size --eval.n_episodes="$episodes" --eval.batch_size=10 \
  --eval.max_episodes_rendered=6 "$@"

# The same episodes as in the matrix.
evaluation=(--env.type=shapes --env.task=$task --env.image_size=$size --eval.n_episodes="$episodes" --eval.batch_size=10
  --eval.max_episodes_rendered=6 --num_compute_threads=1)
# ablate ARM NAMES
ablate() {
  "$wm" ablate --policy.path="$output/$1_seed$seed/checkpoints/last/pretrained_model" --policy.device=cpu \
    "${evaluation[@]}" --output_dir="$output/$1_seed$seed/eval" --ablations="$2"
}
say "what E0 uses: instruction, images, state"
ablate E0 contrary_instruction,garbled_instruction,blank_images,state_noise
say "what E2 uses of its memory"
ablate E2 zero,random_scaled,shuffle,signflip
say "report"
"$wm" report --runs="$output" --demo --overwrite
echo "The whole demo took $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s."
