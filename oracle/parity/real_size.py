"""Asks LeRobot for numbers of SmolVLA in its published size, with random weights, and compares ours with them.

Usage: python -m oracle.parity.real_size write FOLDER     LeRobot's checkpoint, one batch, LeRobot's numbers
       python -m oracle.parity.real_size compare FOLDER   FOLDER/ours.safetensors (lerobot-wm probe) with them
           (called by oracle/parity/real_size.sh)

Packages: lerobot==0.4.4 transformers==4.57.6 tokenizers==0.22.2 torch==2.13.0 safetensors==0.8.0 numpy==2.2.6

The backbone has the sizes of SmolVLM2-500M-Video-Instruct and the tests' small tokenizer; two cameras of 256² pixels,
state 8, action 7, chunks of 50, as on LIBERO. Everything is float32.
"""

import sys
import time
from contextlib import chdir
from pathlib import Path

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy
from lerobot.policies.smolvla.processor_smolvla import make_smolvla_pre_post_processors
from safetensors import safe_open
from safetensors.torch import save_file

from oracle.common.tiny_smolvla import write_named_backbone

TEXT = {
    "hidden_size": 960,
    "intermediate_size": 2560,
    "num_hidden_layers": 32,
    "num_attention_heads": 15,
    "num_key_value_heads": 5,
    "head_dim": 64,
    "vocab_size": 49280,
}
VISION = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 512,
    "patch_size": 16,
}
PARAMETERS = 450_046_176
TOLERANCE = 1e-4


def prepare(folder):
    """LeRobot's checkpoint in `folder`, its policy, and a batch with noise and time."""
    folder.mkdir(parents=True, exist_ok=True)
    write_named_backbone(folder / "backbone", text=TEXT, vision=VISION, scale_factor=4)
    generator = torch.Generator().manual_seed(5)
    with chdir(folder):
        visual = PolicyFeature(FeatureType.VISUAL, (3, 256, 256))
        config = SmolVLAConfig(
            device="cpu",
            push_to_hub=False,
            vlm_model_name="backbone",
            input_features={
                "observation.images.image": visual,
                "observation.images.image2": visual,
                "observation.state": PolicyFeature(FeatureType.STATE, (8,)),
            },
            output_features={"action": PolicyFeature(FeatureType.ACTION, (7,))},
        )
        torch.manual_seed(6)
        policy = SmolVLAPolicy(config)
        count = sum(parameter.numel() for parameter in policy.parameters())
        assert count == PARAMETERS, count
        policy.save_pretrained(folder)
        statistics = {
            key: {"mean": torch.zeros(size), "std": torch.ones(size)}
            for key, size in (("observation.state", 8), ("action", 7))
        }
        for processor in make_smolvla_pre_post_processors(config, statistics):
            processor.save_pretrained(folder)
    batch = {name: torch.rand(1, 3, 256, 256, generator=generator) for name in config.image_features}
    batch["observation.state"] = torch.randn(1, 8, generator=generator)
    batch["observation.language.tokens"] = torch.randint(6, 40, (1, 12), generator=generator)
    batch["observation.language.attention_mask"] = torch.ones(1, 12, dtype=torch.bool)
    batch["action"] = torch.randn(1, 50, 7, generator=generator)
    noise, moment = torch.randn(1, 50, 32, generator=generator), torch.full((1,), 0.4)
    return policy, batch, noise, moment


def save_batch(batch, noise, moment, folder):
    save_file(
        {f"in/{key}": value for key, value in {**batch, "noise": noise, "time": moment}.items()},
        folder / "batch.safetensors",
    )


def write(folder):
    policy, batch, noise, moment = prepare(folder)
    save_batch(batch, noise, moment, folder)
    config = policy.config
    numbers, seconds = {}, {}
    start = time.perf_counter()
    numbers["out/actions"] = policy.predict_action_chunk(dict(batch), noise=noise.clone())
    seconds["plan"] = time.perf_counter() - start
    policy.train()
    optimizer = torch.optim.AdamW(
        policy.get_optim_params(),
        lr=config.optimizer_lr,
        betas=config.optimizer_betas,
        eps=config.optimizer_eps,
        weight_decay=config.optimizer_weight_decay,
    )
    start = time.perf_counter()
    loss, _ = policy.forward(dict(batch), noise, moment)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(policy.parameters(), config.optimizer_grad_clip_norm)
    optimizer.step()
    seconds["step"] = time.perf_counter() - start
    numbers |= {"out/loss": loss.detach(), "out/gradnorm": norm.reshape(1)}
    numbers |= {f"w1/{name}": value.detach() for name, value in policy.named_parameters() if value.requires_grad}
    save_file(
        {key: value.contiguous() for key, value in numbers.items()},
        folder / "theirs.safetensors",
        metadata={key: str(value) for key, value in seconds.items()},
    )


def compare(folder):
    status = 0
    with safe_open(folder / "theirs.safetensors", "pt") as theirs, safe_open(folder / "ours.safetensors", "pt") as ours:

        def deviation(name):
            expected, found = theirs.get_tensor(name), ours.get_tensor(name).reshape(theirs.get_tensor(name).shape)
            return ((found - expected).norm() / expected.norm()).item()

        weights = {name: deviation(name) for name in theirs.keys() if name.startswith("w1/")}
        assert weights and set(weights) == {name for name in ours.keys() if name.startswith("w1/")}
        found = {
            "loss": deviation("out/loss"),
            "gradient norm": deviation("out/gradnorm"),
            "action chunk": deviation("out/actions"),
            "weights after a step": max(weights.values()),
        }
        for what, value in found.items():
            sign = "equal" if value < TOLERANCE else "DIFFERENT"
            status |= value >= TOLERANCE
            print(f"parity smolvla_450m: {what} {sign}, deviation {value:.1e} (tolerance {TOLERANCE:.0e})")
        print(
            "parity smolvla_450m: LeRobot took",
            ", ".join(f"{float(value):.1f} s for one {key}" for key, value in theirs.metadata().items()),
        )
    sys.exit(int(status))


if __name__ == "__main__":
    {"write": write, "compare": compare}[sys.argv[1]](Path(sys.argv[2]).resolve())
