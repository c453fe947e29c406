"""`smolvla_world` as a policy of LeRobot: its parameters are this module's, what it computes with them is lerobot_wm's core."""

from __future__ import annotations

import json
import logging
from collections import deque
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import hf_hub_download, snapshot_download
from lerobot.policies.pretrained import PreTrainedPolicy
from safetensors.torch import load_file
from torch import Tensor, nn

from lerobot_wm import Error
from lerobot_wm.encoders import LatentCache
from lerobot_wm.policies import SharedPolicy

from .configuration_smolvla_world import SmolVLAWorldConfig

_TOKENS = ("observation.language.tokens", "observation.language.attention_mask")
_TRAINING = ("action", "action_is_pad", "world_z_hist", "world_z_future", "world_future_valid", "noise", "time")
_HISTORY = "observation.history"
_LATENTS_FILE = "world_latents.json"


class SmolVLAWorldPolicy(PreTrainedPolicy):
    """SmolVLA that may read predicted latents of the near future, behind a gate."""

    config_class = SmolVLAWorldConfig
    name = "smolvla_world"

    def __init__(self, config: SmolVLAWorldConfig, dataset_meta: Any = None, **_: Any) -> None:
        """Makes new parameters, or those of `init_from_policy_path`; `dataset_meta` says where a training's latents are of."""
        super().__init__(config)
        config.validate_features()
        self._dataset_meta = dataset_meta
        self._core: SharedPolicy | None = None
        self._cache: LatentCache | None = None
        self._identity: dict[str, Any] | None = None
        new = SharedPolicy(config.settings(), folder=self._folder(), device=config.device or "cpu", seed=_seed())
        # Saved with the checkpoint, so that it computes the same wherever it is loaded.
        config.lerobot_version = new.lerobot_version
        for notice in new.notices:
            logging.info(notice)
        self._order = list(new.parameters)
        for name, tensor in new.parameters.items():
            _register(self, name, nn.Parameter(tensor.detach(), requires_grad=tensor.requires_grad))
        if config.init_from_policy_path and not config.pretrained_path:
            self._start_from(config.init_from_policy_path)
        self.reset()

    # Parameters

    def _start_from(self, path: str) -> None:
        file = Path(path) / "model.safetensors"
        weights = load_file(file if file.is_file() else hf_hub_download(path, "model.safetensors"))
        result = self.load_state_dict(weights, strict=False)
        missing = [name for name in result.missing_keys if not name.startswith(("prophet.", "model.world_"))]
        if missing or result.unexpected_keys:
            sentence = f"{path} is no SmolVLA of these settings: missing {missing}, unexpected {result.unexpected_keys}"
            if self.config.init_from_strict:
                raise Error(sentence)
            logging.warning(sentence)

    def get_optim_params(self) -> list[nn.Parameter]:
        """The parameters in the program's order, by which the optimizer's states are numbered in a checkpoint."""
        parameters = dict(self.named_parameters())
        return [parameters[name] for name in self._order]

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        # Moved or converted parameters need another core.
        self._core = None
        return super()._apply(fn, recurse)

    def __getstate__(self) -> dict[str, Any]:
        # A copy or another process makes its own.
        return self.__dict__ | {"_core": None, "_cache": None}

    def _policy(self) -> SharedPolicy:
        if self._core is None:
            parameters = dict(self.named_parameters())
            device = str(next(iter(parameters.values())).device)
            self._core = SharedPolicy(self.config.settings(), parameters, folder=self._folder(), device=device)
        return self._core

    def _folder(self) -> str | None:
        """The checkpoint's small files: perhaps a backbone or an encoder, and a record of what it was trained with."""
        path = str(self.config.pretrained_path or self.config.init_from_policy_path)
        if not path or Path(path).is_dir():
            return path or None
        return snapshot_download(path, allow_patterns=["*.json"])

    def _save_pretrained(self, save_directory: Path, **kwargs: Any) -> None:
        super()._save_pretrained(save_directory, **kwargs)
        if self._identity is not None:
            (Path(save_directory) / _LATENTS_FILE).write_text(json.dumps(self._identity, indent=2))

    # Training

    def forward(self, batch: dict[str, Tensor], **_: Any) -> tuple[Tensor, dict[str, float]]:
        """The action loss that has read the memory plus the weighted world loss, and what is logged.

        The latents are the batch's own (`world_z_hist`, …), or the cache's for the batch's `index`.
        """
        inputs = self._inputs(batch, _TRAINING)
        if "world_z_hist" not in inputs:
            inputs |= {name: latents.to(inputs["action"].device) for name, latents in self._latents(batch).items()}
        total, metrics = self._policy().loss(inputs, _seed())
        values = torch.stack([metric.to(torch.float32) for metric in metrics.values()]).tolist()
        return total, dict(zip(metrics, values))

    def _latents(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        if self._cache is None:
            if (meta := self._dataset_meta) is None or "index" not in batch:
                raise Error("the batch has neither latents (world_z_hist, …) nor the index of a dataset that has some")
            episodes = list(zip(meta.episodes["dataset_from_index"], meta.episodes["dataset_to_index"]))
            self._cache = LatentCache(
                self.config.settings(), dataset=meta.repo_id, root=str(meta.root), episodes=episodes,
                is_of_video=bool(meta.video_keys),
            )  # fmt: skip
            self._identity = self._cache.identity
            if self._cache.warning:
                logging.warning(self._cache.warning)
        return self._cache.latents(batch["index"].cpu())

    def _inputs(self, batch: dict[str, Tensor], more: tuple[str, ...]) -> dict[str, Tensor]:
        inputs = {}
        for name, value in batch.items():
            feature = name.removesuffix("_padding_mask")
            if feature in self.config.input_features or name in (*_TOKENS, *more):
                inputs[name] = value / 255 if value.dtype == torch.uint8 and name != _HISTORY else value
        return inputs

    # Planning

    def reset(self) -> None:
        self._actions: deque[Tensor] = deque(maxlen=self.config.n_action_steps)
        self._needed: tuple[str, int] | None = None
        self._images: deque[Tensor] | None = None

    @torch.no_grad()
    def predict_action_chunk(self, batch: dict[str, Tensor], noise: Tensor | None = None, **_: Any) -> Tensor:
        """Plans [B, chunk_size, action], normalized. Each call is a control step of which the past is remembered."""
        self.eval()
        self._remember(batch)
        return self._plan(batch, noise)

    @torch.no_grad()
    def select_action(self, batch: dict[str, Tensor], noise: Tensor | None = None, **_: Any) -> Tensor:
        """The next action [B, action] of the plan, normalized; every `n_action_steps` of them there is a new plan."""
        self.eval()
        self._remember(batch)
        if not self._actions:
            self._actions.extend(self._plan(batch, noise).transpose(0, 1)[: self.config.n_action_steps])
        return self._actions.popleft()

    def _plan(self, batch: dict[str, Tensor], noise: Tensor | None) -> Tensor:
        inputs = self._inputs(batch, (_HISTORY, "world_z_hist"))
        if noise is not None:
            inputs["noise"] = noise
        if self._images and _HISTORY not in inputs:
            inputs[_HISTORY] = torch.stack(list(self._images), 1)
        return self._policy().actions(inputs, _seed())

    def _remember(self, batch: dict[str, Tensor]) -> None:
        """Keeps the images that the memory is predicted from, where there is one."""
        if self._images is None:
            self._needed = self._policy().history()
            self._images = deque(maxlen=self._needed[1] if self._needed else 0)
        if self._needed is None:
            return
        camera, frames = self._needed
        pixels = batch[camera] if batch[camera].dim() == 4 else batch[camera][:, -1]
        if pixels.dtype != torch.uint8:
            pixels = (pixels * 255).round().to(torch.uint8)
        # Before the episode's start its first image is repeated.
        self._images.extend([pixels.permute(0, 2, 3, 1)] * (1 if self._images else frames))


def _seed() -> int:
    """A number from torch's own generator, so that a seed gives the same draws; another one in each process of a training."""
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return int(torch.randint(2**62, (), device="cpu")) + (torch.distributed.get_rank() if distributed else 0)


def _register(root: nn.Module, name: str, parameter: nn.Parameter) -> None:
    *path, last = name.split(".")
    for part in path:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root._modules[part]
    root.register_parameter(last, parameter)
