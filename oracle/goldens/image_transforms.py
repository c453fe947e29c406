"""Writes an image changed by torchvision's v2 functionals on float32, as LeRobot's image transforms call them.

Usage: python -m oracle.goldens.image_transforms FOLDER        the fixed cases
       python -m oracle.goldens.image_transforms FOLDER SEED   another image, and amounts drawn at random too

Packages: lerobot==0.4.4 torchvision==0.28.0

transforms.json holds the image, each case's operation and arguments, and LeRobot's default configuration as draccus
encodes it; transforms.f32 holds each case's values, one after another.
"""

import json
import sys
from pathlib import Path

import draccus
import numpy as np
import torch
from lerobot.datasets.transforms import ImageTransformsConfig
from torchvision.transforms.v2 import functional

WIDTH, HEIGHT = 13, 10


def scene(seed: int) -> torch.Tensor:
    """Noise with gray, black, white and primary pixels among it, as LeRobot gives it: float32 [3, H, W] in [0, 1]."""
    pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[0, :8] = [
        [0, 0, 0],
        [255, 255, 255],
        [90, 90, 90],
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [7, 7, 9],
        [200, 200, 10],
    ]
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().to(torch.float32) / 255


def drawn(image: torch.Tensor, seed: int):
    random = np.random.default_rng(seed)
    for name, half in {"brightness": 0.2, "contrast": 0.2, "saturation": 0.5, "hue": 0.05, "sharpness": 0.5}.items():
        for _ in range(20):
            factor = float((0 if name == "hue" else 1) + random.uniform(-half, half))
            yield {"operation": name, "factor": factor}, getattr(functional, f"adjust_{name}")(image, factor)
    for _ in range(20):
        arguments = {
            "angle": float(random.uniform(-5, 5)),
            "translate": random.integers(-2, 3, 2).tolist(),
            "scale": 1.0,
            "shear": [0.0, 0.0],
        }
        yield {"operation": "affine", **arguments}, functional.affine(image, **arguments, fill=0)


def cases(image: torch.Tensor):
    for name, factors in {
        "brightness": [0, 0.8, 1, 1.2, 3],
        "contrast": [0, 0.8, 1.2, 2.5],
        "saturation": [0, 0.5, 1.5, 4],
        "hue": [-0.5, -0.31, -0.05, 0.02, 0.05, 0.4, 0.5],
        "sharpness": [0, 0.5, 1.5, 3],
    }.items():
        change = getattr(functional, f"adjust_{name}")
        for factor in factors:
            yield {"operation": name, "factor": factor}, change(image, factor)
    for angle, shift, scale, shear in [
        (0, (2, -1), 1, (0, 0)),
        (3.7, (0, 0), 1, (0, 0)),
        (-5, (-1, 1), 1, (0, 0)),
        (90, (0, 0), 1, (0, 0)),
        (31, (3, 2), 0.6, (0, 0)),
        (-12.5, (0, -2), 1.7, (10, 0)),
        (4, (1, 1), 1.1, (-20, 15)),
        (0, (40, 0), 1, (0, 0)),
    ]:
        arguments = {
            "angle": float(angle),
            "translate": list(shift),
            "scale": float(scale),
            "shear": list(map(float, shear)),
        }
        yield {"operation": "affine", **arguments}, functional.affine(image, **arguments, fill=0)
    thin = image[:, :2]
    yield {"operation": "sharpness", "factor": 3, "rows": 2}, functional.adjust_sharpness(thin, 3)


def main(folder: Path, seed: int | None) -> None:
    image = scene(5 if seed is None else seed)
    described, values = [], []
    for case, result in [*cases(image), *([] if seed is None else drawn(image, seed))]:
        described.append(case)
        values.append(result.to(torch.float32).contiguous().numpy().tobytes())
    pixels = (image * 255).round().to(torch.uint8).permute(1, 2, 0).flatten().tolist()
    document = {
        "width": WIDTH,
        "height": HEIGHT,
        "pixels": pixels,
        "cases": described,
        "defaults": draccus.encode(ImageTransformsConfig()),
    }
    (folder / "transforms.json").write_text(json.dumps(document))
    (folder / "transforms.f32").write_bytes(b"".join(values))
    print(f"{len(described)} cases, {sum(map(len, values)) / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
