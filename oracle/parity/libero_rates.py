"""Compares LIBERO at other control rates than 20 Hz with the official stack: positions and sensors after every action.

Usage: python -m oracle.parity.libero_rates PROGRAM ASSETS [SEED]   (called by oracle/parity/libero.sh)

Packages: hf-libero==0.1.4 robosuite==1.4.0 mujoco==3.3.2 lerobot==0.4.4

PROGRAM is lerobot-wm, ASSETS a folder or a tar file of LIBERO's scene assets. One line for each rate; exits with 1 where
one differs.
"""

import contextlib
import os
import subprocess
import sys
import tempfile

import numpy as np

from oracle.common import libero_official

RATES = (10, 50)
ACTIONS = 12
TOLERANCE = 1e-9
IDLE = [0, 0, 0, 0, 0, 0, -1]
READ = {
    "eef_pos": "robot0_eef_pos",
    "gripper_qpos": "robot0_gripper_qpos",
    "joint_pos": "robot0_joint_pos",
    "joint_vel": "robot0_joint_vel",
}


def official(rate, actions):
    """Positions and sensors after settling and after every action, of libero_spatial's first task and state."""
    module = libero_official.load()
    from libero.libero import get_libero_path
    from libero.libero.envs import OffScreenRenderEnv
    from robosuite.utils.binding_utils import MjSim

    MjSim.render = lambda sim, width=None, height=None, **rest: np.zeros((height, width, 3), np.uint8)
    suite = module._get_suite("libero_spatial")
    task = suite.get_task(0)
    file = os.path.join(get_libero_path("bddl_files"), task.problem_folder, task.bddl_file)
    made = OffScreenRenderEnv(bddl_file_name=file, camera_heights=32, camera_widths=32, control_freq=rate)
    # Every load of the model adds the samplers once more.
    samplers = list(made.env.object_property_initializers)
    made.reset()
    made.env.object_property_initializers = samplers
    made.seed(0)
    made.reset()
    seen = made.set_init_state(suite.get_task_init_states(0)[0])
    for _ in range(10):
        seen, *_ = made.step(IDLE)
    rows = []
    for action in [None, *actions]:
        if action is not None:
            seen, *_ = made.step(action)
        rows.append({"qpos": made.sim.data.qpos.copy()} | {name: seen[key].copy() for name, key in READ.items()})
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def main():
    program, seed = sys.argv[1], int(sys.argv[3]) if len(sys.argv) > 3 else 7
    actions = np.random.default_rng(seed).uniform(-1, 1, (ACTIONS, 7))
    status = True
    with tempfile.TemporaryDirectory() as folder:
        libero_official.settings(folder, libero_official.unpack(sys.argv[2], tempfile.gettempdir()))
        np.save(f"{folder}/actions.npy", actions)
        for rate in RATES:
            with contextlib.redirect_stdout(sys.stderr):
                expected = official(rate, actions)
            task = ["--env.type=libero", "--env.task=libero_spatial", "--env.task_ids=[0]", f"--env.fps={rate}"]
            output = f"{folder}/{rate}.safetensors"
            files = [f"--actions={folder}/actions.npy", f"--output={output}"]
            subprocess.run([program, "replay", *task, *files], check=True, stdout=subprocess.DEVNULL)
            from safetensors.numpy import load_file

            found = load_file(output)
            deviation = max(np.abs(found[name] - expected[name]).max() for name in expected)
            status &= deviation <= TOLERANCE
            sign = "equal" if deviation <= TOLERANCE else "DIFFERENT"
            print(f"libero_spatial_0 at {rate} Hz: {sign}, deviation {deviation:.1e} (tolerance {TOLERANCE:.0e})")
    sys.exit(0 if status else 1)


if __name__ == "__main__":
    main()
