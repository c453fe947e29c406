"""Writes the dataset that the runbook's commands train on: LIBERO's features, three short episodes, made with LeRobot.

Usage: python -m oracle.goldens.runbook_dataset FOLDER

Packages: lerobot==0.4.4 torchvision==0.28.0 torchcodec==0.13.0 av==15.1.0
"""

import shutil
import sys
from pathlib import Path

import numpy as np

from oracle.common.toy_datasets import LeRobotDataset

SIDE = 32
LENGTHS = [7, 5, 6]
TASKS = ["pick up the black bowl", "open the top drawer"]


def wandering_square(camera: int, episode: int, frame: int) -> np.ndarray:
    """A square that wanders over a floor of one color."""
    image = np.full((SIDE, SIDE, 3), (30 + 60 * camera, 40 + 30 * episode, 90), dtype=np.uint8)
    left = 3 * frame
    image[8 + 4 * camera : 16 + 4 * camera, left : left + 8] = (220, 40 * frame, 60)
    return image


def main(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    image = {"dtype": "image", "shape": (SIDE, SIDE, 3), "names": ["height", "width", "channel"]}
    features = {
        "observation.images.image": image,
        "observation.images.image2": image,
        "observation.state": {"dtype": "float32", "shape": (8,), "names": ["state"]},
        "action": {"dtype": "float32", "shape": (7,), "names": ["actions"]},
    }
    data = LeRobotDataset.create("HuggingFaceVLA/libero", 10, features, root=root, robot_type="panda")
    random = np.random.default_rng(31)
    for episode, length in enumerate(LENGTHS):
        for frame in range(length):
            action = random.uniform(-1, 1, 7).astype(np.float32)
            action[6] = np.sign(action[6])
            data.add_frame(
                {
                    "observation.images.image": wandering_square(0, episode, frame),
                    "observation.images.image2": wandering_square(1, episode, frame),
                    "observation.state": random.standard_normal(8).astype(np.float32),
                    "action": action,
                    "task": TASKS[episode % 2],
                }
            )
        data.save_episode()
    data.finalize()
    shutil.rmtree(root / "images", ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
