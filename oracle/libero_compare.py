"""Compares this program with the official LIBERO stack, task by task: scene, initial states, physics, sensors, pictures.

Packages: see libero_official.py. For every task LeRobot's LiberoEnv is reset with a seed and takes random actions (or
those of ACTIONS/SUITE_TASK.npy); then `lerobot-wm replay` takes the same ones. Compared are
  - every field of the compiled model and the names in it, after the reset; the initial states' layout;
  - qpos and qvel after every physics step, settling included; sensors, contacts, reward and success after every action;
  - both pictures before the first and after the last action.
Run: MUJOCO_GL=osmesa python oracle/libero_compare.py PROGRAM MEASUREMENTS ASSETS [SUITE[:TASK,…] …]
         [--steps N] [--seed S] [--init-state K] [--actions FOLDER] [--workers N]
PROGRAM is lerobot-wm, MEASUREMENTS is LiberoMeasurements, ASSETS a folder or a tar file of LIBERO's scene assets.
One line for each task, then how many were compared, equal and skipped; exits with 1 where one differs.
"""
import argparse
import concurrent.futures
import contextlib
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

import libero_official

TOLERANCE = {"sub_qpos": 1e-9, "sub_qvel": 1e-6}
SENSORS = 1e-6


def actions_of(options, suite, task):
    given = os.path.join(options.actions or "", f"{suite}_{task}.npy")
    if options.actions and os.path.exists(given):
        return np.load(given).astype(np.float32)
    # Seeded by a number of its own for each task, with stretches that do not turn and a gripper that changes its mind.
    random = np.random.default_rng([options.seed, *suite.encode(), task])
    actions = random.uniform(-1, 1, (options.steps, 7))
    actions[random.random(options.steps) < 0.3, 3:6] = 0
    return actions.astype(np.float32)


def official(options, suite, task):
    """What the official stack does: the model after its reset, and a trace."""
    environment = libero_official.environment(suite, task)
    inner = environment._env
    trace = {name: [] for name in ("sub_qpos", "sub_qvel", "eef_pos", "eef_quat", "gripper_qpos", "joint_pos",
                                   "joint_vel", "reward", "success", "ncon")}
    scene = {}
    begin = inner.set_init_state

    def beginning(state):
        model = inner.sim.model._model
        scene.update(fields=libero_official.fields(model), names=libero_official.names(model))
        scene["states"] = [*environment._init_states.shape, 1 + model.nq + model.nv]
        step, data = inner.sim.step, inner.sim.data._data

        def recorded(*arguments, **named):
            step(*arguments, **named)
            trace["sub_qpos"].append(data.qpos.copy())
            trace["sub_qvel"].append(data.qvel.copy())

        inner.sim.step = recorded
        return begin(state)

    def note(observation, reward, success):
        robot = observation["robot_state"]
        values = {"eef_pos": robot["eef"]["pos"], "eef_quat": robot["eef"]["quat"],
                  "gripper_qpos": robot["gripper"]["qpos"], "joint_pos": robot["joints"]["pos"],
                  "joint_vel": robot["joints"]["vel"], "reward": reward, "success": success,
                  "ncon": inner.sim.data._data.ncon}
        for name, value in values.items():
            trace[name].append(np.array(value))

    inner.set_init_state = beginning
    environment.init_state_id = options.init_state
    with contextlib.redirect_stdout(sys.stderr):
        observation, _ = environment.reset(seed=options.seed)
        inner.set_init_state = begin
        note(observation, 0.0, False)
        images = {0: observation["pixels"]}
        actions = actions_of(options, suite, task)
        for index, action in enumerate(actions):
            observation, reward, terminated, _, info = raw_step(environment, action)
            note(observation, reward, info)
            if terminated:
                actions = actions[: index + 1]
                break
        images[len(actions)] = observation["pixels"]
        environment.close()
    return scene, {name: np.array(values) for name, values in trace.items()}, images, actions


def raw_step(environment, action):
    """LiberoEnv.step without the reset that follows a success there."""
    observation, reward, done, _ = environment._env.step(action)
    success = environment._env.check_success()
    return environment._format_raw_obs(observation), reward, done or success, None, success


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"this program failed: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


def first_difference(ours, theirs):
    """The first row that is not equal bit for bit; None where all are."""
    rows = np.flatnonzero((ours != theirs).reshape(len(ours), -1).any(1))
    return int(rows[0]) if len(rows) else None


def compare_scene(options, suite, task, scene):
    ours = json.loads(run([options.measurements, "fields", suite, str(task), str(options.seed)]))
    # Deprecated names and sizes that only one side's header lists have nothing to be compared with.
    both = sorted(set(ours["fields"]) & set(scene["fields"]))
    differences = [f"field {name}" for name in both if ours["fields"][name] != scene["fields"][name]]
    differences += [f"names of {kind}" for kind in scene["names"] if ours["names"][kind] != scene["names"][kind]]
    if ours["initialStates"] != scene["states"]:
        differences.append(f"initial states {ours['initialStates']} for {scene['states']}")
    return len(both), differences


