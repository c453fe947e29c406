"""Writes numbers of NumPy's legacy generator, and the shapes and sums of LIBERO's initial states.

Usage: python -m oracle.goldens.libero_initial_states FOLDER INIT_FILES

Packages: numpy==2.2.6

INIT_FILES is hf-libero's folder of initial states, .deps/engines/hf-libero/libero/libero/init_files.
"""

import glob
import hashlib
import json
import os
import pickle
import sys
import zipfile

import numpy as np


def main(folder: str, init_files: str) -> None:
    cases = []
    for seed in (0, 7, 1000, 2**32 - 1):
        np.random.seed(seed)
        draws = {"seed": seed, "randn": np.random.randn(7).tolist()}
        draws["uniform"] = [np.random.uniform(0.25, -1.5) for _ in range(700)][-4:]
        draws["randint"] = [int(np.random.randint(n)) for n in (1, 2, 3, 10, 1000, 1, 100000)]
        draws["after"] = float(np.random.random_sample())
        cases.append(draws)
    with open(f"{folder}/legacy_random.json", "w") as file:
        json.dump(cases, file, indent=1)

    states = {}
    for path in sorted(glob.glob(f"{init_files}/*/*.pruned_init")):
        with zipfile.ZipFile(path) as archive:
            array = pickle.loads(archive.read("archive/data.pkl"))
        suite, name = path.split(os.sep)[-2:]
        states[f"{suite}/{name}"] = [*array.shape, hashlib.sha256(array.tobytes()).hexdigest()[:16]]
    with open(f"{folder}/initial_states.json", "w") as file:
        json.dump(states, file, indent=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
