"""Writes some of the tiny SmolVLAs again with LeRobot's current version, and its numbers of them.

Usage: python -m oracle.goldens.smolvla_current FOLDER

Packages: lerobot==0.6.1 transformers==5.5.4 torch==2.11.0 safetensors==0.8.0 numpy==2.2.6

What lies in FOLDER is as `oracle.goldens.smolvla` describes it; out/loss is 0.6's mean, which is out/loss_valid.
"""

import sys
from pathlib import Path

import torch

from oracle.common.smolvla_cases import COMMITTED
from oracle.goldens.smolvla import write, write_positions

CASES = {
    "cross": ["baseline", "all_trained", "camera_masked", "other_image_size"],
    "self_attention": ["self_attention", "self_attention_all_trained"],
    "every_head": ["every_head"],
}


def main(folder):
    torch.set_num_threads(1)
    write(folder, {name: COMMITTED[name] for name in CASES}, only=CASES)
    write_positions(folder / "positions.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
