"""Writes tiny SmolVLAs with the world modality, and numbers of LeRobot's policy with torch.nn's Prophet and fusion.

Usage: python -m oracle.goldens.smolvla_world FOLDER                   the committed configurations
       python -m oracle.goldens.smolvla_world FOLDER again COMMITTED   the same, of the batches that were committed
       python -m oracle.goldens.smolvla_world FOLDER draw COUNT SEED   COUNT random configurations

Packages: lerobot==0.4.4 transformers==4.57.6 tokenizers==0.22.2 torch==2.13.0 safetensors==0.8.0 numpy==2.2.6

FOLDER/CHECKPOINT/ is a `smolvla_world` checkpoint; FOLDER/CHECKPOINT/cases/CASE.safetensors holds in/… (what the
preprocessor leaves, noise, time, latents), out/loss (the mean over real dimensions of valid steps), out/loss_total,
every diagnostic, out/world_memory (the Prophet's), out/actions (sampled from in/noise with the rollout's memory), g/…
(gradients of out/loss_total; without "all" in its `store` not those of backbone and expert, which are large) and w1/…
(weights after one AdamW step: lr 1e-3, betas 0.9/0.95, eps 1e-8, decay 1e-10, clip 10). Its metadata says which
settings differ from config.json, counts the trainable parameters, and names those without a gradient and those whose
gradient is zero.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from oracle.common.smolvla_steps import IllConditioned, is_sensitive, make_batch, step
from oracle.common.smolvla_world_cases import COMMITTED, WORLD, drawn
from oracle.common.tiny_smolvla import load_policy, randomize, version_metadata, write_checkpoint, write_json
from oracle.common.world_fusion import GATES, SUFFIXES, Fusion, modules, reads_memory
from oracle.common.world_modules import Prophet


class World:
    """Prophet and fusion, hung into one of LeRobot's policies; `total` is what the policy then trains."""

    def __init__(self, policy, settings, order=None):
        self.policy, self.settings, self.order = policy, settings, order
        self.fusion = Fusion(policy, settings)
        if settings["enable_world_predictor"]:
            policy.prophet = Prophet(
                settings["world_latent_dim"],
                settings["future_offset"],
                settings["prophet_layers"],
                settings["prophet_heads"],
            )
        # The policy's own loss gives way to the whole one, so that whoever trains it trains everything.
        policy.forward = lambda batch, noise, time: (self.total(batch, noise, time), {})

    def modules(self):
        for name, module in self.fusion.parts.items():
            yield f"model.{name}", module
        if self.settings["enable_world_predictor"]:
            yield "prophet", self.policy.prophet

    def predicted(self, batch):
        """The memory that the Prophet gives."""
        prediction = self.policy.prophet(batch["world_z_hist"])
        return batch["world_z_hist"][:, -1:] + prediction if self.settings["delta_prediction"] else prediction

    def world_loss(self, batch):
        """1 − cosine over the valid positions, and the mean cosine."""
        if not self.settings["enable_world_predictor"]:
            return torch.zeros(()), torch.zeros(())
        target = batch["world_z_future"]
        if self.settings["delta_prediction"]:
            target = target - batch["world_z_hist"][:, -1:]
        cosines = F.cosine_similarity(self.policy.prophet(batch["world_z_hist"]), target, dim=-1, eps=1e-8)
        mask = batch["world_future_valid"].float()
        count = mask.sum().clamp(min=1)
        return ((1 - cosines) * mask).sum() / count, (cosines * mask).sum() / count

    def training_memory(self, batch):
        if not reads_memory(self.settings):
            return None
        match self.settings["world_memory_mode_train"]:
            case "pred":
                return self.predicted(batch)
            case "oracle":
                return batch["world_z_future"]
            case "zero":
                return torch.zeros_like(batch["world_z_future"])
            case "shuffle":
                return batch["world_z_future"][self.order]

    def action_loss(self, batch, noise, time):
        policy, config = self.policy, self.policy.config
        images, masks = policy.prepare_images(batch)
        losses = policy.model.forward(
            images,
            masks,
            batch["observation.language.tokens"],
            batch["observation.language.attention_mask"],
            policy.prepare_state(batch),
            policy.prepare_action(batch),
            noise,
            time,
        )
        if self.settings["action_loss"] == "padded":
            return losses.mean()
        valid = (~batch["action_is_pad"]).float()[:, :, None]
        real = losses[:, :, : config.action_feature.shape[0]]
        return (real * valid).sum() / (valid.sum() * real.shape[-1]).clamp(min=1)

    def total(self, batch, noise, time):
        """The loss of everything; all that is logged beside it stays in `scalars`."""
        memory = self.fusion.memory = self.training_memory(batch)
        self.fusion.diagnostics = {}
        action = self.action_loss(batch, noise, time)
        self.fusion.memory = None
        world, cosine = self.world_loss(batch)
        total = action + self.settings["lambda_world"] * world
        self.scalars = {
            "loss": action,
            "loss_total": total,
            "world_loss": world,
            "world_cos": cosine,
            "world_valid_frac": batch["world_future_valid"].float().mean(),
            "world_mem_norm": torch.zeros(()) if memory is None else memory.norm(dim=-1).mean(),
            "world_z_hist_norm": batch["world_z_hist"][:, -1].norm(dim=-1).mean(),
            "world_z_future_norm": batch["world_z_future"].norm(dim=-1).mean(),
            **{f"world_gate{SUFFIXES[name]}": torch.tanh(part.gate) for name, part in self.fusion.parts.items()},
            **self.fusion.diagnostics,
        }
        return total

    def plan(self, batch, noise):
        closed = all(part.gate.item() == 0 for part in self.fusion.parts.values())
        with torch.no_grad():
            if reads_memory(self.settings) and not closed:
                predicts = self.settings["world_memory_mode_rollout"] == "pred"
                self.fusion.memory = self.predicted(batch) if predicts else torch.zeros_like(batch["world_z_future"])
            actions = self.policy.predict_action_chunk(dict(batch), noise)
        self.fusion.memory = None
        return actions


