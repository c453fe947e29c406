"""Writes a published checkpoint and a run's, both tiny and as LeRobot saves them, and what LeRobot makes of them.

Usage: python -m oracle.goldens.checkpoints FOLDER

Packages: lerobot==0.4.4 transformers==4.57.6 tokenizers==0.22.2 torch==2.13.0 safetensors==0.8.0 numpy==2.2.6

FOLDER/smolvla_base: a repository as `lerobot/smolvla_base` is published, tiny: backbone weights in bfloat16
(`load_vlm_weights`), cameras camera1…3, state 6, action 6; its backbone lies inside it under the published name.
FOLDER/training: a run's checkpoint after two steps, `pretrained_model` and `training_state`, of a float32 policy.
Beside each lies numbers.safetensors; its metadata holds the instructions.
"""

import os
import shutil
import sys
from pathlib import Path

import torch

from oracle.common.lerobot_checkpoints import write_base, write_training


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ["HF_HUB_OFFLINE"] = "1"
    for name, write in (("smolvla_base", write_base), ("training", write_training)):
        shutil.rmtree(folder / name, ignore_errors=True)
        write(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
