"""Dumps the official stack's compiled models: one .mjmodel.json per task, the start of a SHA-256 of every field.

Needs robosuite 1.4.0, hf-libero 0.1.4, bddl 1.0.1, mujoco 3.3.2, numpy 2.3; and scene assets, which hf-libero looks for
in its own folder `libero/libero/assets`. `LIBERO_CONFIG_PATH` must name a folder with a config.yaml, or the import asks.

Run: MUJOCO_GL=osmesa python oracle/libero_scenes.py OUTPUT SUITE [TASK …] [--seed S] [--arrays]
The state is that after `seed(S)` and one reset of a new environment. `--arrays` also writes OUTPUT/NAME.npz;
`--poses N` writes OUTPUT/NAME.poses.json instead: the fixtures' poses with the seeds S … S + N - 1.
"""
import argparse
import contextlib
import hashlib
import io
import json
import os
import re
import sys

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("output")
parser.add_argument("suite")
parser.add_argument("tasks", type=int, nargs="*")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--arrays", action="store_true")
parser.add_argument("--poses", type=int, default=0)
arguments = parser.parse_args()

with contextlib.redirect_stdout(sys.stderr):
    import libero.libero
    from libero.libero.envs import OffScreenRenderEnv

package = os.path.dirname(libero.libero.__file__)
namespace = {}
exec(open(f"{package}/benchmark/libero_suite_task_map.py").read(), namespace)
names = namespace["libero_task_map"][arguments.suite]

# Paths differ between machines; sizes of buffers and the signature follow from them.
SKIPPED = {"paths", "npaths", "nbuffer", "narena", "signature"}


def fields(model):
    """Every array of the model, and the options, by the names of MuJoCo's header."""
    found = {}
    for name in dir(model):
        if name.startswith("_") or name in SKIPPED or re.search("pathadr$", name):
            continue
        value = getattr(model, name)
        if isinstance(value, np.ndarray):
            found[name] = value
        elif isinstance(value, (bytes,)):
            found[name] = np.frombuffer(value, np.uint8)
        elif isinstance(value, int):
            found[name] = np.array(value, np.int32)
    for name in dir(model.opt):
        value = getattr(model.opt, name)
        if name.startswith("_") or callable(value):
            continue
        kind = np.int32 if isinstance(value, int) else np.float64
        found[f"opt.{name}"] = np.asarray(value, kind)
    stat = model.stat
    found["stat"] = np.array([stat.meaninertia, stat.meanmass, stat.meansize, stat.extent, *stat.center], np.float64)
    return found


def poses(environment, seeds):
    """The fixtures' poses after `seed(seed)` and a reset, each as of LeRobot's new environment, which was reset once."""
    inner = environment.env
    # Every load of the model adds the open/close samplers once more: go back to a new environment's.
    samplers = list(inner.object_property_initializers)
    found = []
    for seed in seeds:
        inner.object_property_initializers = list(samplers)
        with contextlib.redirect_stdout(io.StringIO()):
            environment.seed(seed)
            environment.reset()
        model = environment.sim.model
        bodies = {name: model.body_name2id(fixture.root_body) for name, fixture in inner.fixtures_dict.items()}
        found.append({
            "seed": seed,
            "poses": {f"{name}_main": [*model.body_pos[body], *model.body_quat[body]] for name, body in bodies.items()},
        })
    return found


os.makedirs(arguments.output, exist_ok=True)
for index in arguments.tasks or range(len(names)):
    file = f"{package}/bddl_files/{arguments.suite}/{names[index]}.bddl"
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            environment = OffScreenRenderEnv(bddl_file_name=file, camera_heights=64, camera_widths=64)
            # LeRobot's environment resets once, unseeded, while it is made; the samplers of joints count it.
            environment.reset()
            if not arguments.poses:
                environment.seed(arguments.seed)
                environment.reset()
    except (FileNotFoundError, ValueError) as error:
        # An asset that this machine lacks: say which, and go on.
        print(arguments.suite, index, names[index], "SKIPPED:", str(error).strip().splitlines()[-1], flush=True)
        continue
    stem = f"{arguments.output}/{arguments.suite}_{index}"
    if arguments.poses:
        seeds = range(arguments.seed, arguments.seed + arguments.poses)
        record = {"suite": arguments.suite, "task": index, "episodes": poses(environment, seeds)}
        with open(f"{stem}.poses.json", "w") as output:
            json.dump(record, output, indent=0)
        print(arguments.suite, index, names[index], len(seeds), "seeds", flush=True)
        environment.close()
        continue
    found = fields(environment.sim.model._model)
    record = {
        "suite": arguments.suite, "task": index, "name": names[index], "seed": arguments.seed,
        "fields": {key: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16] for key, value in found.items()},
    }
    with open(f"{stem}.mjmodel.json", "w") as output:
        json.dump(record, output, indent=0, sort_keys=True)
    if arguments.arrays:
        np.savez(f"{stem}.npz", **found)
    print(arguments.suite, index, names[index], len(found), "fields", flush=True)
    environment.close()