def gates(case):
    """The gates that a case sets, by scope; `gate` is that of the default injection."""
    return ({"world_inject": case["gate"]} if "gate" in case else {}) | case.get("gates", {})


def load_world(base, weights, case, settings, order):
    """The policy of a case, in training mode, with its world modality."""
    policy = load_policy(base, case.get("policy", {}))
    world = World(policy, settings, order)
    for name, module in world.modules():
        start = f"{name}."
        module.load_state_dict(
            {key.removeprefix(start): value.float() for key, value in weights.items() if key.startswith(start)}
        )
    with torch.no_grad():
        for name, gate in gates(case).items():
            getattr(policy.model, name).gate.fill_(gate)
    for name, parameter in policy.named_parameters():
        if name.endswith("in_proj_bias"):
            # Softmax does not see what all keys have in common: the keys' bias has the gradient 0, but for rounding,
            # which AdamW would blow up to a whole step.
            parameter.register_hook(
                lambda gradient: torch.cat([third * kept for third, kept in zip(gradient.chunk(3), (1, 0, 1))])
            )
    return policy, world


def add_latents(batch, random, settings, valid):
    """Latents of a batch; `valid` says how many futures lie inside the episode, for each sample."""
    size, horizon, width = batch["action"].shape[0], settings["future_offset"], settings["world_latent_dim"]

    def normal(length):
        return torch.from_numpy(random.standard_normal((size, length, width))).float()

    batch["world_z_hist"], batch["world_z_future"] = normal(settings["context_frames"]), normal(horizon)
    ends = torch.tensor(valid or [horizon - row % 2 for row in range(size)])
    batch["world_future_valid"] = torch.arange(horizon)[None, :] < ends[:, None]


