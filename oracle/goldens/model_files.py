"""Writes small safetensors and .npy files as the official packages write them.

Usage: python -m oracle.goldens.model_files FOLDER

Packages: numpy==2.2.6 safetensors==0.8.0
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file


def main(goldens: Path) -> None:
    goldens.mkdir(parents=True, exist_ok=True)
    save_file(
        {
            "b.float": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
            "a.int": np.array([-1, 2**40], dtype=np.int64),
            "mask": np.array([True, False, True]),
            "half": np.array([[1.5], [-2]], dtype=np.float16),
            "scalar": np.array(7, dtype=np.int32),
            "empty": np.zeros((0, 4), dtype=np.float32),
        },
        goldens / "official.safetensors",
        metadata={"format": "pt"},
    )
    for name in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1"]:
        values = np.array([[0, 1, 2], [3, 4, 127]]).astype(name)
        np.save(goldens / f"{name}.npy", values)
    np.save(goldens / "scalar.npy", np.float64(2.5))
    np.save(goldens / "vector.npy", np.arange(5, dtype=np.float32))
    np.save(goldens / "fortran.npy", np.asfortranarray(np.ones((2, 3), dtype=np.float32)))
    np.save(goldens / "big_endian.npy", np.ones(3, dtype=">f4"))
    with open(goldens / "version2.npy", "wb") as file:
        np.lib.format.write_array(file, np.arange(4, dtype=np.int32), version=(2, 0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
