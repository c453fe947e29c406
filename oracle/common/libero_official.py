"""The official LIBERO stack as the scripts drive it: its settings, its environment, its compiled model's fields.

Usage: imported, not run. Before anything of the stack's, which reads its settings while it is imported.

Packages: hf-libero==0.1.4 robosuite==1.4.0 mujoco==3.3.2 lerobot==0.4.4
"""

import contextlib
import hashlib
import importlib.util
import logging
import os
import re
import sys
import tarfile

import numpy as np

SUITES = ("libero_spatial", "libero_object", "libero_goal", "libero_10", "libero_90")
# Paths differ between machines; sizes of buffers and the signature follow from them.
UNCOMPARED = {"paths", "npaths", "nbuffer", "narena", "signature"}
ELEMENTS = {"body": "nbody", "joint": "njnt", "geom": "ngeom", "site": "nsite", "camera": "ncam", "actuator": "nu"}


def settings(folder, assets, states=None):
    """Writes LIBERO's config.yaml into `folder` and has both stacks read it; `states` is a folder of initial states."""
    root = os.path.join(importlib.util.find_spec("libero").submodule_search_locations[0], "libero")
    with open(f"{folder}/config.yaml", "w") as file:
        file.write(
            f"benchmark_root: {root}\nbddl_files: {root}/bddl_files\ninit_states: {states or root + '/init_files'}\n"
        )
        file.write(f"datasets: {root}/../datasets\nassets: {assets}\n")
    os.environ["LIBERO_CONFIG_PATH"] = folder
    os.environ["WM_LIBERO_ASSETS"] = assets


def unpack(archive, folder):
    """Unpacks a tar file of assets, once, and gives the folder that holds them."""
    if os.path.isdir(archive):
        return os.path.abspath(archive)
    size = os.path.getsize(archive)
    target = os.path.join(folder, f"lerobot-wm-libero-assets-{size}")
    if not os.path.isdir(target):
        partial = f"{target}.{os.getpid()}"
        with tarfile.open(archive) as file:
            file.extractall(partial, filter="data")
        os.rename(partial, target)
    inner = [name for name in os.listdir(target) if os.path.isdir(os.path.join(target, name))]
    return os.path.join(target, inner[0]) if len(inner) == 1 else target


def load():
    """Imports the stack with the assets of `settings`; gives LeRobot's module of LIBERO."""
    logging.disable(logging.WARNING)
    with contextlib.redirect_stdout(sys.stderr):
        import libero.libero

        # hf-libero ignores `assets:` of its own settings; this is where it keeps what it found.
        libero.libero._assets_path_cache = os.environ["WM_LIBERO_ASSETS"]
        import lerobot.envs.libero
    return lerobot.envs.libero


def environment(suite, task, size=256):
    """One LiberoEnv, constructed (which resets it once)."""
    module = load()
    with contextlib.redirect_stdout(sys.stderr):
        return module.LiberoEnv(
            module._get_suite(suite),
            task,
            suite,
            obs_type="pixels_agent_pos",
            observation_width=size,
            observation_height=size,
        )


class Episodes:
    """Episodes of one LiberoEnv, each as of a new environment that was made and then reset with a seed.

    Images are blank but where they are asked for: they take most of the official stack's time, and physics does not
    see them.
    """

    def __init__(self, suite, task):
        load()
        from robosuite.utils.binding_utils import MjSim

        self._draws = False
        render = MjSim.render

        def drawn(sim, width=None, height=None, **named):
            return render(sim, width, height, **named) if self._draws else np.zeros((height, width, 3), np.uint8)

        MjSim.render = drawn
        self.environment = environment(suite, task)
        # Every load of the model adds the open/close samplers once more: each reset goes back to the new environment's.
        self._samplers = list(self.environment._env.env.object_property_initializers)

    def reset(self, seed, state, began=lambda: None, draw=False):
        """Begins at one of the task's initial states, settled; `began` is called once the scene is built."""
        wrapped = self.environment._env
        wrapped.env.object_property_initializers = list(self._samplers)
        begin, step, steps = wrapped.set_init_state, wrapped.step, 0

        def beginning(state):
            began()
            return begin(state)

        def settling(action):
            nonlocal steps
            steps += 1
            self._draws = draw and steps == self.environment.num_steps_wait
            return step(action)

        wrapped.set_init_state, wrapped.step = beginning, settling
        self.environment.init_state_id = state
        with contextlib.redirect_stdout(sys.stderr):
            observation, _ = self.environment.reset(seed=seed)
        del wrapped.set_init_state, wrapped.step
        self._draws = False
        return observation

    def step(self, action, draw=False):
        """LiberoEnv.step without the reset that follows a success there: observation, reward, success."""
        self._draws = draw
        observation, reward, done, _ = self.environment._env.step(action)
        self._draws = False
        success = self.environment._env.check_success()
        assert success == done, "the official stack contradicts itself"
        return self.environment._format_raw_obs(observation), reward, success


def fields(model):
    """Every array of the model, and the options, by the names of MuJoCo's header: the starts of their SHA-256 sums."""
    found = {}
    for name in dir(model):
        if name.startswith("_") or name in UNCOMPARED or re.search("pathadr$", name):
            continue
        value = getattr(model, name)
        if isinstance(value, np.ndarray):
            found[name] = value
        elif isinstance(value, bytes):
            found[name] = np.frombuffer(value, np.uint8)
        elif isinstance(value, int):
            found[name] = np.array(value, np.int32)
    for name in dir(model.opt):
        value = getattr(model.opt, name)
        if not name.startswith("_") and not callable(value):
            found[f"opt.{name}"] = np.asarray(value, np.int32 if isinstance(value, int) else np.float64)
    stat = model.stat
    found["stat"] = np.array([stat.meaninertia, stat.meanmass, stat.meansize, stat.extent, *stat.center], np.float64)
    return {key: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16] for key, value in found.items()}


def names(model):
    """The names of bodies, joints, geoms, sites, cameras and actuators that have one, in the model's order."""
    import mujoco

    kinds = {
        "body": "BODY",
        "joint": "JOINT",
        "geom": "GEOM",
        "site": "SITE",
        "camera": "CAMERA",
        "actuator": "ACTUATOR",
    }
    found = {}
    for kind, count in ELEMENTS.items():
        code = getattr(mujoco.mjtObj, f"mjOBJ_{kinds[kind]}")
        every = (mujoco.mj_id2name(model, code, index) for index in range(getattr(model, count)))
        found[kind] = [name for name in every if name]
    return found
