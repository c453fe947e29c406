"""Asks the official stack what happens in LIBERO tasks: traces of random actions, and which states fulfil the goal.

Needs robosuite 1.4.0, hf-libero 0.1.4, bddl 1.0.1, mujoco 3.3.2, numba, numpy 2.3 and safetensors; and scene assets, which
hf-libero looks for in its own folder `libero/libero/assets`. `LIBERO_CONFIG_PATH` must name a folder with a config.yaml,
or the import asks.

Run: MUJOCO_GL=osmesa python oracle/libero_control.py OUTPUT SUITE [TASK …] [--actions N] [--states N] [--images]
                                                      [--seed S] [--init-state K] [--mode relative|absolute]
Writes OUTPUT/SUITE_T.actions.npy and OUTPUT/SUITE_T.trace.safetensors (the names of `lerobot-wm replay`) when N > 0
actions are asked for, and OUTPUT/SUITE_T.goal.safetensors (`qpos`, `reached`) when states are.
"""
import argparse
import contextlib
import os
import sys

import numpy as np
from safetensors.numpy import save_file

import libero_goals

parser = argparse.ArgumentParser()
parser.add_argument("output")
parser.add_argument("suite")
parser.add_argument("tasks", type=int, nargs="*")
parser.add_argument("--actions", type=int, default=0)
parser.add_argument("--states", type=int, default=0)
parser.add_argument("--images", action="store_true")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--init-state", type=int, default=0)
parser.add_argument("--mode", choices=["relative", "absolute"], default="relative")
arguments = parser.parse_args()

with contextlib.redirect_stdout(sys.stderr):
    import torch
    import libero.libero
    from libero.libero.envs import OffScreenRenderEnv

package = os.path.dirname(libero.libero.__file__)
namespace = {}
exec(open(f"{package}/benchmark/libero_suite_task_map.py").read(), namespace)
names = namespace["libero_task_map"][arguments.suite]


def actions(environment, random):
    """Turning, closing and opening, small and large, with stretches that do not turn at all."""
    made = random.uniform(-1.2, 1.2, (arguments.actions, 7))
    made[random.rand(arguments.actions) < 0.3, 3:6] = 0
    made[random.rand(arguments.actions) < 0.2] *= 0.05
    made[:, 6] = np.sign(made[:, 6]) * (random.rand(arguments.actions) > 0.1)
    if arguments.mode == "absolute":
        controller = environment.env.robots[0].controller
        made[:, :3] = controller.ee_pos + 0.05 * made[:, :3]
        made[:, 3:6] = np.array([np.pi, 0, 0]) + 0.2 * made[:, 3:6]
    return made.astype(np.float32)


def trace(environment, state):
    environment.set_init_state(state)
    data = environment.sim.data._data
    found = {"sub_qpos": [], "sub_qvel": [], "sub_ctrl": [], "success": [], "qpos": [], "eef_pos": [], "eef_quat": []}
    step = environment.sim.step

    def recorded(*args, **kwargs):
        step(*args, **kwargs)
        found["sub_qpos"].append(data.qpos.copy())
        found["sub_qvel"].append(data.qvel.copy())
        found["sub_ctrl"].append(data.ctrl.copy())

    environment.sim.step = recorded
    images = {}

    def note(observation, success, index, last):
        found["success"].append(bool(success))
        found["qpos"].append(data.qpos.copy())
        found["eef_pos"].append(observation["robot0_eef_pos"])
        found["eef_quat"].append(observation["robot0_eef_quat"])
        if arguments.images and index in (0, last):
            images[f"raw_image_{index}"] = observation["agentview_image"].copy()
            images[f"raw_image2_{index}"] = observation["robot0_eye_in_hand_image"].copy()

    for _ in range(10):
        observation = environment.step([0, 0, 0, 0, 0, 0, -1])[0]
    environment.env.robots[0].controller.use_delta = arguments.mode == "relative"
    made = actions(environment, np.random.RandomState(11))
    note(observation, False, 0, len(made))
    for index, action in enumerate(made):
        observation, _, done, _ = environment.step(action)
        note(observation, done, index + 1, len(made))
    environment.sim.step = step
    return made, {name: np.stack(values) for name, values in found.items()} | images


def goals(environment, state, random):
    found = {"qpos": [], "reached": []}
    data = environment.sim.data._data
    for _ in range(arguments.states):
        reached = libero_goals.attempt(environment, state, random)
        found["qpos"].append(data.qpos.copy())
        found["reached"].append(reached)
    return {name: np.stack(values) for name, values in found.items()}


os.makedirs(arguments.output, exist_ok=True)
beginning = {"seed": str(arguments.seed), "init_state": str(arguments.init_state), "mode": arguments.mode}
for task in arguments.tasks or range(len(names)):
    name = f"{package}/{{}}/{arguments.suite}/{names[task]}"
    states = torch.load(name.format("init_files") + ".pruned_init", weights_only=False)
    state = states[arguments.init_state % len(states)]
    output = f"{arguments.output}/{arguments.suite}_{task}"
    with contextlib.redirect_stdout(sys.stderr):
        environment = OffScreenRenderEnv(
            bddl_file_name=name.format("bddl_files") + ".bddl", camera_heights=256, camera_widths=256,
            use_camera_obs=arguments.images)
        environment.reset()
        environment.seed(arguments.seed)
        environment.reset()
    if arguments.actions:
        made, numbers = trace(environment, state)
        np.save(f"{output}.actions.npy", made)
        save_file(numbers, f"{output}.trace.safetensors", beginning)
    if arguments.states:
        numbers = goals(environment, state, np.random.RandomState(5))
        save_file(numbers, f"{output}.goal.safetensors", beginning)
        print(f"{arguments.suite} {task}: {numbers['reached'].sum()} of {arguments.states} states fulfil the goal", flush=True)
    environment.close()
