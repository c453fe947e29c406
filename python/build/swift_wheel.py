"""The build backend of pyproject.toml: builds the Swift program and library, and packs them with the Python package.

`WM_SWIFT_FLAGS` is given to `swift build` in place of `-c release`, and the shims in the folder `WM_WHEEL_SHIMS` go into the
wheel, where they spare a user of the same torch a compiler; `make wheel` sets both. The backend needs nothing but
Python's own modules, so that a build fetches nothing.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import re
import shlex
import subprocess
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("lerobot_wm", "world_modality")
# What the shims are compiled from on the user's machine, and the demo.
_SOURCES = ("setup/build_shims.sh", "setup/engines.lock", "scripts/demo.sh", "Sources/Engines/Loading/shim",
            "Sources/Engines/Torch/shim", "Sources/Engines/Torch/CTorch/include", "Sources/Engines/Parquet/shim",
            "Sources/Engines/Parquet/CArrow/include", "Sources/Engines/Media/shim",
            "Sources/Engines/Media/CMedia/include", "Sources/Engines/Loading/CEngineLoading/include",
            "Sources/Python/shim", "Sources/Python/CPythonCore/include")  # fmt: skip

_STATIC = "--static-swift-stdlib"
# Those that need nothing of the system but the C++ runtime.
_PORTABLE_SHIMS = ("libwm_torch-", "libwm_operators-", "libwm_arrow")


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    built = _build()
    files: dict[str, Path | bytes] = {}
    for package in _PACKAGES:
        for file in sorted((ROOT / "python" / package).glob("*")):
            if file.suffix == ".py" or file.name == "py.typed":
                files[f"{package}/{file.name}"] = file
    native = "lerobot_wm/native"
    for name in ("lerobot-wm", "liblerobot_wm.so"):
        files[f"{native}/bin/{name}"] = built / name
    binaries = [built / "lerobot-wm", built / "liblerobot_wm.so"]
    if shims := os.environ.get("WM_WHEEL_SHIMS"):
        for shim in sorted(Path(shims).glob("libwm_*.so")):
            if shim.name.startswith(_PORTABLE_SHIMS):
                files[f"{native}/shims/{shim.name}"] = shim
                binaries.append(shim)
    for source in _SOURCES:
        place = ROOT / source
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            if file.is_file():
                files[f"{native}/{file.relative_to(ROOT)}"] = file
    # Without the Swift runtime in it, it is for this machine.
    platform_tag = _tag(binaries) if _STATIC in _flags() else f"linux_{platform.machine()}"
    return _write(Path(wheel_directory), platform_tag, files)


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: object = None) -> str:
    # Without it a build's front end would build everything to read the name.
    project = _project()
    info = f"{project['name']}-{project['version']}.dist-info"
    folder = Path(metadata_directory) / info
    folder.mkdir()
    (folder / "METADATA").write_text(_metadata(project))
    (folder / "entry_points.txt").write_text(_entry_points(project))
    return info


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_editable(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    _build()
    path = str(ROOT / "python") + "\n"
    return _write(Path(wheel_directory), f"linux_{platform.machine()}", {"lerobot_wm.pth": path.encode()})


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    raise RuntimeError("there is no source distribution; clone the repository and run `pip install .` in it")


def _flags() -> list[str]:
    return shlex.split(os.environ.get("WM_SWIFT_FLAGS", "-c release"))


def _build() -> Path:
    """Builds both products; returns the folder that they are in."""
    flags = _flags()
    try:
        for product in ("lerobot-wm", "lerobot_wm"):
            subprocess.run(["swift", "build", *flags, "--product", product], cwd=ROOT, check=True)
        shown = subprocess.run(["swift", "build", *flags, "--show-bin-path"], cwd=ROOT, check=True, capture_output=True)
    except FileNotFoundError:
        raise RuntimeError("swift is not installed; install Swift 6.1 or newer, or a binary wheel") from None
    built = Path(shown.stdout.decode().strip())
    if _STATIC in flags:
        _link_statically(built)
    return built


def _link_statically(built: Path) -> None:
    """Links the library again, with the Swift runtime in it, which SwiftPM does for programs only."""
    objects = built / "lerobot_wm.product" / "Objects.LinkFileList"
    library = ["-emit-library", "-module-name", "lerobot_wm", "-o", str(built / "liblerobot_wm.so")]
    command = ["swiftc", *library, "-static-stdlib", f"@{objects}", "-lstdc++", "-Xlinker", "-s"]
    subprocess.run(command, cwd=ROOT, check=True)


def _tag(binaries: list[Path]) -> str:
    """The lowest platform that the binaries run on: the highest version of glibc that one of their symbols needs."""
    needed = (2, 17)
    for binary in binaries:
        for version in re.findall(rb"\0GLIBC_2\.(\d+)(?=\0|\.)", binary.read_bytes()):
            needed = max(needed, (2, int(version)))
    return f"manylinux_{needed[0]}_{needed[1]}_{platform.machine()}"


def _project() -> dict[str, str]:
    """The few lines of pyproject.toml that go into a wheel; Python 3.10 has no parser for it."""
    text = (ROOT / "pyproject.toml").read_text()
    project = {name: value for name, value in re.findall(r'^([\w-]+) = "(.*)"$', text, re.M)}
    project["dependencies"] = re.search(r"^dependencies = \[(.*)\]$", text, re.M)[1]
    project["scripts"] = text.split("[project.scripts]")[1].split("\n[")[0].strip().replace('"', "")
    return project


def _metadata(project: dict[str, str]) -> str:
    requirements = "".join(f"Requires-Dist: {each}\n" for each in re.findall(r'"([^"]+)"', project["dependencies"]))
    text = (ROOT / "pyproject.toml").read_text()
    for extra, listed in re.findall(r"^(\w+) = \[(.*)\]$", text.split("[project.optional-dependencies]")[1], re.M):
        requirements += f"Provides-Extra: {extra}\n"
        requirements += "".join(
            f'Requires-Dist: {each}; extra == "{extra}"\n' for each in re.findall(r'"([^"]+)"', listed)
        )
    return (
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        f"Summary: {project['description']}\nRequires-Python: {project['requires-python']}\n{requirements}"
        f"Description-Content-Type: text/markdown\n\n{(ROOT / project['readme']).read_text()}"
    )


def _entry_points(project: dict[str, str]) -> str:
    return f"[console_scripts]\n{project['scripts']}\n"


def _write(folder: Path, platform_tag: str, files: dict[str, Path | bytes]) -> str:
    project = _project()
    name = f"{project['name']}-{project['version']}"
    tag = f"py3-none-{platform_tag}"
    info = f"{name}.dist-info"
    files = files | {
        f"{info}/METADATA": _metadata(project).encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: swift_wheel\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
        f"{info}/entry_points.txt": _entry_points(project).encode(),
    }
    records = []
    wheel = f"{name}-{tag}.whl"
    with zipfile.ZipFile(folder / wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            data = content if isinstance(content, bytes) else content.read_bytes()
            entry = zipfile.ZipInfo(path)
            executable = not isinstance(content, bytes) and os.access(content, os.X_OK)
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            records.append(f"{path},sha256={digest},{len(data)}")
        archive.writestr(f"{info}/RECORD", "\n".join([*records, f"{info}/RECORD,,", ""]))
    return wheel
