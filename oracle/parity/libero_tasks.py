"""Compares this program with the official LIBERO stack: scenes, initial states, physics, sensors, images, successes.

Usage: python -m oracle.parity.libero_tasks PROGRAM MEASUREMENTS ASSETS [SUITE[:TASK,…] …]
           [--steps N] [--seed S] [--episodes N] [--workers N]   (called by oracle/parity/libero.sh)

Packages: hf-libero==0.1.4 robosuite==1.4.0 mujoco==3.3.2 lerobot==0.4.4

PROGRAM is lerobot-wm, MEASUREMENTS is LiberoMeasurements, ASSETS a folder or a tar file of LIBERO's scene assets.
For every task LeRobot's LiberoEnv runs, and `lerobot-wm replay` plays the same actions:
  - every field of the compiled model and the names in it, after a reset; the initial states' layout;
  - random actions: qpos and qvel after every physics step, settling included; sensors, contacts, reward and success
    after every action; both images before the first and after the last one;
  - an initial state in which the task's goal is reached: the same, so every goal is seen unfulfilled and fulfilled;
  - in the first task of each suite absolute actions: the same;
  - of libero_spatial, episodes of the scripted expert: the same, up to and including the first success.
One line for each comparison, then all counts; exits with 1 where one differs or nothing was compared.
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

from oracle.common import libero_goals, libero_official

TOLERANCE = {"sub_qpos": 1e-9, "sub_qvel": 1e-6}
# NumPy's single-precision sine and cosine, which absolute orientations pass through, differ between processors.
ABSOLUTE_TOLERANCE = {"sub_qpos": 1e-7, "sub_qvel": 1e-5}
# Where things touch, the solver may take a step more or less by the last bit.
CONTACT_TOLERANCE = {"sub_qpos": 1e-6, "sub_qvel": 1e-3}
SENSORS = 1e-6
IDLE = np.array([0, 0, 0, 0, 0, 0, -1], np.float32)


class Missing(Exception):
    """An asset that this machine lacks."""


class Result:
    """What was found in one comparison."""

    def __init__(self, place, words, differences, figures=None):
        self.differences, self.figures = differences, figures or {}
        self.line = f"{place}: {', '.join(words)}; " + (
            f"DIFFERENT: {'; '.join(differences)}" if differences else "equal"
        )


def random_actions(options, suite, task):
    """Actions, with stretches that do not turn and a gripper that changes its mind."""
    # Seeded by a number of its own for each task.
    random = np.random.default_rng([options.seed, *suite.encode(), task])
    actions = random.uniform(-1, 1, (options.steps, 7))
    actions[random.random(options.steps) < 0.3, 3:6] = 0
    return actions.astype(np.float32)


def as_poses(actions, start):
    """The actions as poses about a position: 5 cm and 0.2 of a turn vector for each unit, pointing down."""
    poses = actions * np.array([0.05] * 3 + [0.2] * 3 + [1])
    return (poses + [*start, np.pi, 0, 0, 0]).astype(np.float32)


def play(episodes, seed, state, actions, began=lambda: None, draw=False):
    """What the official stack does: a trace, the images of the first and the last step by their number, the actions.

    `actions` are the actions, or make them of the gripper's position.
    """
    trace = {
        name: []
        for name in (
            "sub_qpos",
            "sub_qvel",
            "eef_pos",
            "eef_quat",
            "gripper_qpos",
            "joint_pos",
            "joint_vel",
            "reward",
            "success",
            "ncon",
        )
    }
    wrapped = episodes.environment._env

    def beginning():
        began()
        step, data = wrapped.sim.step, wrapped.sim.data._data

        def recorded(*arguments, **named):
            step(*arguments, **named)
            trace["sub_qpos"].append(data.qpos.copy())
            trace["sub_qvel"].append(data.qvel.copy())

        wrapped.sim.step = recorded

    def note(observation, reward, success):
        robot = observation["robot_state"]
        values = {
            "eef_pos": robot["eef"]["pos"],
            "eef_quat": robot["eef"]["quat"],
            "gripper_qpos": robot["gripper"]["qpos"],
            "joint_pos": robot["joints"]["pos"],
            "joint_vel": robot["joints"]["vel"],
            "reward": reward,
            "success": success,
            "ncon": wrapped.sim.data._data.ncon,
        }
        for name, value in values.items():
            trace[name].append(np.array(value))

    observation = episodes.reset(seed, state, beginning, draw)
    note(observation, 0.0, False)
    actions = actions(observation["robot_state"]["eef"]["pos"]) if callable(actions) else actions
    images = {0: observation["pixels"]}
    for index, action in enumerate(actions, 1):
        observation, reward, success = episodes.step(action, draw and index == len(actions))
        note(observation, reward, success)
    images[len(actions)] = observation["pixels"]
    return {name: np.array(values) for name, values in trace.items()}, images if draw else {}, actions


def run(command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise RuntimeError(f"this program failed: {said[-1]}")
    return done.stdout


def replay(options, suite, task, folder, seed, state, actions, images=(), mode="relative"):
    """What this program does."""
    from safetensors.numpy import load_file

    np.save(f"{folder}/actions.npy", actions)
    run(
        [
            options.program,
            "replay",
            "--env.type=libero",
            f"--env.task={suite}",
            f"--env.task_ids=[{task}]",
            f"--env.control_mode={mode}",
            f"--init_state={state}",
            f"--seed={seed}",
            f"--actions={folder}/actions.npy",
            "--overwrite",
            f"--images={','.join(map(str, images))}",
            f"--output={folder}/trace.safetensors",
        ]
    )
    return load_file(f"{folder}/trace.safetensors")


def first_difference(ours, theirs):
    """The first row that is not equal bit for bit; None where all are."""
    rows = np.flatnonzero((ours != theirs).reshape(len(ours), -1).any(1))
    return int(rows[0]) if len(rows) else None


def compare_scene(options, suite, task, scene):
    ours = json.loads(run([options.measurements, "fields", suite, task, options.seed]))
    # Deprecated names and sizes that only one side's header lists have nothing to be compared with.
    both = sorted(set(ours["fields"]) & set(scene["fields"]))
    differences = [f"field {name}" for name in both if ours["fields"][name] != scene["fields"][name]]
    differences += [f"names of {kind}" for kind in scene["names"] if ours["names"][kind] != scene["names"][kind]]
    if ours["initialStates"] != scene["states"]:
        differences.append(f"initial states {ours['initialStates']} for {scene['states']}")
    return [f"{len(both)} fields", f"{scene['states'][0]} states of {scene['states'][1]}"], differences


def compare_trace(ours, trace, images=(), tolerance=TOLERANCE):
    """Words about two traces, their differences, and by how much qpos deviates at most."""
    words, differences = [f"{len(trace['success']) - 1} actions"], []
    sensors = 0.0
    for name, theirs in trace.items():
        found = ours[name].reshape(theirs.shape) if ours[name].size == theirs.size else None
        if found is None:
            differences.append(f"{name}: {ours[name].shape} for {theirs.shape}")
        elif name in tolerance:
            deviation, first = float(np.abs(found - theirs).max()), first_difference(found, theirs)
            words.append(
                f"{name[4:]} {deviation:.0e}" + ("" if first is None else f" (bits differ from substep {first})")
            )
            if not deviation <= tolerance[name]:
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
    for step, cameras in dict(images).items():
        for camera, theirs in cameras.items():
            gap = np.abs(ours[f"raw_{camera}_{step}"].astype(int) - theirs.astype(int)).max(-1)
            share = (gap > 0).mean()
            unequal, worst = max(unequal, share), max(worst, gap.max())
            if share > 1e-3 or gap.max() > 1:
                differences.append(f"{camera} at {step}: {share:.2%} of pixels by up to {gap.max()}")
    if images:
        words.append("images equal" if worst == 0 else f"images off by {worst} on {unequal:.3%}")
    same = ours["sub_qpos"].size == trace["sub_qpos"].size
    deviation = np.abs(ours["sub_qpos"].reshape(trace["sub_qpos"].shape) - trace["sub_qpos"]).max() if same else np.inf
    return words, differences, float(deviation)


def compare_contacts(episodes, seed, state, actions, ours, trace, images=(), tolerance=CONTACT_TOLERANCE):
    """As `compare_trace`; what deviates by more than the tolerance is accepted where the official stack, begun again
    1e-15 away, deviates from itself by as much. Successes and images must be equal all the same.
    """
    words, differences, deviation = compare_trace(ours, trace, images, tolerance)
    states = episodes.environment._init_states
    random = np.random.default_rng(0)
    for _ in range(6 if differences and (ours["success"] == trace["success"]).all() else 0):
        nudged = np.array(states)
        nudged[:, 1:] += random.choice([-1e-15, 1e-15], nudged[:, 1:].shape)
        episodes.environment._init_states = nudged
        twin, _, _ = play(episodes, seed, state, actions)
        episodes.environment._init_states = states
        _, _, own = compare_trace(twin, trace)
        if own >= deviation / 10:
            unexplained = [difference for difference in differences if difference.startswith("image")]
            words.append(f"as the official stack from itself by {own:.0e} when begun 1e-15 away")
            return words, unexplained, deviation
    return words, differences, deviation


def random_run(options, suite, task, folder, episodes):
    scene = {}

    def built():
        model = episodes.environment._env.sim.model._model
        scene.update(fields=libero_official.fields(model), names=libero_official.names(model))
        scene["states"] = [*episodes.environment._init_states.shape, 1 + model.nq + model.nv]

    actions = random_actions(options, suite, task)
    trace, images, _ = play(episodes, options.seed, 0, actions, built, draw=True)
    words, differences = compare_scene(options, suite, task, scene)
    ours = replay(options, suite, task, folder, options.seed, 0, actions, images)
    more, found, _ = compare_contacts(episodes, options.seed, 0, actions, ours, trace, images, TOLERANCE)
    if trace["success"].any():
        differences.append("random actions reached the goal, so it was not seen unfulfilled")
    return Result(f"{suite} {task}", words + more, differences + found, {"tasks": 1})


def absolute_run(options, suite, task, folder, episodes):
    """The random actions as poses, which the official stack takes once it has settled."""
    episodes.environment.control_mode = "absolute"
    trace, _, actions = play(
        episodes, options.seed, 1, lambda start: as_poses(random_actions(options, suite, task), start)
    )
    episodes.environment.control_mode = "relative"
    ours = replay(options, suite, task, folder, options.seed, 1, actions, mode="absolute")
    words, differences, _ = compare_trace(ours, trace, tolerance=ABSOLUTE_TOLERANCE)
    return Result(f"{suite} {task}, absolute", words, differences)


def goal_run(options, suite, task, folder, episodes):
    """Both begin in a state that fulfills the goal; this program reads it from a file of initial states."""
    import torch

    place, wrapped = f"{suite} {task}, goal", episodes.environment._env
    states, random = episodes.environment._init_states, np.random.RandomState(options.seed)
    file = f"{folder}/states/{suite}/{episodes.environment.task}.pruned_init"
    os.makedirs(os.path.dirname(file))
    # What was reached in the present scene need not be after a reset, where the gripper stands otherwise.
    for _ in range(5):
        state = libero_goals.reaching(wrapped, states[0], random, IDLE)
        if state is None:
            return Result(place, ["no state"], ["no state that fulfills the goal was found"])
        episodes.environment._init_states = state[None]
        trace, _, actions = play(episodes, options.seed, 0, np.repeat(IDLE[None], 5, 0))
        episodes.environment._init_states = states
        if trace["success"].any():
            break
    torch.save(state[None], file)
    libero_official.settings(folder, options.assets, f"{folder}/states")
    ours = replay(options, suite, task, folder, options.seed, 0, actions)
    libero_official.settings(folder, options.assets)
    episodes.environment._init_states = state[None]
    words, differences, _ = compare_contacts(episodes, options.seed, 0, actions, ours, trace)
    episodes.environment._init_states = states
    if not trace["success"].any():
        differences.append("the goal was not reached")
    return Result(place, words + ["reached"], differences, {"goals": int(trace["success"].any())})


def demonstrations(options, suite, task, folder, episodes):
    """Episodes of this program's expert, as the official stack sees them."""
    made = json.loads(
        run([options.measurements, "demonstrations", suite, task, options.seed, options.episodes, folder])
    )
    results = []
    for episode, (steps, solved) in enumerate(zip(made["steps"], made["successes"])):
        actions = np.load(f"{folder}/{episode}.npy")
        trace, _, _ = play(episodes, options.seed + episode, episode, actions)
        ours = replay(options, suite, task, folder, options.seed + episode, episode, actions)
        words, differences, deviation = compare_contacts(
            episodes, options.seed + episode, episode, actions, ours, trace
        )
        first = {
            name: int(np.argmax(flags)) if flags.any() else None
            for name, flags in (("ours", ours["success"]), ("theirs", trace["success"]))
        }
        if (first["ours"] is not None) != solved or (solved and first["ours"] != steps):
            differences.append(f"`replay` succeeds at {first['ours']}, the demonstration's steps are {steps}")
        words.append(f"success at {first['theirs']}" if solved else "failed")
        results.append(
            Result(
                f"{suite} {task}, demonstration {episode}",
                words,
                differences,
                {
                    "demonstrated": 1,
                    "solved": int(solved),
                    "agreed": int(solved and first["theirs"] is not None),
                    "same step": int(solved and first["theirs"] == first["ours"]),
                    "deviation": deviation,
                },
            )
        )
    return results


