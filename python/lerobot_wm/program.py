"""The console scripts: each becomes the native program, with this environment's engines."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from . import engines, installation
from .errors import Error

_WITHOUT_ENGINES = {"--help", "-h", "help", "--version"}


def _run(name: str, arguments: list[str]) -> NoReturn:
    try:
        variables = dict(os.environ)
        if not _WITHOUT_ENGINES.intersection(arguments):
            deps = engines.folder(needs_libero=any("libero" in argument for argument in arguments))
            engines.compile_shims(deps)
            variables.update(engines.environment(deps))
        if name == "lerobot-wm" and arguments[:1] == ["demo"]:
            script = str(installation.native_root() / "scripts" / "demo.sh")
            os.execve(script, [script], variables | {"WM_PROGRAM": str(installation.program())})
        os.execve(installation.program(), [name, *arguments], variables)
    except Error as error:
        sys.exit(f"lerobot-wm: {error}")


def main() -> NoReturn:
    """`lerobot-wm COMMAND …`; `lerobot-wm demo` runs the whole pipeline on the embedded suite."""
    _run("lerobot-wm", sys.argv[1:])


def train() -> NoReturn:
    """`lerobot-wm-train …`"""
    _run("lerobot-wm-train", sys.argv[1:])


def evaluate() -> NoReturn:
    """`lerobot-wm-eval …`"""
    _run("lerobot-wm-eval", sys.argv[1:])


def precompute() -> NoReturn:
    """`lerobot-wm-precompute …`"""
    _run("lerobot-wm-precompute", sys.argv[1:])
