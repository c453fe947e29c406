#!/usr/bin/env bash
# Runs the demo in fp32 and in bf16, and fails unless each arm succeeds equally often: its bf16 rate within the 95 % interval
# of its fp32 rate, on the same episodes. OUTPUT (outputs/precision), STEPS, SEED and EPISODES can be set.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
output=${OUTPUT:-outputs/precision}
for precision in fp32 bf16; do
  OUTPUT=$output/$precision EPISODES=${EPISODES:-100} "$here/demo.sh" --policy.precision=$precision
done

# overall NAME FILE: a number or list of eval_info.json's last section
overall() { tr -d ' \n' <"$2" | sed -E "s/.*\"overall\":\{//; s/.*\"$1\":\[?([-0-9.]+(,[-0-9.]+)?).*/\1/"; }
status=0
cd "$root"
for arm in E0 E1 E2; do
  file=${arm}_seed${SEED:-0}/eval/eval_info.json
  interval=$(overall pc_success_ci95 "$output/fp32/$file")
  awk -v arm=$arm -v fp32="$(overall pc_success "$output/fp32/$file")" -v bf16="$(overall pc_success "$output/bf16/$file")" \
    -v low="${interval%%,*}" -v high="${interval##*,}" 'BEGIN {
      equal = bf16 >= low && bf16 <= high
      printf "%s: fp32 %.1f %% (95 %%: %.1f … %.1f), bf16 %.1f %%: %s\n", arm, fp32, low, high, bf16, equal ? "equal" : "DIFFERENT"
      exit !equal
    }' || status=1
done
exit $status
