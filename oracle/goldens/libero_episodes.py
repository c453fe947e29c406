"""Writes what LeRobot's LiberoEnv does with given actions in an evaluation's episode, in both control modes.

Usage: MUJOCO_GL=osmesa python -m oracle.goldens.libero_episodes FOLDER ASSETS

Packages: hf-libero==0.1.4 robosuite==1.4.0 mujoco==3.3.2 lerobot==0.4.4

ASSETS is a folder or a tar file of LIBERO's scene assets. The episode is number 2 of libero_spatial's task 0 in an
evaluation with seed 1000: initial state 2, fixtures by seed 1002. For each mode `MODE.actions` (single precision,
[6, 7]) and `MODE.qpos` after each of them.
"""

import sys
import tempfile

import numpy as np
from safetensors.numpy import save_file

from oracle.common import libero_official

SEED, EPISODE, STEPS = 1000, 2, 6


def main(output: str, assets: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        libero_official.settings(folder, libero_official.unpack(assets, tempfile.gettempdir()))
        episodes = libero_official.Episodes("libero_spatial", 0)
        random = np.random.RandomState(17)
        found = {}
        for mode in ("relative", "absolute"):
            episodes.environment.control_mode = mode
            start = episodes.reset(SEED + EPISODE, EPISODE)["robot_state"]["eef"]["pos"]
            actions = random.uniform(-1, 1, (STEPS, 7))
            actions[1, 3:6] = 0
            if mode == "absolute":
                # 5 cm and 0.2 of a turn vector for each unit, pointing down.
                actions = actions * ([0.05] * 3 + [0.2] * 3 + [1]) + [*start, np.pi, 0, 0, 0]
            actions = actions.astype(np.float32)
            positions = []
            for action in actions:
                episodes.step(action)
                positions.append(episodes.environment._env.sim.data._data.qpos.copy())
            found |= {f"{mode}.actions": actions, f"{mode}.qpos": np.stack(positions)}
        save_file(
            found, f"{output}/libero_spatial_0.evaluation.safetensors", {"seed": str(SEED), "episode": str(EPISODE)}
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
