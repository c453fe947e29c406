"""The processors of `smolvla_world` are SmolVLA's."""

from __future__ import annotations

from typing import Any

from lerobot.policies.smolvla.processor_smolvla import make_smolvla_pre_post_processors

from .configuration_smolvla_world import SmolVLAWorldConfig


def make_smolvla_world_pre_post_processors(
    config: SmolVLAWorldConfig, dataset_stats: dict[str, dict[str, Any]] | None = None
) -> tuple[Any, Any]:
    """SmolVLA's pipelines before and after the policy."""
    return make_smolvla_pre_post_processors(config, dataset_stats)
