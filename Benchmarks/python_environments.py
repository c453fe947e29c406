"""How fast gymnasium's LIBERO environments run beside the native ones, all looked at after each step.

Usage: PYTHON Benchmarks/python_environments.py LIBERO_MEASUREMENTS [ENVIRONMENTS] [STEPS]

PYTHON is that of an environment with the package; python_environments.sh makes one. LIBERO_CONFIG_PATH names the settings that
name the scene assets. Fails below 80 % of the native rate.
"""

import json
import subprocess
import sys
import time

import numpy as np
from lerobot_wm import LiberoVectorEnv, core, installation

measurements = sys.argv[1]
if "debug" in str(installation.library().resolve()):
    sys.exit("the package was built for debugging; time one that was installed with `pip install .`")
count, steps = [int(number) for number in sys.argv[2:4] + ["4", "20"][len(sys.argv[2:4]) :]]
task = ("libero_spatial", 0)
action = np.tile(np.array([0.1, 0, -0.05, 0, 0, 0, -1], np.float32), (count, 1))


def native() -> float:
    core.library(True)
    command = [measurements, "speed", task[0], str(task[1]), str(count), str(steps), "1"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["stepsPerSecond"]


def through_gymnasium() -> float:
    environments = LiberoVectorEnv(*task, num_envs=count)
    environments.reset(seed=0)
    environments.step(action)
    begun = time.perf_counter()
    for _ in range(steps):
        environments.step(action)
    rate = count * steps / (time.perf_counter() - begun)
    environments.close()
    return rate


# In turn, so that neither has the quieter machine.
rates = [(native(), through_gymnasium()) for _ in range(2)]
ours, theirs = (max(column) for column in zip(*rates))
print(f"{count} environments, looked at after each step: native {ours:.1f} steps/s, gymnasium {theirs:.1f} ({theirs / ours:.0%})")
sys.exit(theirs < 0.8 * ours)
