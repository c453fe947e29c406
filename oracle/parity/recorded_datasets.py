"""Opens datasets that lerobot-wm recorded with LeRobot itself and compares every frame with what lerobot-wm reads.

Usage: WM_PARITY_DATASETS=FOLDER swift test --filter 'datasets are left for LeRobot to open'
       python -m oracle.parity.recorded_datasets FOLDER

Packages: lerobot==0.4.4 torchvision==0.28.0 torchcodec==0.13.0 av==15.1.0

Exit code 0 if all agree: numbers exactly, PNG pixels exactly, video RGB within 2 levels, statistics
within float32 rounding (quantiles within a histogram bin). Prints the figures.
"""

import json
import sys
from pathlib import Path

import numpy as np

from oracle.common.toy_datasets import LeRobotDataset, pixels

# isort: split
from lerobot.datasets.compute_stats import aggregate_stats, compute_episode_stats


def numbers(data: LeRobotDataset, dump: dict) -> float:
    worst = 0.0
    assert len(data) == len(dump["frames"]), (len(data), len(dump["frames"]))
    for index, row in enumerate(dump["frames"]):
        item = data[index]
        for key in ("index", "episode_index", "frame_index", "timestamp"):
            worst = max(worst, abs(item[key].item() - row[key]))
        assert item["task"] == row["task"], (item["task"], row["task"])
        if "action" in item:
            assert item["action_is_pad"].tolist() == row["action_is_pad"]
        for key, values in row["features"].items():
            found = item[key].numpy().astype(np.float64).ravel()
            worst = max(worst, float(np.abs(found - np.array(values)).max()))
    return worst


def compared_images(data: LeRobotDataset, dump: dict, raw: bytes) -> dict[str, int]:
    worst = {camera: 0 for camera in dump["cameras"]}
    offset = 0
    for index in range(len(data)):
        item = data[index]
        for camera in dump["cameras"]:
            found = pixels(item[camera])
            ours = np.frombuffer(raw, np.uint8, found.size, offset).reshape(found.shape)
            offset += found.size
            worst[camera] = max(worst[camera], int(np.abs(found.astype(int) - ours).max()))
    assert offset == len(raw), (offset, len(raw))
    return worst


def statistics(data: LeRobotDataset) -> tuple[float, float]:
    """Largest relative difference of the exact statistics, and of the quantiles in bins, for the numeric features."""
    features = {key: feature for key, feature in data.features.items() if feature["dtype"] not in ("image", "video")}
    table = data.hf_dataset.with_format("numpy")
    parts = []
    for episode in range(data.num_episodes):
        rows = np.flatnonzero(np.array(table["episode_index"]) == episode)
        values = {key: np.array(table[key])[rows] for key in features}
        parts.append(compute_episode_stats(values, features))
    truth = aggregate_stats(parts)
    exact = bins = 0.0
    for key in features:
        spread = np.maximum(np.array(truth[key]["max"], float) - np.array(truth[key]["min"], float), 1e-12)
        for name, value in truth[key].items():
            value, ours = np.array(value, float), np.array(data.meta.stats[key][name], float)
            assert value.shape == ours.shape, (key, name, value.shape, ours.shape)
            difference = np.abs(value - ours)
            if name.startswith("q"):
                bins = max(bins, float((np.maximum(difference - 1e-6, 0) / spread * 5000).max()))
            else:
                exact = max(exact, float((difference / np.maximum(1, np.abs(value))).max()))
    return exact, bins


def main(folder: Path) -> int:
    failures = 0
    for description in sorted(folder.glob("*.json")):
        name = description.stem
        dump = json.loads(description.read_text())
        probe = LeRobotDataset(f"parity/{name}", root=folder / name)
        deltas = {"action": [step / probe.fps for step in range(dump["chunk"])]} if "action" in probe.features else None
        data = LeRobotDataset(f"parity/{name}", root=folder / name, delta_timestamps=deltas)
        apart = numbers(data, dump)
        images = compared_images(data, dump, (folder / f"{name}.rgb").read_bytes())
        exact, bins = statistics(data)
        allowed = 2 if data.meta.video_keys else 0
        good = apart == 0 and max(images.values()) <= allowed and exact < 2e-6 and bins <= 1
        failures += not good
        print(
            f"{'ok  ' if good else 'FAIL'} {name}: {len(data)} frames, {data.num_episodes} episodes, numbers differ by "
            f"{apart:g}, images by {images}, statistics by {exact:.1e}, quantiles by {bins:.2f} bins"
        )
    if not list(folder.glob("*.json")):
        print(f"FAIL no dumps in {folder}")
        return 1
    return failures


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
