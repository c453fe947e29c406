"""LeRobot's dataset class, imported so that it is silent and offline, and the frames of the toy datasets.

Usage: imported, not run. Before anything of LeRobot's, which reads its settings while it is imported.

Packages: lerobot==0.4.4 torchvision==0.28.0 torchcodec==0.13.0 av==15.1.0
"""

import logging
import os
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("SVT_LOG", "1")

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import av  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402, F401

av.logging.set_level(av.logging.PANIC)

WIDTH, HEIGHT = 32, 24
LENGTHS = [4, 3, 5]
TASKS = ["push the red block", "touch the left side"]


def toy_image(camera: int, episode: int, frame: int) -> np.ndarray:
    """An image that both sides can compute; row y, column x, channel c."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    channels = [x * 5 + frame * 10 + camera * 40, y * 7 + episode * 20, (x + y) * 3 + camera]
    return (np.stack(channels, -1) % 256).astype(np.uint8)


def vectors(episode: int, frame: int) -> dict[str, np.ndarray]:
    """State, action and the two scalars of a frame."""
    return {
        "observation.state": np.array([frame * 0.5, -episode, frame * episode * 0.25], dtype=np.float32),
        "action": np.array([episode + frame * 0.125, -frame], dtype=np.float32),
    }


def pixels(image: torch.Tensor) -> np.ndarray:
    """LeRobot's float32 [3, H, W] in [0, 1] as the uint8 [H, W, 3] it came from."""
    return (image * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
