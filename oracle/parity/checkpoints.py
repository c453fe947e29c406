"""Sends runs and checkpoints to LeRobot and back: trains here, loads and resumes there, resumes here, compares.

Usage: python -m oracle.parity.checkpoints PROGRAM WORK SEED   (called by oracle/parity/checkpoints.sh)

Packages: lerobot==0.6.1 or lerobot==0.4.4 with what it needs

Leaves WORK/cases/NAME (checkpoints with what LeRobot plans from them) and WORK/runs/NAME (runs, theirs and ours,
with the step that LeRobot takes next) for the Swift side to compare. HF_HOME must be WORK/hf: the published names
lead to tiny random models there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from lerobot.configs.train import TrainPipelineConfig
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.optim.factory import make_optimizer_and_scheduler
from lerobot.policies.factory import make_pre_post_processors
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy
from safetensors.torch import load_file, save_file

from oracle.common import lerobot_checkpoints
from oracle.common.tiny_smolvla import version_metadata

BACKBONE = f"HuggingFaceTB/{lerobot_checkpoints.PUBLISHED}"
TINY = [
    "--policy.num_vlm_layers=2",
    "--policy.resize_imgs_with_padding=[16,16]",
    "--policy.chunk_size=4",
    "--policy.n_action_steps=2",
    "--policy.max_state_dim=8",
    "--policy.max_action_dim=8",
    "--policy.num_steps=4",
    "--policy.expert_width_multiplier=0.5",
    "--policy.push_to_hub=false",
]


def in_cache(name):
    """The folder of a repository's only snapshot in the Hugging Face cache."""
    repository = Path(os.environ["HF_HOME"]) / "hub" / ("models--" + name.replace("/", "--"))
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text("0" * 40)
    return repository / "snapshots" / ("0" * 40)


def prepare(work, seed):
    lerobot_checkpoints.write_backbone_with_weights(in_cache(BACKBONE), seed)
    # smolvla_base names its backbone by the hub's name.
    lerobot_checkpoints.write_base(work / "base", name=BACKBONE, seed=seed + 1)
    shutil.copytree(work / "base", in_cache("lerobot/smolvla_base"))
    image = {"dtype": "image", "shape": (16, 16, 3), "names": ["height", "width", "channels"]}
    features = {
        "observation.images.image": image,
        "observation.images.image2": image,
        "observation.state": {"dtype": "float32", "shape": (8,), "names": None},
        "action": {"dtype": "float32", "shape": (7,), "names": None},
    }
    random = np.random.default_rng(seed)
    data = LeRobotDataset.create("toy/libero", 10, features, root=work / "data", use_videos=False)
    for task in lerobot_checkpoints.TASKS:
        for _ in range(12):
            row = {name: random.integers(0, 256, (16, 16, 3), dtype=np.uint8) for name in features if "images" in name}
            row["observation.state"] = random.standard_normal(8).astype(np.float32)
            row["action"] = random.standard_normal(7).astype(np.float32)
            data.add_frame(row | {"task": task})
        data.save_episode()
    data.finalize()