def compare_trace(options, suite, task, folder, trace, images, actions):
    from safetensors.numpy import load_file

    np.save(f"{folder}/actions.npy", actions)
    run([options.program, "replay", "--env.type=libero", f"--env.task={suite}", f"--env.task_ids=[{task}]",
         f"--init_state={options.init_state}", f"--seed={options.seed}", f"--actions={folder}/actions.npy",
         f"--images=0,{len(actions)}", f"--output={folder}/trace.safetensors"])
    ours = load_file(f"{folder}/trace.safetensors")
    words, differences = [], []
    sensors = 0.0
    for name, theirs in trace.items():
        found = ours[name].reshape(theirs.shape) if ours[name].size == theirs.size else None
        if found is None:
            differences.append(f"{name}: {ours[name].shape} for {theirs.shape}")
        elif name in TOLERANCE:
            deviation, first = float(np.abs(found - theirs).max()), first_difference(found, theirs)
            words.append(f"{name[4:]} {deviation:.0e}" + ("" if first is None else f" (bits differ from substep {first})"))
            if not deviation <= TOLERANCE[name]:
                differences.append(f"{name} deviates by {deviation:.1e}")
        elif name in ("ncon", "success"):
            if (found != theirs).any():
                differences.append(f"{name} from step {first_difference(found, theirs)}")
        else:
            deviation = float(np.abs(found - theirs).max())
            sensors = max(sensors, deviation)
            if not deviation <= SENSORS:
                differences.append(f"{name} deviates by {deviation:.1e}")
    words.append(f"sensors {sensors:.0e}")
    unequal = worst = 0
    for step, cameras in images.items():
        for camera, theirs in cameras.items():
            gap = np.abs(ours[f"raw_{camera}_{step}"].astype(int) - theirs.astype(int)).max(-1)
            share = (gap > 0).mean()
            unequal, worst = max(unequal, share), max(worst, gap.max())
            if share > 1e-3 or gap.max() > 1:
                differences.append(f"{camera} at {step}: {share:.2%} of pixels by up to {gap.max()}")
    words.append("pictures equal" if worst == 0 else f"pictures off by {worst} on {unequal:.3%}")
    words.append("success" if trace["success"].any() else "no success")
    return words, differences


def compare(options, suite, task):
    """Everything about one task; gives its line and whether it was equal, different or skipped."""
    place = f"{suite} {task}"
    with tempfile.TemporaryDirectory() as folder:
        libero_official.settings(folder, options.assets)
        try:
            scene, trace, images, actions = official(options, suite, task)
        except (FileNotFoundError, ValueError) as error:
            missing = re.findall(r"[^\s'\"]+\.(?:xml|stl|obj|msh|png)", str(error))
            if not missing:
                return "different", f"{place}: the official stack failed: {error}"
            name = missing[-1].replace(options.assets, "").lstrip("/")
            return f"missing {name}", f"{place}: SKIPPED, the assets lack {name}"
        try:
            count, differences = compare_scene(options, suite, task, scene)
            words, more = compare_trace(options, suite, task, folder, trace, images, actions)
        except (RuntimeError, KeyError) as error:
            return "different", f"{place}: {error}"
    differences += more
    line = f"{place}: {count} fields, {scene['states'][0]} states of {scene['states'][1]}, {len(actions)} actions: "
    line += ", ".join(words)
    return ("different", f"{line}; DIFFERENT: {'; '.join(differences)}") if differences else ("equal", f"{line}; equal")


def wanted(words):
    for word in words or libero_official.SUITES:
        suite, _, tasks = word.partition(":")
        for task in tasks.split(",") if tasks else range(90 if suite == "libero_90" else 10):
            yield suite, int(task)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("measurements")
    parser.add_argument("assets")
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--init-state", type=int, default=0)
    parser.add_argument("--actions")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    options.assets = libero_official.unpack(options.assets, tempfile.gettempdir())
    os.environ.update(MUJOCO_GL="osmesa", PYOPENGL_PLATFORM="osmesa")
    counts = {}
    # A process for each task: the official stack does not give back what an environment took.
    with concurrent.futures.ProcessPoolExecutor(
        options.workers, multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        for future in [pool.submit(compare, options, *task) for task in wanted(options.tasks)]:
            outcome, line = future.result()
            counts[outcome] = counts.get(outcome, 0) + 1
            print(line, flush=True)
    compared = counts.get("equal", 0) + counts.get("different", 0)
    print(f"{sum(counts.values())} tasks: {compared} compared, {counts.get('equal', 0)} equal,"
          f" {sum(counts.values()) - compared} skipped")
    for outcome, count in sorted(counts.items()):
        if outcome.startswith("missing"):
            print(f"  {count} for want of {outcome.removeprefix('missing ')}")
    return int(compared == 0 or counts.get("equal", 0) < compared)


if __name__ == "__main__":
    sys.exit(main())
