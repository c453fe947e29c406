"""Has LeRobot 0.6 write datasets with what is new there, language columns and depth cameras, and trains here on them.

Usage: python -m oracle.parity.current_datasets PROGRAM WORK   (called by oracle/parity/checkpoints.sh)

Packages: lerobot==0.6.1 with what it needs

One line for each dataset; fails if one cannot be trained on, or if it is trained on otherwise than without what is new.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from safetensors.torch import load_file

FRAMES = 8
TASKS = ("open the drawer", "close the drawer")
TRAIN = [
    "train",
    "--policy.device=cpu",
    "--num_compute_threads=1",
    "--batch_size=4",
    "--num_workers=0",
    "--steps=2",
    "--save_freq=2",
    "--policy.vlm_model_name=models/backbone",
    "--policy.num_vlm_layers=2",
    "--policy.resize_imgs_with_padding=[16,16]",
    "--policy.chunk_size=4",
    "--policy.n_action_steps=2",
    "--policy.expert_width_multiplier=1.0",
]


def write(root, depth):
    """A toy dataset: one camera, and depth cameras of the kinds that are asked for, `image` and `video`."""
    features = {
        "observation.images.front": {"dtype": "image", "shape": (64, 64, 3), "names": ["height", "width", "channels"]},
        "observation.state": {"dtype": "float32", "shape": (3,), "names": None},
        "action": {"dtype": "float32", "shape": (2,), "names": None},
    }
    for kind in depth:
        features[f"observation.images.depth_{kind}"] = {
            "dtype": kind,
            "shape": (64, 64, 1),
            "names": ["height", "width", "channels"],
            "info": {"is_depth_map": True},
        }
    data = LeRobotDataset.create("toy/current", 10, features, root=root, use_videos="video" in depth)
    random = np.random.default_rng(5)
    for task in TASKS:
        for _ in range(FRAMES):
            row = {
                "observation.images.front": random.integers(0, 256, (64, 64, 3), dtype=np.uint8),
                "observation.state": random.standard_normal(3).astype(np.float32),
                "action": random.standard_normal(2).astype(np.float32),
            }
            for kind in depth:
                row[f"observation.images.depth_{kind}"] = np.full((64, 64, 1), 900, np.uint16)
            data.add_frame(row | {"task": task})
        data.save_episode()
    data.finalize()


def annotate(root, staging):
    """Adds the language columns with LeRobot's own writer."""
    from lerobot.annotations.steerable_pipeline.executor import Executor
    from lerobot.annotations.steerable_pipeline.reader import iter_episodes
    from lerobot.annotations.steerable_pipeline.staging import EpisodeStaging
    from lerobot.annotations.steerable_pipeline.writer import LanguageColumnsWriter, speech_atom

    records = list(iter_episodes(root))
    for record in records:
        first, second = record.frame_timestamps[0], record.frame_timestamps[3]
        stage = EpisodeStaging(staging, record.episode_index)
        subtask = {"role": "assistant", "content": "reach", "style": "subtask", "timestamp": first}
        stage.write("plan", [subtask, {**subtask, "content": "pull", "timestamp": second}])
        stage.write("interjections", [speech_atom(second, "done")])
    LanguageColumnsWriter().write_all(records, staging, root)
    Executor._ensure_annotation_metadata_in_info(root)


def main():
    program, work = sys.argv[1], Path(sys.argv[2]).resolve()
    work.mkdir(parents=True)

    def run(*flags):
        done = subprocess.run([program, *flags], cwd=work, capture_output=True, text=True)
        if done.returncode:
            print(f"{' '.join(flags)}\n{done.stderr[-3000:]}")
        return done

    run("scratch", "--output_dir=models", "--image_size=16", "--hidden_size=16", "--num_heads=2", "--num_vision_layers=1")
    weights, status = {}, True
    for name, depth in (("plain", ()), ("language", ()), ("depth", ("image", "video"))):
        write(work / name, depth)
        if name == "language":
            annotate(work / name, work / "staging")
        # Whatever LeRobot reads of it, it reads.
        assert len(LeRobotDataset("toy/current", root=work / name)) == FRAMES * len(TASKS)
        done = run(*TRAIN, "--dataset.repo_id=toy/current", f"--dataset.root={name}", f"--output_dir=run_{name}")
        model = work / f"run_{name}/checkpoints/last/pretrained_model/model.safetensors"
        weights[name] = load_file(model) if done.returncode == 0 else {}
        left_out = [line for line in done.stderr.splitlines() if "left out" in line]
        same = weights[name].keys() == weights["plain"].keys() and all(
            (weights[name][key] == value).all() for key, value in weights["plain"].items()
        )
        said = name == "plain" or len(left_out) > 0
        status &= same and said and done.returncode == 0
        sign = "trained on as without" if same and said else f"DIFFERENT {done.stderr[-1500:]}"
        print(f"parity dataset of LeRobot 0.6, {name}: {sign}", flush=True)
    sys.exit(0 if status else 1)


if __name__ == "__main__":
    main()
