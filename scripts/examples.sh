#!/usr/bin/env bash
# Builds the examples as a package of their own and runs each on tiny models and data, which the program makes.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1
swift build --product lerobot-wm
swift build --package-path Examples
wm=$root/.build/debug/lerobot-wm examples=$root/Examples/.build/debug

"$wm" scratch --output_dir="$work/models" --image_size=64 --patch_size=16 --scale_factor=4 --hidden_size=64 \
  --num_layers=2 --num_vision_layers=1 --num_heads=2 --words='["push","the","block"]' >/dev/null
"$wm" record --env.type=shapes --env.task=push_side --dataset.root="$work/data" --dataset.num_episodes=2 2>/dev/null
"$wm" train --dataset.repo_id=shapes --dataset.root="$work/data" --policy.device=cpu --steps=1 --batch_size=2 \
  --policy.vlm_model_name="$work/models/backbone" --policy.num_vlm_layers=2 --policy.chunk_size=4 \
  --policy.n_action_steps=4 --policy.resize_imgs_with_padding='[64,64]' --policy.max_state_dim=8 \
  --policy.max_action_dim=2 --policy.expert_width_multiplier=1.0 --output_dir="$work/run" 2>/dev/null

checkpoint=$work/run/checkpoints/last/pretrained_model
"$examples/PlanActions" "$checkpoint" "push the block" | tee "$work/plan"
[ "$(grep -c '^action' "$work/plan")" -eq 4 ]
"$examples/FineTune" "$checkpoint" "$work/data" "$work/tuned" | tee "$work/tune"
[ "$(grep -c '^step:' "$work/tune")" -eq 5 ]
[ -f "$work/tuned/checkpoints/last/pretrained_model/model.safetensors" ]
"$examples/RunEpisode" | grep 'after [0-9]* steps'
echo "examples: all ran"
