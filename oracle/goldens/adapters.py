"""Writes low-rank adapters of a tiny SmolVLA as LeRobot and peft save them, and their numbers.

Usage: python -m oracle.goldens.adapters FOLDER

Packages: lerobot==0.6.1 peft==0.21.2 transformers==5.5.4 torch==2.11.0 safetensors==0.8.0 numpy==2.2.6

FOLDER/base is a checkpoint, FOLDER/CASE an adapter of it with numbers.safetensors: in/… (what the preprocessor leaves,
noise, time), out/loss, out/gradnorm, out/actions, g/… (gradients), w1/… (weights after one AdamW step, as in
`oracle.goldens.smolvla`) and merged/… (the weights that peft's `merge_and_unload` changes).
"""

import json
import shutil
import sys
from contextlib import chdir
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from oracle.common import adapters
from oracle.common.smolvla_steps import is_sensitive, make_batch, step
from oracle.common.tiny_smolvla import load_policy, randomize, write_checkpoint, write_json, write_named_backbone

WORLD = {
    "world_latent_dim": 8,
    "context_frames": 4,
    "future_offset": 3,
    "lambda_world": 0.2,
    "delta_prediction": True,
    "enable_world_injection": True,
    "enable_world_predictor": False,
    "world_inject_num_heads": 2,
    "world_gate_init": 0.0,
    "world_memory_mode_train": "oracle",
    "world_memory_mode_rollout": "zero",
    "action_loss": "valid",
}

BACKBONE = {"text": {"num_hidden_layers": 3}}

# `flags` are those of `lerobot-train --peft.…`, `config` peft's own configuration, `policy` other settings.
CASES = {
    "default": {"flags": {"r": 3, "lora_alpha": 12, "method_type": "LORA", "init_type": None}},
    "chosen": {
        "policy": {"freeze_vision_encoder": False, "train_expert_only": False},
        "config": {
            "r": 2,
            "lora_alpha": 6,
            "use_rslora": True,
            "target_modules": ["q_proj", "v_proj", "fc1", "down_proj", "proj", "action_time_mlp_in"],
            "rank_pattern": {"v_proj": 3},
            "alpha_pattern": {"q_proj": 10},
            "modules_to_save": ["state_proj", "action_out_proj"],
        },
    },
    "world": {"flags": {"r": 2, "lora_alpha": None, "target_modules": ["q_proj", "action_in_proj"]}, "world": WORLD},
}


def batch_of(policy, case, seed):
    """The first batch whose gradients can be compared."""
    for attempt in range(20):
        random = np.random.default_rng([seed, attempt])
        batch, noise, time = make_batch(policy.config, random, padded_tokens=True)
        if "world" in case:
            shape = (batch["action"].shape[0], WORLD["future_offset"], WORLD["world_latent_dim"])
            batch["world_z_future"] = torch.from_numpy(random.standard_normal(shape)).float()
            history = (shape[0], WORLD["context_frames"], shape[2])
            batch["world_z_hist"] = torch.from_numpy(random.standard_normal(history)).float()
            batch["world_future_valid"] = torch.ones(shape[:2], dtype=torch.bool)
        _, gradients, _, after = step(policy, batch, noise, time)
        after = None if "world" in case else after
        if not is_sensitive(policy, batch, noise, time, gradients, after):
            return batch, noise, time
    raise SystemExit("one rounding of the weights moves the gradients too far in every batch")


def save(folder, model, policy, world):
    """What `lerobot-train` leaves in pretrained_model: peft's files, the policy's configuration, the processors'."""
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    policy.config.save_pretrained(folder)
    for file in Path("base").glob("policy_*"):
        shutil.copy(file, folder)
    if world is None:
        return
    # LeRobot has no such policy: its modules are added as peft saves modules that are trained whole.
    weights = load_file(folder / "adapter_model.safetensors")
    for name, part in world.fusion.parts.items():
        weights |= {f"base_model.model.model.{name}.{key}": value for key, value in part.state_dict().items()}
    save_file(weights, folder / "adapter_model.safetensors", {"format": "pt"})
    for name, change in (
        ("adapter_config.json", {"modules_to_save": list(world.fusion.parts)}),
        ("config.json", {**WORLD, "type": "smolvla_world"}),
    ):
        write_json(folder / name, json.loads((folder / name).read_text()) | change)


def record(name, case, seed):
    folder = Path(name)
    policy = load_policy(Path("base").resolve(), case.get("policy", {}))
    policy.config.pretrained_path = Path("base")
    before = {key: value.clone() for key, value in policy.state_dict().items()}
    random = np.random.default_rng(seed)
    model = adapters.wrapped(policy, case)
    adapters.randomize(policy, random)
    world = adapters.World(policy, WORLD) if "world" in case else None
    if world is not None:
        for part in world.fusion.parts.values():
            randomize(part, random)
            part.gate.data.fill_(0.375)
    policy.train()
    batch, noise, time = batch_of(policy, case, seed)
    stored = {f"in/{key}": value for key, value in {**batch, "noise": noise, "time": time}.items()}
    stored |= adapters.numbers(policy, batch, noise, time)
    save(folder, model, policy, world)
    if world is None:
        stored |= adapters.merged(model, before)
    stored = {key: value.detach().contiguous().clone() for key, value in stored.items()}
    save_file(stored, folder / "numbers.safetensors")
    print(f"{name}: loss {stored['out/loss'].item():.6f}, {sum(key.startswith('w1/') for key in stored)} trained")


def main(folder):
    torch.set_num_threads(1)
    for entry in folder.iterdir() if folder.exists() else []:
        shutil.rmtree(entry)
    write_checkpoint(folder / "base", 31, backbone=BACKBONE)
    # With a tokenizer that can decode, which a policy with its processors has.
    shutil.rmtree(folder / "base/backbone")
    write_named_backbone(folder / "base/backbone", **BACKBONE)
    with chdir(folder):
        for index, (name, case) in enumerate(CASES.items()):
            record(name, case, 3100 + index)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
