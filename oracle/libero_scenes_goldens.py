"""Goldens of NumPy's legacy generator and of LIBERO's initial states. Needs numpy 2.3 and hf-libero 0.1.4's files.

Run: python oracle/libero_scenes_goldens.py .deps/engines/hf-libero/libero/libero/init_files Tests/Simulation/LiberoSimulationTests/Goldens
"""
import glob
import hashlib
import json
import os
import pickle
import sys
import zipfile

import numpy as np

cases = []
for seed in (0, 7, 1000, 2**32 - 1):
    np.random.seed(seed)
    draws = {"seed": seed, "randn": np.random.randn(7).tolist()}
    draws["uniform"] = [np.random.uniform(0.25, -1.5) for _ in range(700)][-4:]
    draws["randint"] = [int(np.random.randint(n)) for n in (1, 2, 3, 10, 1000, 1, 100000)]
    draws["after"] = float(np.random.random_sample())
    cases.append(draws)
with open(f"{sys.argv[2]}/legacy_random.json", "w") as file:
    json.dump(cases, file, indent=1)

states = {}
for path in sorted(glob.glob(f"{sys.argv[1]}/*/*.pruned_init")):
    with zipfile.ZipFile(path) as archive:
        array = pickle.loads(archive.read("archive/data.pkl"))
    suite, name = path.split(os.sep)[-2:]
    states[f"{suite}/{name}"] = [*array.shape, hashlib.sha256(array.tobytes()).hexdigest()[:16]]
with open(f"{sys.argv[2]}/initial_states.json", "w") as file:
    json.dump(states, file, indent=0)
