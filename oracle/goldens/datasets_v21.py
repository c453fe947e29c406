"""Writes a toy dataset of version 2.1, and what LeRobot reads from its own conversion of it to version 3.0.

Usage: python -m oracle.goldens.datasets_v21 FOLDER

Packages: lerobot==0.4.4 torchvision==0.28.0 torchcodec==0.13.0 av==15.1.0 pillow==13.0.0 datasets==4.8.5

LeRobot 0.4.4 writes and reads version 3 only, but has a converter of version 2.1. The dataset has a PNG camera, a JPEG
camera and an HEVC one, and two episodes a chunk.
"""

import io
import json
import shutil
import sys
import tempfile
from pathlib import Path

import av
import datasets
import numpy as np
from PIL import Image

from oracle.common.toy_datasets import HEIGHT, LENGTHS, TASKS, WIDTH, LeRobotDataset, pixels, toy_image, vectors

# isort: split
from lerobot.datasets.compute_stats import compute_episode_stats
from lerobot.datasets.v30.convert_dataset_v21_to_v30 import convert_dataset

SHOWN = [0, 5, 11]
CHUNK = 4
CHUNKS_SIZE = 2
CAMERAS = {"top": "image", "side": "image", "wrist": "video"}
DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"


def features() -> dict:
    scalar = {"shape": [1], "names": None}
    cameras = {
        f"observation.images.{name}": {
            "dtype": dtype,
            "shape": [HEIGHT, WIDTH, 3],
            "names": ["height", "width", "channel"],
        }
        for name, dtype in CAMERAS.items()
    }
    cameras["observation.images.wrist"]["info"] = {
        "video.fps": 10.0,
        "video.height": HEIGHT,
        "video.width": WIDTH,
        "video.channels": 3,
        "video.codec": "hevc",
        "video.pix_fmt": "yuv420p",
        "video.is_depth_map": False,
        "has_audio": False,
    }
    return {
        "observation.state": {"dtype": "float32", "shape": [3], "names": ["x", "y", "z"]},
        "action": {"dtype": "float32", "shape": [2], "names": ["dx", "dy"]},
        **cameras,
        "timestamp": {"dtype": "float32", **scalar},
        **{name: {"dtype": "int64", **scalar} for name in ("frame_index", "episode_index", "index", "task_index")},
    }


def encoded(image: np.ndarray, kind: str) -> dict:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format=kind, **({"quality": 85} if kind == "JPEG" else {}))
    return {"bytes": buffer.getvalue(), "path": None}


