"""Writes LeRobot's processors for SmolVLA as LeRobot saves them, and what they make of a batch.

Usage: python -m oracle.goldens.processors FOLDER

Packages: lerobot==0.4.4 transformers==4.57.6 torch==2.13.0 safetensors==0.8.0

FOLDER/tokenizer is there already: the committed tokenizer that the processors use.
"""

import os
import shutil
import sys
from pathlib import Path

import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig
from lerobot.policies.smolvla.processor_smolvla import make_smolvla_pre_post_processors
from safetensors.torch import save_file

CASES = {
    "mean_std": ("longest", 48, NormalizationMode.MEAN_STD, NormalizationMode.MEAN_STD),
    "min_max": ("max_length", 6, NormalizationMode.MIN_MAX, NormalizationMode.MIN_MAX),
    "mixed": ("longest", 24, NormalizationMode.MEAN_STD, NormalizationMode.IDENTITY),
}
TASKS = ["turn on the stove", "Put 12 cups, 3 plates (now)!\n", "push"]


def statistics(size, generator):
    values = torch.randn(5, size, generator=generator)
    low, high = values.min(0).values, values.max(0).values
    low[0] = high[0]  # a feature that never moves
    return {"mean": values.mean(0), "std": values.std(0).abs(), "min": low, "max": high}


def main(folder: Path) -> None:
    # The tokenizer has a relative name.
    os.chdir(folder)
    for seed, (name, (padding, length, state_mode, action_mode)) in enumerate(CASES.items()):
        generator = torch.Generator().manual_seed(seed)
        config = SmolVLAConfig(
            device="cpu",
            vlm_model_name="./tokenizer",
            pad_language_to=padding,
            tokenizer_max_length=length,
            normalization_mapping={"VISUAL": NormalizationMode.IDENTITY, "STATE": state_mode, "ACTION": action_mode},
            input_features={
                "observation.state": PolicyFeature(FeatureType.STATE, (4,)),
                "observation.images.image": PolicyFeature(FeatureType.VISUAL, (3, 6, 5)),
            },
            output_features={"action": PolicyFeature(FeatureType.ACTION, (3,))},
        )
        stats = {"observation.state": statistics(4, generator), "action": statistics(3, generator)}
        before, after = make_smolvla_pre_post_processors(config, stats)
        batch = {
            "observation.state": torch.randn(3, 4, generator=generator) * 2,
            "observation.images.image": torch.rand(3, 3, 6, 5, generator=generator),
            "action": torch.randn(3, 5, 3, generator=generator),
        }
        prepared = before({**batch, "task": TASKS})
        planned = torch.randn(3, 5, 3, generator=generator)
        numbers = {f"in/{key}": value for key, value in batch.items()}
        numbers["in/planned"] = planned
        for key, value in prepared.items():
            if isinstance(value, torch.Tensor) and (key.startswith("observation.") or key == "action"):
                numbers[f"out/{key}"] = value
        numbers["out/planned"] = after(planned)
        case = folder / name
        shutil.rmtree(case, ignore_errors=True)
        before.save_pretrained(case)
        after.save_pretrained(case)
        save_file({key: value.clone().contiguous() for key, value in numbers.items()}, case / "numbers.safetensors")
        print(name, {key: tuple(value.shape) for key, value in numbers.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
