"""Checks that an environment has the packages that the scripts need: versions as pinned, modules that can be imported.

Usage: python -m oracle.environment.check NAME==VERSION … MODULE …   (called by oracle/environment/setup.sh)

Packages: none
"""

import importlib
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path


def main(requirements: list[str]) -> None:
    pinned = dict(item.split("==") for item in requirements if "==" in item)
    for name, expected in pinned.items():
        # A local part names the build, as in 2.13.0+cpu.
        found = version(name).split("+")[0]
        assert found == expected, f"{name} {found} is installed, {expected} is needed"
    with tempfile.TemporaryDirectory() as folder:
        # Without a config file LIBERO's import asks a question.
        (Path(folder) / "config.yaml").write_text("{}\n")
        os.environ.update(LIBERO_CONFIG_PATH=folder, MUJOCO_GL="osmesa")
        for module in requirements:
            if "==" not in module:
                importlib.import_module(module)


if __name__ == "__main__":
    main(sys.argv[1:])