def write_video(path: Path, images: list[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx265", 10, options={"g": "2", "crf": "30", "x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for image in images:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        output.mux(stream.encode())


def image_statistics(images: list[np.ndarray]) -> dict:
    values = np.stack(images) / 255
    entries = {name: getattr(values, name)(axis=(0, 1, 2)).reshape(3, 1, 1) for name in ("min", "max", "mean", "std")}
    return entries | {"count": np.array([len(images)])}


def write(root: Path) -> None:
    described = features()
    columns = datasets.Features(
        {
            "observation.state": datasets.Sequence(datasets.Value("float32"), length=3),
            "action": datasets.Sequence(datasets.Value("float32"), length=2),
            "observation.images.top": datasets.Image(),
            "observation.images.side": datasets.Image(),
            "timestamp": datasets.Value("float32"),
            **{name: datasets.Value("int64") for name in ("frame_index", "episode_index", "index", "task_index")},
        }
    )
    (root / "meta").mkdir(parents=True)
    lines = {"episodes": [], "episodes_stats": [], "tasks": []}
    first = 0
    for episode, length in enumerate(LENGTHS):
        rows = [vectors(episode, frame) for frame in range(length)]
        shown = {
            name: [toy_image(number, episode, frame) for frame in range(length)] for number, name in enumerate(CAMERAS)
        }
        values = {key: np.stack([row[key] for row in rows]) for key in ("observation.state", "action")}
        values |= {
            "timestamp": (np.arange(length) / 10).astype(np.float32),
            "frame_index": np.arange(length),
            "episode_index": np.full(length, episode),
            "index": np.arange(first, first + length),
            "task_index": np.full(length, episode % 2),
        }
        table = {key: list(value) for key, value in values.items()}
        table["observation.images.top"] = [encoded(image, "PNG") for image in shown["top"]]
        table["observation.images.side"] = [encoded(image, "JPEG") for image in shown["side"]]
        place = {"episode_chunk": episode // CHUNKS_SIZE, "episode_index": episode}
        path = root / DATA.format(**place)
        path.parent.mkdir(parents=True, exist_ok=True)
        datasets.Dataset.from_dict(table, features=columns).to_parquet(str(path))
        write_video(root / VIDEO.format(video_key="observation.images.wrist", **place), shown["wrist"])
        numeric = {key: described[key] for key in values}
        statistics = {
            key: {name: value for name, value in entry.items() if not name.startswith("q")}
            for key, entry in compute_episode_stats(values, numeric).items()
        }
        statistics |= {f"observation.images.{name}": image_statistics(images) for name, images in shown.items()}
        listed = {key: {name: value.tolist() for name, value in entry.items()} for key, entry in statistics.items()}
        lines["episodes"].append({"episode_index": episode, "tasks": [TASKS[episode % 2]], "length": length})
        lines["episodes_stats"].append({"episode_index": episode, "stats": listed})
        first += length
    lines["tasks"] = [{"task_index": index, "task": task} for index, task in enumerate(TASKS)]
    for name, entries in lines.items():
        (root / f"meta/{name}.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    information = {
        "codebase_version": "v2.1",
        "robot_type": "toy",
        "total_episodes": len(LENGTHS),
        "total_frames": first,
        "total_tasks": len(TASKS),
        "total_videos": len(LENGTHS),
        "total_chunks": 2,
        "chunks_size": CHUNKS_SIZE,
        "fps": 10,
        "splits": {"train": f"0:{len(LENGTHS)}"},
        "data_path": DATA,
        "video_path": VIDEO,
        "features": described,
    }
    (root / "meta/info.json").write_text(json.dumps(information, indent=4))


def expect(root: Path, goldens: Path) -> dict:
    data = LeRobotDataset("goldens/v21", root=root, delta_timestamps={"action": [step / 10 for step in range(CHUNK)]})
    frames = []
    for index in range(len(data)):
        item = data[index]
        frames.append(
            {
                **{key: item[key].item() for key in ("index", "episode_index", "frame_index", "timestamp")},
                "task": item["task"],
                "observation.state": item["observation.state"].tolist(),
                "action": item["action"].tolist(),
                "action_is_pad": item["action_is_pad"].tolist(),
            }
        )
        found = pixels(item["observation.images.top"])
        assert (found == toy_image(0, frames[-1]["episode_index"], frames[-1]["frame_index"])).all()
    for camera in ("side", "wrist"):
        shown = [pixels(data[index][f"observation.images.{camera}"]) for index in SHOWN]
        (goldens / f"v21-{camera}.rgb").write_bytes(np.stack(shown).tobytes())
    statistics = {
        key: {name: np.asarray(value).tolist() for name, value in entry.items()}
        for key, entry in data.meta.stats.items()
    }
    return {"frames": frames, "shown": SHOWN, "chunk": CHUNK, "statistics": statistics}


def main(goldens: Path) -> None:
    shutil.rmtree(goldens / "v21", ignore_errors=True)
    write(goldens / "v21")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(goldens / "v21", Path(folder) / "goldens/v21")
        convert_dataset("goldens/v21", root=folder, push_to_hub=False)
        expected = expect(Path(folder) / "goldens/v21", goldens)
    (goldens / "v21.json").write_text(json.dumps(expected))
    size = sum(file.stat().st_size for file in (goldens / "v21").rglob("*") if file.is_file())
    print(f"{len(expected['frames'])} frames, {size / 1000:.0f} kB in {goldens / 'v21'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
