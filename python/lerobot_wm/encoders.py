"""Frozen video encoders, and the latents that they have left on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from . import core


class Encoder:
    """A frozen encoder of frames: V-JEPA 2 (`vjepa`) or DINOv2 (`dino`)."""

    #: D, the numbers of a latent.
    latent_dimension: int

    def __init__(self, path: str | None = None, *, source: str = "vjepa", device: str | None = None) -> None:
        """Loads an encoder's folder or its repository on the hub; None for the published one of its `source`."""
        answer, _ = core.call("encoder", {"path": path, "source": source, "device": device})
        self._number = core.released_with(self, answer["object"])
        self.latent_dimension = answer["latent_dimension"]

    def latents(
        self, frames: NDArray[np.uint8] | torch.Tensor, *, temporal_window: int = 4, batch_size: int = 8
    ) -> NDArray[np.float32]:
        """The latents [F, D], float32, of an episode's frames [F, height, width, 3], uint8.

        Frame t's latent is that of the clip of frames t - temporal_window + 1 … t; before the first frame it is repeated.
        """
        images = torch.as_tensor(np.asarray(frames) if not isinstance(frames, torch.Tensor) else frames)
        parts = [np.empty((0, self.latent_dimension), np.float32)]
        # In steps, so that Ctrl-C is heard.
        for start in range(0, len(images), batch_size):
            end = min(start + batch_size, len(images))
            first = max(0, start - temporal_window + 1)
            clips = [
                [max(0, frame - temporal_window + 1 + step) - first for step in range(temporal_window)]
                for frame in range(start, end)
            ]
            request = {"object": self._number, "clips": clips}
            parts.append(core.call("encode", request, {"frames": images[first:end]})[1]["latents"].cpu().numpy())
        return np.concatenate(parts)


class LatentCache:
    """The latents that `precompute` has left for a dataset, checked against it and the policy that reads them."""

    #: What its sidecar says, as checkpoints keep it; None without a sidecar.
    identity: dict[str, Any] | None
    #: A sentence that a user should read, if any.
    warning: str | None

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        dataset: str,
        root: str,
        episodes: Sequence[tuple[int, int]],
        is_of_video: bool,
    ) -> None:
        """Opens the cache that a policy's `settings`, the contents of a `config.json`, name.

        `episodes` are each episode's first frame and end, by global index.
        """
        request = {
            "settings": dict(settings), "dataset": dataset, "root": str(root), "is_of_video": is_of_video,
            "episodes": [list(episode) for episode in episodes],
        }  # fmt: skip
        answer, _ = core.call("cache", request)
        self._number = core.released_with(self, answer["object"])
        self.identity = answer["identity"]
        self.warning = answer["warning"]

    def latents(self, index: torch.Tensor) -> dict[str, torch.Tensor]:
        """What a loss reads for frames [B] by global index: past and future latents, and which of the latter are real."""
        return core.call("latents", {"object": self._number}, {"index": index})[1]
