"""The engines that this Python environment has installed, laid out as the native program expects its `.deps` folder.

The folder is in the cache, one for each environment, and holds links to the installed torch, MuJoCo and pyarrow and the shims
that were compiled against them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

from .errors import Error
from .installation import native_root

# What is used of each package, and whether everything needs it.
_LINKED = {"torch": True, "pyarrow": True, "mujoco": False}
# Packages that are read as data: name, and the folder that tells that the package is installed.
_DATA = {"hf-libero": "libero", "robosuite": "robosuite"}
# What is read by a shim that not everything needs.
_READ_BY = {"arrow": "datasets", "images": "recorded images", "videos": "videos"}


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "lerobot-wm"


def _installed(name: str) -> Path | None:
    """A package's folder, without importing it."""
    spec = find_spec(name)
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) if places else None


def folder(needs_libero: bool = False) -> Path:
    """The engines' folder, made where it is not there yet.

    It links the engines of this environment; their shims are `compile_shims`'s. With `needs_libero` it also fetches LIBERO's
    task files and robosuite's robot models where these packages are not installed.
    """
    found = {name: _installed(name) for name in _LINKED}
    for name, place in found.items():
        if place is None and _LINKED[name]:
            raise Error(f"{name} is not installed in this environment; run `pip install {name}`")
    key = hashlib.sha256("\n".join(f"{name} {place}" for name, place in found.items()).encode()).hexdigest()[:16]
    deps = _cache() / f"engines-{key}"
    for part in ("engines", "shims"):
        (deps / part).mkdir(parents=True, exist_ok=True)
    with open(deps / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name, place in found.items():
            if place is not None:
                _link(deps / "engines" / name / name, place)
        if needs_libero:
            for name, package in _DATA.items():
                _link(deps / "engines" / name / package, _data(name, package))
    return deps


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and os.readlink(link) == str(target):
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _data(name: str, package: str) -> Path:
    """The folder of a package that is read as data: that of the pinned version, which is fetched once."""
    version, digest = _pinned(name)
    place = _cache() / "data" / f"{name}-{version}"
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as partial:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", partial]
            fetched = subprocess.run([*command, f"{name}=={version}"], capture_output=True, text=True)
            wheels = list(Path(partial).glob("*.whl"))
            if fetched.returncode or not wheels:
                reason = (fetched.stderr.strip().splitlines() or ["no reason given"])[-1]
                raise Error(f"pip could not fetch {name} {version}: {reason}")
            if hashlib.sha256(wheels[0].read_bytes()).hexdigest() != digest:
                raise Error(f"{name}'s wheel is not the pinned one; check the package index")
            with zipfile.ZipFile(wheels[0]) as archive:
                archive.extractall(Path(partial) / "unpacked")
            os.rename(Path(partial) / "unpacked", place)
    return place / package


def _pinned(name: str) -> tuple[str, str]:
    for line in (native_root() / "setup" / "engines.lock").read_text().splitlines():
        words = line.split()
        if len(words) == 4 and words[1] == name:
            return words[2], words[3]
    raise Error(f"setup/engines.lock pins no {name}; install lerobot_wm again")


def compile_shims(deps: Path, only_torch: bool = False) -> None:
    """Brings the shims into an engines' folder: those that came with the wheel where they fit, else compiled ones.

    A shim that is there and newer than its sources stays. Without those in `_READ_BY` the program works, but reads none of these.
    """
    root = native_root()
    with open(deps / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for shim in (root / "shims").glob("*.so"):
            place = deps / "shims" / shim.name
            if not place.exists():
                # Newer than its sources; whole under its name, since it is opened without the lock.
                partial = place.with_suffix(".partial")
                shutil.copy(shim, partial)
                os.replace(partial, place)
        # In one call where nothing stands in the way.
        if _compile(root, deps, "torch", "operators", *([] if only_torch else _READ_BY)) is None:
            return
        if problem := _compile(root, deps, "torch", "operators"):
            raise Error(f"the shim for this torch could not be compiled: {problem}")
        for name, read in {} if only_torch else _READ_BY.items():
            if problem := _compile(root, deps, name):
                print(f"lerobot-wm: {read} cannot be read: {problem}", file=sys.stderr)


def _compile(root: Path, deps: Path, *shims: str) -> str | None:
    """Compiles shims that are not there yet; returns what stands in the way."""
    environment = {name: value for name, value in os.environ.items() if name != "WM_TORCH_DIR"}
    result = subprocess.run(
        [str(root / "setup" / "build_shims.sh"), str(deps), *shims], env=environment, capture_output=True, text=True
    )
    if result.returncode == 0:
        return None
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        return f"{compiler} is not installed; run `apt-get install g++`"
    lines = result.stderr.splitlines()
    known = [line.removeprefix("setup: ") for line in lines if line.startswith("setup: ")]
    return next(iter(known or [line for line in lines if "error" in line] or lines), "no reason given")


def environment(deps: Path) -> dict[str, str]:
    """The variables by which the native program finds these engines."""
    return {"WM_DEPS_DIR": str(deps), "WM_TORCH_DIR": str((deps / "engines/torch/torch").resolve())}
