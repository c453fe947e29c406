#!/usr/bin/env bash
# Measures the start-up time: `train --help`, and a whole training run of one step with the demo's tiny model, from
# the start of the process to its end. Prints medians and fails above the limits, or if a run fails.
#   Benchmarks/cold_start.sh PROGRAM [HELP_LIMIT_MS [STEP_LIMIT_MS]]
set -euo pipefail
program=$(realpath -s "$1") help_limit=${2:-100} step_limit=${3:-2000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# milliseconds COMMAND…: the run time; the output goes to the file `said`
milliseconds() {
  local start=$EPOCHREALTIME
  "$@" >said 2>&1 || { cat said >&2; return 1; }
  local end=$EPOCHREALTIME
  echo $(((${end/./} - ${start/./}) / 1000))
}
median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }
# verdict WHAT MEDIAN LIMIT
verdict() {
  printf '%-48s %5d ms (limit %d)\n' "$1" "$2" "$3"
  [ "$2" -le "$3" ] || failed=1
}
failed=0

for _ in {1..15}; do
  milliseconds "$program" train --help
  # A program that only fails is fast.
  grep -q '^TrainPipelineConfig:$' said && grep -q -- '--policy.chunk_size int' said && [ "$(wc -l <said)" -gt 80 ]
done | median >help

milliseconds "$program" scratch --output_dir=models --image_size=64 --patch_size=16 --scale_factor=4 --hidden_size=64 --num_layers=4 \
  --num_vision_layers=2 --num_heads=2 --words='["push","the","block","to","left","right","up","down"]' >scratch
milliseconds "$program" record --env.type=shapes --env.task=push_side --env.image_size=64 --dataset.root=data \
  --dataset.num_episodes=4 >record
for run in {1..5}; do
  milliseconds "$program" train --output_dir="run$run" --dataset.repo_id=shapes --dataset.root=data \
    --policy.device=cpu --policy.vlm_model_name=models/backbone --policy.num_vlm_layers=4 \
    --policy.resize_imgs_with_padding='[64,64]' --policy.chunk_size=8 --policy.n_action_steps=4 \
    --policy.max_state_dim=8 --policy.max_action_dim=2 --policy.expert_width_multiplier=1.0 \
    --policy.freeze_vision_encoder=false --policy.train_expert_only=false --num_compute_threads=1 --batch_size=8 \
    --steps=1 --log_freq=1 --save_checkpoint=false
  grep -q '^{"step":1,"loss":[0-9.]*,' "run$run/metrics.jsonl"
done | median >step

verdict 'train --help' "$(<help)" "$help_limit"
verdict 'train --steps=1, the tiny model, start to end' "$(<step)" "$step_limit"
exit "$failed"
