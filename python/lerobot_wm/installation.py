"""Where the native program, the core's library and the shims' sources lie."""

from __future__ import annotations

from pathlib import Path

from .errors import Error

PACKAGE = Path(__file__).resolve().parent


def native_root() -> Path:
    """The folder with `setup/` and `Sources/`: the wheel's, or the checkout of an editable installation."""
    installed = PACKAGE / "native"
    return installed if installed.is_dir() else PACKAGE.parents[1]


def _built(name: str) -> Path:
    root = native_root()
    built = [root / folder / name for folder in ("bin", ".build/release", ".build/debug")]
    # Of several in a checkout the one that was built last.
    if built := [file for file in built if file.is_file()]:
        return max(built, key=lambda file: file.resolve().stat().st_mtime)
    raise Error(f"{name} was not built in {root}; run `pip install .` or `pip install -e .` there again")


def program() -> Path:
    """The native program."""
    return _built("lerobot-wm")


def library() -> Path:
    """The core as a shared library."""
    return _built("liblerobot_wm.so")
