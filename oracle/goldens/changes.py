"""Takes back what changed no value in the checkout's goldens, and says how the other files differ from the commit.

Usage: python -m oracle.goldens.changes   (called by oracle/goldens/regenerate.sh)

Packages: pyarrow==26.0.1 safetensors==0.8.0 torch==2.13.0

Written again, a safetensors file has its metadata in another order, a JSON file of LeRobot's has its keys in another
order, and a Parquet file has another fingerprint of its writer.
"""

import io
import json
import subprocess
from pathlib import Path

import pyarrow.parquet
from safetensors.torch import load


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], check=True, stdout=subprocess.PIPE).stdout


def header(content: bytes) -> dict:
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def difference(kind: str, old: bytes, new: bytes) -> str | None:
    """How two contents of a file differ in their values; None if they do not."""
    if kind == ".json":
        return None if json.loads(old) == json.loads(new) else "other values"
    if kind == ".parquet":
        tables = [pyarrow.parquet.read_table(io.BytesIO(content)) for content in (old, new)]
        return None if tables[0].equals(tables[1]) else "other values"
    if kind != ".safetensors":
        return "other bytes"
    if header(old).get("__metadata__") != header(new).get("__metadata__"):
        return "other metadata"
    before, after = load(old), load(new)
    if {key: (value.dtype, value.shape) for key, value in before.items()} != {
        key: (value.dtype, value.shape) for key, value in after.items()
    }:
        return "other tensors"
    changed = {key: value.double() for key, value in before.items() if not value.equal(after[key])}
    if not changed:
        return None
    deviations = {
        key: ((after[key].double() - value).norm() / max(value.norm(), 1e-12)).item() for key, value in changed.items()
    }
    worst = max(deviations, key=deviations.get)
    return f"{len(changed)} of {len(before)} tensors, by {deviations[worst]:.1e} at {worst}"


def main() -> None:
    same = different = 0
    for line in git("status", "--porcelain", "-z", "--untracked-files=all", "--", "Tests").decode().split("\0"):
        if not line:
            continue
        state, path = line[:2], Path(line[3:])
        if not any(part.endswith("Goldens") for part in path.parts):
            continue
        if state == " M":
            old = git("show", f"HEAD:{path}")
            found = difference(path.suffix, old, path.read_bytes())
            if found is None:
                path.write_bytes(old)
                same += 1
                continue
        else:
            found = {"??": "new", " D": "gone"}.get(state, f"git says {state}")
        different += 1
        print(f"  {path}: {found}")
    if same:
        print(f"{same} files with the same values in another order are as committed again")
    print(f"{different} files differ from the commit" if different else "every golden is as committed")


if __name__ == "__main__":
    main()
