"""Writes what the official stack says of LIBERO tasks: models, poses of fixtures, goals, starts, a run.

Usage: MUJOCO_GL=osmesa python -m oracle.goldens.libero_tasks FOLDER ASSETS [KIND …]

Packages: hf-libero==0.1.4 robosuite==1.4.0 mujoco==3.3.2 lerobot==0.4.4

ASSETS is a folder or a tar file of LIBERO's scene assets. Written are, of every KIND or of those that are named,
  - NAME.mjmodel.json: sums of every field of the model after a reset with seed 3;
  - NAME.poses.json: where the fixtures stand with several seeds;
  - NAME.goal.safetensors: states about those that fulfill the goal (`qpos`), and whether each does (`reached`);
  - NAME.starts.json: positions after a reset without an initial state, before and after settling (`placed`, `settled`);
  - NAME.run.safetensors: its own `actions` (those of `LiberoMeasurements demonstrations` at first) from initial state 0
    with seed 0, `success` after each, and `qpos` after every tenth.
"""

import json
import sys
import tempfile

import numpy as np

from oracle.common import libero_goals, libero_official

MODELS = ("libero_spatial_0", "libero_object_0", "libero_goal_0", "libero_10_0", "libero_10_2", "libero_10_5")
POSES = {
    "libero_spatial_4": range(1000, 1006),
    "libero_object_5": range(2),
    "libero_goal_3": range(1000, 1006),
    "libero_10_2": range(1000, 1006),
    "libero_10_3": range(1000, 1006),
}
GOALS = (
    "libero_spatial_0",
    "libero_object_0",
    "libero_goal_0",
    "libero_goal_5",
    "libero_10_3",
    "libero_10_8",
    "libero_10_9",
)
RUNS = ("libero_spatial_3",)
# Bowls on cookies, on a cabinet, in an open drawer, on a stove; a burning stove; an open microwave; books and bottles,
# which are turned about other axes.
STARTS = (
    "libero_spatial_3",
    "libero_spatial_4",
    "libero_spatial_7",
    "libero_10_1",
    "libero_10_5",
    "libero_10_8",
    "libero_10_9",
    "libero_90_29",
    "libero_object_4",
)
KINDS = {"mjmodel": MODELS, "poses": POSES, "goal": GOALS, "starts": STARTS, "run": RUNS}
SEED, STATE = 3, 2


def poses(episodes, seed):
    episodes.reset(seed, 0)
    wrapped = episodes.environment._env
    model = wrapped.sim.model
    bodies = {name: model.body_name2id(fixture.root_body) for name, fixture in wrapped.env.fixtures_dict.items()}
    return {f"{name}_main": [*model.body_pos[body], *model.body_quat[body]] for name, body in bodies.items()}


def start(episodes, seed):
    wrapped, placed = episodes.environment._env, []
    step = wrapped.step

    def settling(action):
        placed.append(wrapped.sim.data._data.qpos.tolist())
        return step(action)

    wrapped.step, episodes.environment.init_states = settling, False
    episodes.reset(seed, 0)
    episodes.environment.init_states = True
    return {"seed": seed, "placed": placed[0], "settled": wrapped.sim.data._data.qpos.tolist()}


def goals(episodes):
    states = episodes.environment._init_states
    wrapped, random = episodes.environment._env, np.random.RandomState(5)
    found = {"qpos": [], "reached": []}
    for _ in range(60):
        reached = libero_goals.attempt(wrapped, states[STATE], random)
        found["qpos"].append(wrapped.sim.data._data.qpos.copy())
        found["reached"].append(reached)
    return {name: np.stack(values) for name, values in found.items()}


def succeed(episodes, actions):
    episodes.reset(0, 0)
    data = episodes.environment._env.sim.data._data
    success, qpos = [], []
    for index, action in enumerate(actions, 1):
        success.append(episodes.step(action)[2])
        if index % 10 == 0:
            qpos.append(data.qpos.copy())
    return {"actions": actions, "success": np.array(success), "qpos": np.stack(qpos)}


def main(output: str, archive: str, *kinds: str) -> None:
    from safetensors.numpy import load_file, save_file

    assets = libero_official.unpack(archive, tempfile.gettempdir())
    kinds = kinds or list(KINDS)
    with tempfile.TemporaryDirectory() as folder:
        libero_official.settings(folder, assets)
        for name in sorted({name for kind in kinds for name in KINDS[kind]}):
            wanted = [kind for kind in kinds if name in KINDS[kind]]
            suite, _, task = name.rpartition("_")
            place, episodes = {"suite": suite, "task": int(task)}, libero_official.Episodes(suite, int(task))
            model = {}
            episodes.reset(
                SEED, STATE, lambda: model.update(libero_official.fields(episodes.environment._env.sim.model._model))
            )
            stem = f"{output}/{name}"
            if "mjmodel" in wanted:
                with open(f"{stem}.mjmodel.json", "w") as file:
                    json.dump(place | {"seed": SEED, "fields": model}, file, indent=0, sort_keys=True)
            if "goal" in wanted:
                save_file(goals(episodes), f"{stem}.goal.safetensors", {"seed": str(SEED), "init_state": str(STATE)})
            if "starts" in wanted:
                found = [start(episodes, seed) for seed in (7, 4000000000)]
                with open(f"{stem}.starts.json", "w") as file:
                    json.dump(place | {"episodes": found}, file, indent=0)
            if "poses" in wanted:
                found = [{"seed": seed, "poses": poses(episodes, seed)} for seed in POSES[name]]
                with open(f"{stem}.poses.json", "w") as file:
                    json.dump(place | {"episodes": found}, file, indent=0)
            if "run" in wanted:
                actions = load_file(f"{stem}.run.safetensors")["actions"]
                save_file(succeed(episodes, actions), f"{stem}.run.safetensors", {"seed": "0", "init_state": "0"})
            episodes.environment.close()
            print(name, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
