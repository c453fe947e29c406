"""Compares two folders of goldens: do committed and fresh safetensors files hold the same numbers, but for float noise?

Usage: python -m oracle.parity.golden_files COMMITTED FRESH

Packages: safetensors==0.8.0 torch==2.13.0 numpy==2.2.6
"""

import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open

TOLERANCE = 2e-5


def compare(committed, fresh):
    """Prints the largest deviation of each file and returns whether all are float noise."""
    equal, paths = True, sorted(path.relative_to(committed) for path in committed.rglob("*.safetensors"))
    others = sorted(path.relative_to(fresh) for path in fresh.rglob("*.safetensors"))
    for path in sorted(set(paths) ^ set(others)):
        print(f"goldens {path}: only in {'the committed' if path in paths else 'the fresh'} ones")
        equal = False
    for path in sorted(set(paths) & set(others)):
        worst, place = 0.0, "-"
        with safe_open(committed / path, "pt") as old, safe_open(fresh / path, "pt") as new:
            same = sorted(old.keys()) == sorted(new.keys()) and old.metadata() == new.metadata()
            total = max([old.get_tensor(key).norm().item() for key in old.keys() if key.startswith("g/")] or [0])
            for key in old.keys() if same else []:
                a, b = old.get_tensor(key).double(), new.get_tensor(key).double()
                # A gradient that is zero but for rounding has no direction of its own.
                floor = 1e-2 * total if key.startswith("g/") else 1e-12
                deviation = ((a - b).norm() / max(a.norm().item(), floor)).item() if a.shape == b.shape else np.inf
                if deviation > worst:
                    worst, place = deviation, key
        good = same and worst < TOLERANCE
        equal = equal and good
        print(f"goldens {path}: {'equal' if good else 'DIFFERENT'}, largest deviation {worst:.1e} at {place}")
    return equal


if __name__ == "__main__":
    sys.exit(0 if compare(Path(sys.argv[1]), Path(sys.argv[2])) else 1)
