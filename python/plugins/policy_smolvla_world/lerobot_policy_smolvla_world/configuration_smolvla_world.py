"""The settings of `smolvla_world`: SmolVLA's, and the world modality's under the native program's names."""

from __future__ import annotations

import io
import json
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import draccus
from huggingface_hub import hf_hub_download
from lerobot.configs.policies import PreTrainedConfig
from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig

# What a new run does not take of the policy that it starts from: the dataset's, this machine's and the user's own.
_NOT_TAKEN = {"type", "input_features", "output_features", "device", "push_to_hub", "repo_id", "private", "pretrained_path",
              "init_from_policy_path", "lerobot_version"}  # fmt: skip


@PreTrainedConfig.register_subclass("smolvla_world")
@dataclass
class SmolVLAWorldConfig(SmolVLAConfig):
    """SmolVLA that may read predicted latents of the near future; `lerobot-wm train --policy.type=smolvla_world --help` says what each
    setting does. The native core checks them together."""

    # The latents.
    dataset_repo_id: str = ""
    cache_dir: str = "cache"
    world_latents_source: str = "vjepa"
    latent_suffix: str = "m4"
    world_latent_dim: int = 1024
    context_frames: int = 4
    future_offset: int = 8
    world_camera: str = "front"
    world_vision_model_name: str | None = None
    world_rollout_temporal_window: int = 0
    # Where they enter.
    lambda_world: float = 0.2
    enable_world_injection: bool = True
    world_inject_suffix_in: bool = False
    world_inject_num_heads: int = 8
    world_gate_init: float = 0.0
    world_prefix_tokens: int = 0
    world_prefix_block: str = "state"
    world_prefix_cross_attn: bool = False
    world_prefix_num_heads: int = 8
    world_prefix_gate_init: float = 0.0
    world_memory_mode_train: str = "pred"
    world_memory_mode_rollout: str | None = None
    # The Prophet.
    enable_world_predictor: bool = True
    prophet_layers: int = 2
    prophet_heads: int = 8
    prophet_dropout: float = 0.0
    delta_prediction: bool = True
    log_attn_stats: bool = True
    log_grad_stats: bool = True
    # The start.
    init_from_policy_path: str = ""
    init_from_strict: bool = False
    # The native program's own.
    action_loss: str = "valid"
    lerobot_version: str | None = None
    # LeRobot normalizes by the dataset.
    normalization: str = "dataset"
    precision: str | None = None

    def __post_init__(self) -> None:
        # A checkpoint's settings have features, and are whole.
        if self.init_from_policy_path and not self.input_features:
            self._take_settings(self.init_from_policy_path)
        super().__post_init__()

    def _take_settings(self, policy: str) -> None:
        """Takes another policy's settings where these are at their defaults, as the native program does."""
        file = Path(policy) / "config.json"
        saved = json.loads(Path(file if file.is_file() else hf_hub_download(policy, "config.json")).read_text())
        known = {field.name: field for field in fields(self) if field.name not in _NOT_TAKEN}
        taken = draccus.decode(type(self), {name: value for name, value in saved.items() if name in known})
        for name, field in known.items():
            default = field.default if field.default_factory is MISSING else field.default_factory()
            if name in saved and getattr(self, name) == default:
                setattr(self, name, getattr(taken, name))

    def settings(self) -> dict[str, Any]:
        """What `config.json` would hold, for the core; an upload is LeRobot's own affair."""
        text = io.StringIO()
        with draccus.config_type("json"):
            draccus.dump(self, text)
        return json.loads(text.getvalue()) | {"type": "smolvla_world", "push_to_hub": False}
