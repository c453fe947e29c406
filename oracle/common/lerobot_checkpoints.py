"""Checkpoints as LeRobot saves them, a published one and a run's, and what LeRobot plans and trains with them.

Usage: imported, not run.

Packages: lerobot==0.4.4 transformers==4.57.6 tokenizers==0.22.2 torch==2.13.0 safetensors==0.8.0 numpy==2.2.6
"""

import json
from contextlib import chdir, contextmanager
from pathlib import Path

import numpy as np
import torch
from lerobot.configs.default import DatasetConfig
from lerobot.configs.train import TrainPipelineConfig
from lerobot.configs.types import FeatureType
from lerobot.optim.factory import make_optimizer_and_scheduler
from lerobot.policies.factory import make_pre_post_processors
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy
from lerobot.utils.random_utils import set_seed
from safetensors.torch import save_file
from transformers import AutoConfig
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMForConditionalGeneration

from oracle.common.smolvla_steps import make_batch
from oracle.common.tiny_smolvla import policy_config, randomize, version_metadata, write_named_backbone

try:
    from lerobot.common.train_utils import load_training_state, save_checkpoint
except ImportError:  # LeRobot 0.4
    from lerobot.utils.train_utils import load_training_state, save_checkpoint  # noqa: F401

PUBLISHED = "SmolVLM2-500M-Video-Instruct"
TASKS = ["turn on the stove", "push, then 2 cups"]
CAMERAS = tuple((f"camera{index}", 12, 10) for index in (1, 2, 3))


def write_backbone_with_weights(folder, seed, dtype=torch.bfloat16, **sizes):
    """The backbone as transformers saves it: configuration, tokenizer and random weights."""
    write_named_backbone(folder, **sizes)
    config = AutoConfig.from_pretrained(folder)
    model = SmolVLMForConditionalGeneration(config)
    randomize(model, np.random.default_rng(seed))
    kept = (folder / "config.json").read_text()
    model.to(dtype).save_pretrained(folder)
    (folder / "config.json").write_text(kept)
    (folder / "generation_config.json").unlink(missing_ok=True)


def statistics(config, random):
    return {
        key: {
            "mean": torch.from_numpy(random.standard_normal(feature.shape)).float(),
            "std": torch.from_numpy(random.random(feature.shape) + 0.5).float(),
        }
        for key, feature in {**config.input_features, **config.output_features}.items()
        if feature.type is not FeatureType.VISUAL
    }


def raw_batch(config, random, size=2):
    """Observations as an environment gives them, and noise."""
    batch = {
        key: torch.from_numpy(random.random((size, *feature.shape))).float()
        for key, feature in config.image_features.items()
    }
    state = config.robot_state_feature.shape[0]
    batch["observation.state"] = torch.from_numpy(random.standard_normal((size, state)) * 2).float()
    noise = torch.from_numpy(random.standard_normal((size, config.chunk_size, config.max_action_dim))).float()
    return batch, noise


@contextmanager
def places_in_bfloat16():
    """Patches' places as a bfloat16 vision tower finds them, while the arithmetic is float32."""
    bucketize = torch.bucketize
    torch.bucketize = lambda places, bounds, **rest: bucketize(places.bfloat16(), bounds, **rest)
    try:
        yield
    finally:
        torch.bucketize = bucketize


def planned(policy, processors, batch, noise):
    before, after = processors
    return after(policy.predict_action_chunk(before({**batch, "task": TASKS}), noise=noise.to(policy_type(policy))))


def policy_type(policy):
    return policy.model.action_in_proj.weight.dtype


def write_base(folder, name=PUBLISHED, seed=21):
    """The repository; a backbone that is not named as on the hub is written into it."""
    folder.mkdir(parents=True)
    if name == PUBLISHED:
        write_backbone_with_weights(folder / PUBLISHED, seed)
    random = np.random.default_rng(seed + 1)
    with chdir(folder):
        config = policy_config(
            state=6,
            action=6,
            cameras=CAMERAS,
            load_vlm_weights=True,
            prefix_length=0,
            pad_language_to="max_length",
            num_expert_layers=0,
            vlm_model_name=name,
            tokenizer_max_length=24,
            max_state_dim=8,
            max_action_dim=8,
        )
        policy = SmolVLAPolicy(config)
        for child, part in policy.model.named_children():
            randomize(part.lm_expert if child == "vlm_with_expert" else part, random)
        policy.save_pretrained(folder)
        for processor in make_pre_post_processors(config, dataset_stats=statistics(config, random)):
            processor.save_pretrained(folder)
        policy = SmolVLAPolicy.from_pretrained(folder)
        processors = make_pre_post_processors(policy.config, pretrained_path=str(folder))
        batch, noise = raw_batch(config, random)
        numbers = {f"in/{key}": value for key, value in batch.items()} | {"in/noise": noise}
        numbers["out/actions_bfloat16"] = planned(policy, processors, batch, noise).float()
        policy.float()
        with places_in_bfloat16():
            numbers["out/actions"] = planned(policy, processors, batch, noise)
    save_file(
        {key: value.contiguous() for key, value in numbers.items()},
        folder / "numbers.safetensors",
        metadata=version_metadata() | {"tasks": json.dumps(TASKS)},
    )
    for readme in folder.rglob("README.md"):
        readme.unlink()


def update(policy, optimizer, scheduler, random):
    """One step of training on a random batch: what went in, loss, norm, learning rate and each weight's change."""
    batch, noise, time = make_batch(policy.config, random)
    before = {name: value.detach().clone() for name, value in policy.named_parameters() if value.requires_grad}
    loss, _ = policy.train().forward(dict(batch), noise, time)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(policy.parameters(), policy.config.optimizer_grad_clip_norm)
    rate = optimizer.param_groups[0]["lr"]
    optimizer.step()
    optimizer.zero_grad()
    scheduler.step()
    numbers = {f"in/{key}": value for key, value in batch.items()} | {"in/noise": noise, "in/time": time}
    numbers |= {
        f"change/{name}": value.detach() - before[name] for name, value in policy.named_parameters() if name in before
    }
    numbers |= {"out/loss": loss.detach(), "out/gradnorm": norm, "out/lr": torch.tensor(rate, dtype=torch.float64)}
    return {key: value.contiguous() for key, value in numbers.items()}


def write_training(folder, seed=31):
    """Two steps, a checkpoint, and the step after it."""
    set_seed(seed)
    folder.mkdir(parents=True)
    backbone = folder / "pretrained_model" / "backbone"
    write_named_backbone(backbone)
    random = np.random.default_rng(seed)
    with chdir(backbone.parent):
        config = policy_config(optimizer_lr=1e-2, scheduler_warmup_steps=3, scheduler_decay_steps=9)
        policy = SmolVLAPolicy(config)
        randomize(policy, random)
        processors = make_pre_post_processors(config, dataset_stats=statistics(config, random))
        settings = TrainPipelineConfig(
            dataset=DatasetConfig(repo_id="golden"),
            policy=config,
            output_dir=Path("outputs/golden"),
            steps=6,
            batch_size=2,
            save_freq=2,
        )
        settings.validate()
        optimizer, scheduler = make_optimizer_and_scheduler(settings, policy)

        update(policy, optimizer, scheduler, random)
        update(policy, optimizer, scheduler, random)
        save_checkpoint(folder, 2, settings, policy, optimizer, scheduler, *processors)
        save_file(update(policy, optimizer, scheduler, random), folder / "numbers.safetensors", version_metadata())
    for readme in folder.rglob("README.md"):
        readme.unlink()