class Both:
    """Our trainer and LeRobot's on the same data."""

    def __init__(self, program, work):
        self.program, self.work = program, work
        self.data = [
            "--dataset.repo_id=toy/libero",
            f"--dataset.root={work}/data",
            "--policy.device=cpu",
            "--batch_size=2",
            "--num_workers=0",
            "--save_freq=2",
            "--log_freq=1",
        ]

    def run(self, command):
        done = subprocess.run(command, cwd=self.work, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def ours(self, *flags):
        version = "0.6" if version_metadata() else "0.4"
        own = ["--num_compute_threads=1", "--policy.precision=fp32", f"--policy.lerobot_version={version}"]
        return self.run([self.program, "train", *own, *flags])

    def theirs(self, *flags):
        return self.run([sys.executable, "-m", "lerobot.scripts.lerobot_train", *flags])

    def model(self, run, step="last"):
        return self.work / run / "checkpoints" / step / "pretrained_model"


def report(name, what, deviation, tolerance):
    sign = "equal" if deviation <= tolerance else "DIFFERENT"
    print(f"parity {name}: {what} {sign}, deviation {deviation:.1e} (tolerance {tolerance:.0e})", flush=True)
    return deviation <= tolerance


def same_settings(found, expected):
    """Whether two decoded JSON values agree; whole floats may be written as integers."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same_settings(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same_settings, found, expected))
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


def settings_known(folder):
    """Every setting of our train_config.json as LeRobot's parser understands it."""
    understood = TrainPipelineConfig.from_pretrained(folder).to_dict()
    written = json.loads((folder / "train_config.json").read_text())

    def known(written, understood):
        if not isinstance(written, dict) or not isinstance(understood, dict):
            return same_settings(understood, written)
        return all(key in understood and known(value, understood[key]) for key, value in written.items())

    wrong = [key for key in written if key not in understood or not known(written[key], understood[key])]
    return report(folder.parents[2].name, f"settings {wrong or ''}", len(wrong), 0)


def leave_case(work, name, model, seed):
    """Our checkpoint with what LeRobot plans from it."""
    policy = SmolVLAPolicy.from_pretrained(model)
    processors = make_pre_post_processors(policy.config, pretrained_path=str(model))
    batch, noise = lerobot_checkpoints.raw_batch(policy.config, np.random.default_rng(seed))
    numbers = {f"in/{key}": value for key, value in batch.items()} | {"in/noise": noise}
    if policy.config.load_vlm_weights:
        numbers["out/actions_bfloat16"] = lerobot_checkpoints.planned(policy, processors, batch, noise).float()
        # The weights that LeRobot rounded to bfloat16, whole.
        policy.float().load_state_dict(load_file(model / "model.safetensors"), strict=False)
        with lerobot_checkpoints.places_in_bfloat16():
            numbers["out/actions"] = lerobot_checkpoints.planned(policy, processors, batch, noise)
    else:
        numbers["out/actions"] = lerobot_checkpoints.planned(policy, processors, batch, noise)
    shutil.copytree(model, work / "cases" / name)
    save_file(
        {key: value.contiguous() for key, value in numbers.items()},
        work / "cases" / name / "numbers.safetensors",
        metadata=version_metadata() | {"tasks": json.dumps(lerobot_checkpoints.TASKS)},
    )


def leave_run(work, name, checkpoint, seed):
    """Our run, and the step that LeRobot takes from it."""
    settings = TrainPipelineConfig.from_pretrained(checkpoint / "pretrained_model")
    policy = SmolVLAPolicy.from_pretrained(checkpoint / "pretrained_model")
    optimizer, scheduler = make_optimizer_and_scheduler(settings, policy)
    _, optimizer, scheduler = lerobot_checkpoints.load_training_state(checkpoint, optimizer, scheduler)
    shutil.copytree(checkpoint, work / "runs" / name)
    numbers = lerobot_checkpoints.update(policy, optimizer, scheduler, np.random.default_rng(seed))
    save_file(numbers, work / "runs" / name / "numbers.safetensors", version_metadata())


def last_losses(text):
    return [float(loss) for loss in re.findall(r"loss:([0-9.]+)", text)]


def main():
    program, work, seed = sys.argv[1], Path(sys.argv[2]).resolve(), int(sys.argv[3])
    torch.set_num_threads(1)
    prepare(work, seed)
    both = Both(program, work)
    status = True

    # From scratch here, on with it there, on with it here.
    both.ours("--output_dir=scratch", "--policy.type=smolvla", "--steps=4", "--seed=3", *both.data, *TINY)
    leave_case(work, "scratch", both.model("scratch"), seed)
    leave_run(work, "ours", both.model("scratch").parent, seed)
    status &= settings_known(both.model("scratch"))
    file = both.model("scratch") / "train_config.json"
    said = both.theirs(f"--config_path={file}", "--resume=true", "--steps=6")
    assert (work / "scratch/checkpoints/000006/training_state/rng_state.safetensors").exists()
    print("parity scratch: LeRobot goes on from step 4 to 6, losses", last_losses(said.stdout + said.stderr))
    before = load_file(both.model("scratch", "000004") / "model.safetensors")
    after = load_file(both.model("scratch", "000006") / "model.safetensors")
    changed = sum(not torch.equal(before[name].float(), after[name].float()) for name in before)
    status &= 0 < changed < len(before) or not print("parity scratch: LeRobot trained nothing DIFFERENT")
    both.ours(f"--config_path={both.model('scratch', '000006')}/train_config.json", "--resume=true", "--steps=8")
    leave_case(work, "there_and_back", both.model("scratch", "000008"), seed)

    # The published checkpoint here, with the dataset's features; there with its own names LeRobot refuses it.
    said = both.ours("--output_dir=published", "--policy.path=lerobot/smolvla_base", "--steps=2", *both.data)
    adopted = [line for line in said.stderr.splitlines() if "give way to" in line]
    status &= len(adopted) == 1 or not print("parity published: features were adopted without one line DIFFERENT")
    leave_case(work, "published", both.model("published"), seed)
    status &= settings_known(both.model("published"))
    both.theirs(f"--config_path={both.model('published')}/train_config.json", "--resume=true", "--steps=4")

    # Settings of every kind, which LeRobot's strict parser must know.
    both.ours(
        "--output_dir=settings",
        "--policy.type=smolvla",
        "--steps=1",
        "--eval_freq=0",
        "--env.type=libero",
        "--env.task=libero_spatial",
        "--env.task_ids=[0,2]",
        "--eval.n_episodes=3",
        "--eval.batch_size=2",
        "--use_policy_training_preset=false",
        "--optimizer.type=adamw",
        "--optimizer.lr=3e-4",
        "--scheduler.type=cosine_decay_with_warmup",
        "--wandb.mode=offline",
        "--dataset.episodes=[1]",
        "--dataset.image_transforms.enable=true",
        *both.data,
        *TINY,
    )
    status &= settings_known(both.model("settings"))

    # LeRobot's own run, its settings and back.
    both.theirs(
        "--output_dir=theirs", "--policy.type=smolvla", "--policy.load_vlm_weights=true", "--steps=2", *both.data, *TINY
    )
    theirs = TrainPipelineConfig.from_pretrained(both.model("theirs")).to_dict()
    both.ours(f"--config_path={both.model('theirs')}/train_config.json", "--resume=true", "--steps=4")
    back = TrainPipelineConfig.from_pretrained(both.model("theirs", "000004")).to_dict()
    wrong = [key for key in theirs if key not in ("steps", "resume") and not same_settings(back[key], theirs[key])]
    status &= report("theirs", f"settings there and back {wrong or ''}", len(wrong), 0)
    if wrong:
        print({key: (theirs[key], back[key]) for key in wrong})

    lerobot_checkpoints.write_training(work / "runs" / "theirs", seed=seed + 2)
    sys.exit(0 if status else 1)


if __name__ == "__main__":
    main()
