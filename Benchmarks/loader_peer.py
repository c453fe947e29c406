"""Makes datasets with LeRobot, and times how fast LeRobot loads one as its trainer does.

Usage: python Benchmarks/loader_peer.py make FOLDER {image,video} [--episodes N] [--frames N]
       python Benchmarks/loader_peer.py time FOLDER [--fixed] [--seconds N]
           (called by Benchmarks/loader.sh)

Any LeRobot with datasets of version 3.0 will do (0.4 to 0.6). `time` prints one line of JSON: samples a second from a
DataLoader of 2 workers, batches of 8, shuffled, each sample with all cameras and 50 actions. With `--fixed` a window of
actions no longer decodes the images of all its rows, which with datasets 4.x it does in 0.4.4 and 0.6.1.
"""

import argparse
import json
import logging
import os
import time
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("SVT_LOG", "1")
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import lerobot  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402

CAMERAS = ("observation.images.image", "observation.images.image2")
SIZE, RATE, CHUNK, BATCH, WORKERS = 256, 10, 50, 8, 2


def scene(texture: np.ndarray, episode: int, frame: int) -> np.ndarray:
    """A textured table of which another part is seen in each episode, and a block that moves; about 50 kB as PNG."""
    top, left = (episode * 37) % SIZE, (episode * 91) % SIZE
    image = texture[top : top + SIZE, left : left + SIZE].copy()
    x, y = (frame * 3) % (SIZE - 40), (episode * 29) % (SIZE - 40)
    image[y : y + 40, x : x + 40] = (200, 30 + episode % 100, 40)
    return image


def make(folder: Path, kind: str, episodes: int, frames: int) -> None:
    random = np.random.default_rng(0)
    slope = np.linspace(60, 180, 2 * SIZE)
    textures = [
        np.clip(slope[:, None, None] + random.normal(0, 1, (2 * SIZE, 2 * SIZE, 3)), 0, 255).astype(np.uint8)
        for _ in CAMERAS
    ]
    image = {"dtype": kind, "shape": (SIZE, SIZE, 3), "names": ["height", "width", "channels"]}
    features = {
        "observation.state": {"dtype": "float32", "shape": (8,), "names": None},
        "action": {"dtype": "float32", "shape": (7,), "names": None},
        **{camera: image for camera in CAMERAS},
    }
    data = LeRobotDataset.create("bench/loader", RATE, features, root=folder, robot_type="bench")
    for episode in range(episodes):
        for frame in range(frames):
            row = {
                "observation.state": random.normal(size=8).astype(np.float32),
                "action": random.normal(size=7).astype(np.float32),
                "task": f"push the block of episode {episode % 10}",
            }
            row |= {camera: scene(texture, episode, frame) for camera, texture in zip(CAMERAS, textures, strict=True)}
            data.add_frame(row)
        data.save_episode()
    data.finalize()


def query_single_columns() -> None:
    """Makes LeRobot read nothing but the column that is asked for."""
    if hasattr(LeRobotDataset, "_query_hf_dataset"):
        reader = LeRobotDataset
    else:
        from lerobot.datasets.dataset_reader import DatasetReader as reader
    views = {}

    def query(self, wanted: dict[str, list[int]]) -> dict[str, torch.Tensor]:
        videos = (self.meta if hasattr(self, "meta") else self._meta).video_keys
        found = {}
        for key, indices in wanted.items():
            if key in videos:
                continue
            if key not in views:
                views[key] = self.hf_dataset.select_columns(key)
            numbers = self._absolute_to_relative_idx
            rows = indices if numbers is None else [numbers[index] for index in indices]
            found[key] = torch.stack(list(views[key][rows][key]))
        return found

    assert hasattr(reader, "_query_hf_dataset"), "this LeRobot reads its columns in another way"
    reader._query_hf_dataset = query


def measure(folder: Path, fixed: bool, seconds: float) -> dict:
    if fixed:
        query_single_columns()
    data = LeRobotDataset(
        "bench/loader", root=folder, delta_timestamps={"action": [step / RATE for step in range(CHUNK)]}
    )
    loader = torch.utils.data.DataLoader(
        data, batch_size=BATCH, shuffle=True, num_workers=WORKERS, prefetch_factor=2, drop_last=True
    )

    def endless():
        while True:
            yield from loader

    batches = endless()
    for _ in range(2 * WORKERS + 1):  # what is loaded while the workers start
        assert next(batches)["action"].shape == (BATCH, CHUNK, 7)
    samples, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        samples += len(next(batches)["action"])
    return {
        "loader": f"LeRobot {lerobot.__version__}" + (", fixed" if fixed else ""),
        "samples_per_second": samples / (time.perf_counter() - begun),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=["make", "time"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("kind", nargs="?", choices=["image", "video"])
    parser.add_argument("--episodes", type=int, default=12)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    if given.job == "time":
        print(json.dumps(measure(given.folder, given.fixed, given.seconds)))
    elif given.kind:
        make(given.folder, given.kind, given.episodes, given.frames)
    else:
        parser.error("make needs image or video")


if __name__ == "__main__":
    main()
