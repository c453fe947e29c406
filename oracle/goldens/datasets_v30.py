"""Writes three toy datasets of version 3.0 with LeRobot itself, and what LeRobot reads from them.

Usage: python -m oracle.goldens.datasets_v30 FOLDER

Packages: lerobot==0.4.4 torchvision==0.28.0 torchcodec==0.13.0 av==15.1.0
"""

import json
import shutil
import sys
from pathlib import Path

import av
import numpy as np

from oracle.common.toy_datasets import HEIGHT, LENGTHS, TASKS, WIDTH, LeRobotDataset, pixels, toy_image, vectors

SHOWN = [0, 3, 4, 7, 11]
CHUNK = 4


def write(root: Path, name: str, dtype: str, codec: str, cameras: list[str]) -> None:
    image = {"dtype": dtype, "shape": (HEIGHT, WIDTH, 3), "names": ["height", "width", "channels"]}
    features = {
        "observation.state": {"dtype": "float32", "shape": (3,), "names": ["x", "y", "z"]},
        "action": {"dtype": "float32", "shape": (2,), "names": ["dx", "dy"]},
        **{f"observation.images.{camera}": image for camera in cameras},
    }
    if dtype == "image":
        features["next.reward"] = {"dtype": "float32", "shape": (1,), "names": None}
        features["next.done"] = {"dtype": "bool", "shape": (1,), "names": None}
    data = LeRobotDataset.create(f"goldens/{name}", 10, features, root=root, robot_type="toy", vcodec=codec)
    for episode, length in enumerate(LENGTHS):
        for frame in range(length):
            row = vectors(episode, frame) | {"task": TASKS[episode % 2]}
            for number, camera in enumerate(cameras):
                row[f"observation.images.{camera}"] = toy_image(number, episode, frame)
            if dtype == "image":
                row["next.reward"] = np.array([frame / length], dtype=np.float32)
                row["next.done"] = np.array([frame == length - 1])
            data.add_frame(row)
        data.save_episode()
    data.finalize()


def planes(video: Path) -> list[tuple[float, bytes]]:
    with av.open(str(video)) as container:
        return [(frame.time, frame.to_ndarray().tobytes()) for frame in container.decode(video=0)]


def expect(root: Path, name: str) -> dict:
    data = LeRobotDataset(
        f"goldens/{name}", root=root, delta_timestamps={"action": [step / 10 for step in range(CHUNK)]}
    )
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
    video = root / "videos/observation.images.top/chunk-000/file-000.mp4"
    if video.exists():
        shown = [pixels(data[index]["observation.images.top"]) for index in SHOWN]
        (root.parent / f"{name}.rgb").write_bytes(np.stack(shown).tobytes())
        decoded = planes(video)
        (root.parent / f"{name}.yuv").write_bytes(b"".join(decoded[index][1] for index in SHOWN))
    else:
        for index, row in enumerate(frames):
            for number, camera in enumerate(("top", "wrist")):
                found = pixels(data[index][f"observation.images.{camera}"])
                assert (found == toy_image(number, row["episode_index"], row["frame_index"])).all()
    return {"frames": frames, "shown": SHOWN, "chunk": CHUNK}


def main(goldens: Path) -> None:
    expected = {}
    for name, dtype, codec, cameras in (
        ("images", "image", "libsvtav1", ["top", "wrist"]),
        ("av1", "video", "libsvtav1", ["top"]),
        ("h264", "video", "h264", ["top"]),
    ):
        shutil.rmtree(goldens / name, ignore_errors=True)
        write(goldens / name, name, dtype, codec, cameras)
        expected[name] = expect(goldens / name, name)
    (goldens / "expected.json").write_text(json.dumps(expected))
    size = sum(file.stat().st_size for file in goldens.rglob("*") if file.is_file())
    print(f"{len(expected)} datasets, {size / 1000:.0f} kB in {goldens}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
