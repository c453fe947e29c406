#!/usr/bin/env bash
# Writes the goldens of the tests again, in place, and lists the values that then differ from the commit (changes.py).
#
# Usage: oracle/goldens/regenerate.sh [NAME …]   all of the table below, or some
#
# WM_LIBERO_ASSETS is a folder or a tar file of LIBERO's scene assets; without any, what needs them is left out.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
deps=${WM_DEPS_DIR:-$root/.deps}

# script, environment, folder below Tests, what the script needs besides
table='
model_files            lerobot  Core/ModelFilesTests/Goldens
tokenizer_ids          lerobot  Core/ModelFilesTests/Goldens/tokenizers
tokenizer_folders      lerobot  Core/ModelFilesTests/Goldens/transformers_tokenizers
images_and_videos      lerobot  Engines/MediaCodingTests/Goldens
parquet_layouts        lerobot  Engines/ParquetFilesTests/Goldens
datasets_v30           lerobot  Data/LeRobotDatasetsTests/Goldens
datasets_v21           lerobot  Data/LeRobotDatasetsTests/Goldens
image_transforms       lerobot  Data/LeRobotDatasetsTests/Goldens
neural_networks        lerobot  Policies/NeuralNetworksTests/Goldens
processors             lerobot  Policies/RobotPoliciesTests/Goldens
smolvla                lerobot  Policies/SmolVLATests/Goldens
smolvla_current        lerobot-0.6  Policies/SmolVLATests/CurrentGoldens
world_modality         lerobot  Policies/WorldModalityTests/Goldens
smolvla_world          lerobot  Policies/WorldModalityTests/PolicyGoldens
checkpoints            lerobot  Policies/WorldModalityTests/CheckpointGoldens
adapters               lerobot-0.6  Policies/WorldModalityTests/AdapterGoldens
experiment_statistics  lerobot  Runs/ExperimentStatisticsTests/Goldens
runbook_dataset        lerobot  Program/CommandsTests/Goldens/libero
libero_initial_states  lerobot  Simulation/LiberoSimulationTests/Goldens  init_files
libero_controller      libero   Simulation/LiberoSimulationTests/Goldens  assets
libero_episodes        libero   Simulation/LiberoSimulationTests/Goldens  assets
libero_tasks           libero   Simulation/LiberoSimulationTests/Goldens  assets
libero_rollouts        lerobot-0.6  Simulation/LiberoSimulationTests/Goldens
'

for name in "$@"; do
  grep -q "^$name " <<<"$table" || {
    echo "there are no goldens '$name'; there are$(awk 'NF { printf " %s", $1 }' <<<"$table")" >&2
    exit 1
  }
done

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Nothing is to be fetched, one thread adds in one order, and sets have one order.
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 LP_NUM_THREADS=1 MUJOCO_GL=osmesa PYOPENGL_PLATFORM=osmesa
export PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0 PYTHONWARNINGS=ignore
cd "$root"
declare -A pythons
while read -r name environment folder needed <&3; do
  [ -n "$name" ] || continue
  [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
  arguments=("Tests/$folder")
  case $needed in
    init_files) arguments+=("$deps/engines/hf-libero/libero/libero/init_files") ;;
    assets)
      if ! assets=$("$root/oracle/environment/libero_assets.sh" 2>&1); then
        echo "$name: left out, $assets"
        continue
      fi
      arguments+=("$assets")
      ;;
  esac
  [ -n "${pythons[$environment]:-}" ] || pythons[$environment]=$("$root/oracle/environment/setup.sh" "$environment")
  python=${pythons[$environment]}
  start=$SECONDS
  "$python" -m "oracle.goldens.$name" "${arguments[@]}" >"$log" 2>&1 || {
    tail -n 30 "$log"
    echo "$name: FAILED" >&2
    exit 1
  }
  echo "$name: written to Tests/$folder in $((SECONDS - start)) s"
done 3<<<"$table"
[ -z "${python:-}" ] || "$python" -m oracle.goldens.changes