def compare(options, suite, task):
    """Everything about one task: its results, or which file its scene lacks; and how many seconds it took."""
    begun = time.time()
    with tempfile.TemporaryDirectory() as folder:
        libero_official.settings(folder, options.assets)
        try:
            episodes = libero_official.Episodes(suite, task)
        except (FileNotFoundError, ValueError) as error:
            missing = re.findall(r"[^\s'\"]+\.(?:xml|stl|obj|msh|png)", str(error))
            if missing:
                return missing[-1].replace(options.assets, "").lstrip("/"), time.time() - begun
            raise
        results = []
        # Absolute actions are the controller's matter, not the task's.
        more = [absolute_run] * (task == 0) + [demonstrations] * (suite == "libero_spatial")
        for comparison in (random_run, goal_run, *more):
            try:
                found = comparison(options, suite, task, folder, episodes)
                results += found if isinstance(found, list) else [found]
            except (RuntimeError, KeyError) as error:
                results.append(Result(f"{suite} {task}", [comparison.__name__], [str(error)]))
        return results, time.time() - begun


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
    parser.add_argument("--episodes", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    options.assets = libero_official.unpack(options.assets, tempfile.gettempdir())
    os.environ.update(MUJOCO_GL="osmesa", PYOPENGL_PLATFORM="osmesa")
    begun, seconds = time.time(), 0.0
    results, missing = [], {}
    # A process for each task: the official stack does not give back what an environment took.
    with concurrent.futures.ProcessPoolExecutor(
        options.workers, multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        futures = {pool.submit(compare, options, *task): task for task in wanted(options.tasks)}
        for future in concurrent.futures.as_completed(futures):
            (suite, task), (found, taken) = futures[future], future.result()
            seconds += taken
            if isinstance(found, str):
                missing.setdefault(found, []).append(f"{suite} {task}")
                print(f"{suite} {task}: SKIPPED, the assets lack {found}", flush=True)
                continue
            results += found
            for result in found:
                print(result.line, flush=True)
    return summary(options, len(futures), results, missing, time.time() - begun, seconds)


def summary(options, asked, results, missing, wall, seconds):
    def total(name):
        return sum(result.figures.get(name, 0) for result in results)

    different = [result for result in results if result.differences]
    skipped = sum(map(len, missing.values()))
    equal = sum("tasks" in result.figures and not result.differences for result in results)
    print(f"LIBERO: {asked} tasks, {asked - skipped} compared, {equal} equal, {skipped} skipped")
    for file, tasks in sorted(missing.items()):
        print(f"  {len(tasks)} skipped for want of {file}: {', '.join(tasks)}")
    print(f"goals: fulfilled and seen to be by both in {total('goals')} of {asked - skipped} tasks")
    deviations = [result.figures["deviation"] for result in results if "deviation" in result.figures]
    if deviations:
        print(
            f"demonstrations: {total('demonstrated')}, {total('solved')} solved; the official stack agreed on"
            f" {total('agreed')} of {total('solved')} successes, at the same step in {total('same step')};"
            f" qpos within {np.median(deviations):.0e} in half of them, {max(deviations):.0e} in all"
        )
    print(f"{wall:.0f} s with {options.workers} tasks at a time ({seconds:.0f} s of one)")
    for result in different:
        print(f"DIFFERENT: {result.line}")
    return int(bool(different) or asked == skipped)


if __name__ == "__main__":
    sys.exit(main())
