"""Writes a tiny checkpoint and what LeRobot's evaluation makes with it of LIBERO's observations and given noise.

Usage: python -m oracle.goldens.libero_rollouts FOLDER [SEED]

Packages: lerobot==0.6.1 or lerobot==0.4.4 with what it needs; LIBERO itself is not needed

LeRobot's own `rollout` runs in two environments that show what is drawn here, as LIBERO shows it: images upside down, the
hand's orientation as a quaternion. So all that `lerobot-eval` does between an environment and its action takes part.
FOLDER/rollout holds the checkpoint and numbers.safetensors: in/… [steps, environments, …], in/noise [plans, environments,
chunk, action], out/action [environments, steps, 7]; its metadata holds the instructions.
"""

import json
import os
import shutil
import sys
from contextlib import chdir
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from lerobot.envs.configs import LiberoEnv
from lerobot.envs.factory import make_env_pre_post_processors
from lerobot.policies.factory import make_pre_post_processors
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy
from lerobot.scripts.lerobot_eval import rollout
from safetensors.torch import save_file

from oracle.common.lerobot_checkpoints import TASKS
from oracle.common.tiny_smolvla import BACKBONE, version_metadata, write_checkpoint, write_named_backbone

STEPS, EXECUTED, SIZE = 5, 2, (12, 10)
CAMERAS = ("image", "image2")
POSES = {"eef_pos": 3, "eef_quat": 4, "gripper_qpos": 2}


class Recorded(gym.Env):
    """Shows one environment's part of the observations, whatever is done in it."""

    metadata = {"render_fps": 20}
    _max_episode_steps = STEPS

    def __init__(self, numbers, place):
        self.numbers, self.place, self.step_count = numbers, place, 0
        self.task = self.task_description = TASKS[place]
        vector = {name: spaces.Box(-np.inf, np.inf, (size,), np.float64) for name, size in POSES.items()}
        image = spaces.Box(0, 255, (*SIZE, 3), np.uint8)
        self.observation_space = spaces.Dict(
            {"pixels": spaces.Dict({name: image for name in CAMERAS}), "robot_state": self.nested(vector)}
        )
        self.action_space = spaces.Box(-np.inf, np.inf, (7,), np.float32)

    @staticmethod
    def nested(values):
        make = spaces.Dict if isinstance(values["eef_pos"], spaces.Space) else dict
        hand = make({"pos": values["eef_pos"], "quat": values["eef_quat"]})
        return make({"eef": hand, "gripper": make({"qpos": values["gripper_qpos"]})})

    def observation(self):
        shown = {name: array[min(self.step_count, STEPS - 1), self.place] for name, array in self.numbers.items()}
        return {"pixels": {name: shown[name] for name in CAMERAS}, "robot_state": self.nested(shown)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.step_count = 0
        return self.observation(), {}

    def step(self, action):
        self.step_count += 1
        return self.observation(), 0.0, False, False, {"is_success": False}


def observations(random):
    shape = (STEPS, len(TASKS))
    numbers = {name: random.integers(0, 256, (*shape, *SIZE, 3), dtype=np.uint8) for name in CAMERAS}
    for name, size in POSES.items():
        numbers[name] = random.standard_normal((*shape, size))
    # One hand is not turned at all, another by half a turn.
    numbers["eef_quat"] /= np.linalg.norm(numbers["eef_quat"], axis=-1, keepdims=True)
    numbers["eef_quat"][0, 0], numbers["eef_quat"][0, 1] = [0, 0, 0, 1], [1, 0, 0, 0]
    return numbers


def write(folder, seed):
    shutil.rmtree(folder, ignore_errors=True)
    cameras = tuple((name, *SIZE) for name in CAMERAS)
    write_checkpoint(
        folder, seed, state=8, action=7, max_action_dim=8, chunk_size=4, n_action_steps=EXECUTED, num_steps=4,
        cameras=cameras,
    )  # fmt: skip
    shutil.rmtree(folder / BACKBONE)
    write_named_backbone(folder / BACKBONE)
    random = np.random.default_rng(seed + 1)
    numbers = observations(random)
    plans = -(-STEPS // EXECUTED)
    noise = torch.from_numpy(random.standard_normal((plans, len(TASKS), 4, 8))).float()
    with chdir(folder):
        policy = SmolVLAPolicy.from_pretrained(folder).eval()
        left = iter(noise)
        policy.model.sample_noise = lambda shape, device: next(left)
        before, after = make_pre_post_processors(policy.config, pretrained_path=str(folder))
        around = make_env_pre_post_processors(LiberoEnv(task="libero_spatial"), policy.config)
        environments = gym.vector.SyncVectorEnv([lambda place=place: Recorded(numbers, place) for place in (0, 1)])
        found = rollout(environments, policy, *around, before, after, seeds=[0, 1])
    assert next(left, None) is None
    stored = {f"in/{name}": torch.from_numpy(array) for name, array in numbers.items()}
    stored |= {"in/noise": noise, "out/action": found["action"]}
    save_file(
        {name: value.contiguous() for name, value in stored.items()},
        folder / "numbers.safetensors",
        metadata=version_metadata() | {"tasks": json.dumps(TASKS)},
    )


def main(folder: Path, seed: int) -> None:
    torch.set_num_threads(1)
    os.environ["HF_HUB_OFFLINE"] = "1"
    write(folder / "rollout", seed)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 51)