def record(base, folder, weights, settings, name, case, seed, attempts=range(20)):
    """Runs the policy once forwards, backwards and as a sampler, and writes what came out.

    Of the batches numbered by `attempts` it takes the first whose gradients are well-conditioned, or the only one.
    """
    settings = {**settings, **case.get("world", {})}
    policy, world = load_world(base, weights, case, settings, case.get("order"))
    config, store = policy.config, case.get("store", [])
    for attempt in attempts:
        random = np.random.default_rng([seed, attempt])
        batch, noise, time = make_batch(config, random, **case.get("batch", {}))
        add_latents(batch, random, settings, case.get("valid"))
        if "all_padded" in case:
            batch["action_is_pad"][case["all_padded"]] = True
        _, gradients, norm, after = step(policy, batch, noise, time)
        compared = after if "w1" in store else None
        if len(attempts) == 1 or not is_sensitive(policy, batch, noise, time, gradients, compared):
            break
    else:
        raise IllConditioned(f"{folder.name}/{name}: one rounding of the weights moves the gradients too far")
    without = [key for key, value in gradients.items() if value is None]
    zero = [key for key, value in gradients.items() if value is not None and not value.any()]
    world.total(batch, noise, time)
    stored = {f"in/{key}": value for key, value in {**batch, "noise": noise, "time": time}.items()}
    stored |= {f"w/model.{name}.gate": getattr(policy.model, name).gate for name in gates(case)}
    stored |= {f"out/{key}": value for key, value in world.scalars.items()} | {"out/gradnorm": norm}
    groups = [(f"grad_{name}", f"model.{name}.") for name in world.fusion.parts]
    for group, prefix in (*groups, ("grad_prophet", "prophet.")):
        parts = [value.norm() for key, value in gradients.items() if value is not None and key.startswith(prefix)]
        stored[f"out/{group}"] = torch.stack([*parts, torch.zeros(())]).norm()
    stored["out/actions"] = world.plan(batch, noise)
    if settings["enable_world_predictor"]:
        stored["out/world_memory"] = world.predicted(batch)
    for key, value in gradients.items():
        if key not in without + zero and ("all" in store or ".vlm_with_expert." not in key):
            stored[f"g/{key}"] = value
    if "w1" in store:
        stored |= {f"w1/{key}": value for key, value in after.items()}
    metadata = version_metadata() | {
        "policy": json.dumps({**case.get("policy", {}), **case.get("world", {})}),
        "batch": str(attempt),
        "order": json.dumps(case.get("order", [])),
        "trainable": str(len(gradients)),
        "without_gradient": json.dumps(sorted(without)),
        "zero_gradient": json.dumps(sorted(zero)),
    }
    stored = {key: value.detach().contiguous().clone() for key, value in stored.items()}
    (folder / "cases").mkdir(exist_ok=True)
    save_file(stored, folder / "cases" / f"{name}.safetensors", metadata=metadata)
    print(
        f"{folder.name}/{name}: loss {world.scalars['loss_total'].item():.6f}, {len(gradients)} trainable, "
        f"{len(without)} without gradient, {len(zero)} zero, batch {attempt}"
    )


def write_world_checkpoint(base, folder, seed, settings):
    """Writes the checkpoint of LeRobot's policy in `base` with the world modality added; returns what was added."""
    shutil.copytree(base, folder)
    stored = load_file(folder / "model.safetensors")
    expert, language = stored["model.action_out_proj.weight"].shape[1], stored["model.state_proj.weight"].shape[0]
    whole, width = nn.Module(), settings["world_latent_dim"]
    whole.model = nn.ModuleDict(modules(settings, expert, language))
    whole.prophet = Prophet(width, settings["future_offset"], settings["prophet_layers"], settings["prophet_heads"])
    randomize(whole, np.random.default_rng([seed, 1]))
    with torch.no_grad():
        for name, part in whole.model.items():
            part.gate.fill_(GATES[name])
    added = {name: parameter.detach().bfloat16() for name, parameter in whole.named_parameters()}
    save_file({**stored, **added}, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", {**config, **settings, "type": "smolvla_world"})
    return added


def write(folder, checkpoints, committed=None):
    """Writes the checkpoints and their cases; with `committed`, of the batches that were taken there."""
    for name, checkpoint in checkpoints.items():
        target = folder / name
        if target.exists():
            shutil.rmtree(target)
        fields = {key: value for key, value in checkpoint.items() if key not in ("seed", "world", "cases")}
        seed, settings = checkpoint["seed"], {**WORLD, **checkpoint.get("world", {})}
        with tempfile.TemporaryDirectory() as place:
            base = Path(place) / name
            write_checkpoint(base, seed, **fields)
            weights = write_world_checkpoint(base, target, seed, settings)
            for index, (case_name, case) in enumerate(checkpoint["cases"].items()):
                attempts = range(20)
                if committed is not None:
                    with safe_open(committed / name / "cases" / f"{case_name}.safetensors", "pt") as file:
                        attempts = [int(file.metadata()["batch"])]
                record(base, target, weights, settings, case_name, case, 1000 * seed + index, attempts)


def main(arguments):
    torch.set_num_threads(1)
    match arguments:
        case [folder]:
            write(Path(folder).resolve(), COMMITTED)
        case [folder, "again", committed]:
            write(Path(folder).resolve(), COMMITTED, Path(committed))
        case [folder, "draw", count, seed]:
            for name, checkpoint in drawn(int(count), int(seed)).items():
                try:
                    write(Path(folder).resolve(), {name: checkpoint})
                except IllConditioned as reason:
                    shutil.rmtree(Path(folder) / name)
                    print(f"left out {reason}")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
