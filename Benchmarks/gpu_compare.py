"""Compares numbers that `lerobot-wm probe` wrote: python3 gpu_compare.py WHAT EXPECTED FOUND TOLERANCE

Reads safetensors without a package. Compared are the outputs and gradients that both files have, each by the norm of its
difference; fails if one deviates by more, or if there is nothing to compare.
"""

import json
import struct
import sys
from pathlib import Path

import torch

KINDS = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64, "BOOL": torch.bool}


def tensors(path):
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + length]), bytearray(data[8 + length :])
    header.pop("__metadata__", None)
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        if entry["dtype"] in KINDS and last > first:
            yield name, torch.frombuffer(body[first:last], dtype=KINDS[entry["dtype"]]).double()


what, expected, found, tolerance = sys.argv[1:]
theirs, ours, worst = dict(tensors(expected)), dict(tensors(found)), {}
for name in sorted(theirs.keys() & ours.keys()):
    kind = "gradients" if name.startswith("g/") else "actions" if name == "out/actions" else "outputs"
    if not name.startswith(("g/", "out/")) or ours[name].shape != theirs[name].shape:
        continue
    deviation = (ours[name] - theirs[name]).norm() / theirs[name].norm().clamp_min(1e-12)
    worst[kind] = max(worst.get(kind, 0), deviation.item())
holds = bool(worst) and max(worst.values()) <= float(tolerance)
print(f"{what:<50}", ", ".join(f"{kind} {value:.1e}" for kind, value in worst.items()), "" if holds else "DIFFERENT")
sys.exit(not holds)
