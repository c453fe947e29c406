"""Policies of checkpoints, and policies whose parameters are this process's own tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from . import core
from .errors import Error


class Policy:
    """A policy of a checkpoint with its processors: from an observation to actions in the environment's units."""

    #: The cameras that it looks at, such as `image` for `observation.images.image`.
    cameras: list[str]
    #: Actions that are executed before the next plan, the number of rows that `plan` gives.
    action_steps: int
    #: Actions of a whole plan.
    chunk_size: int
    #: The camera and the number of its last images that `plan` needs as `history`; None where it needs none.
    history: tuple[str, int] | None

    def __init__(self, path: str, device: str | None = None) -> None:
        answer, _ = core.call("load", {"path": str(path), "device": device})
        self._number = core.released_with(self, answer["object"])
        self.cameras = answer["cameras"]
        self.action_steps = answer["action_steps"]
        self.chunk_size = answer["chunk_size"]
        past = answer["history"]
        self.history = (past["camera"], past["frames"]) if past else None

    def plan(self, observation: Mapping[str, Any], seed: int = 0) -> NDArray[np.float32]:
        """Plans actions [action_steps, action], float32, in the environment's units.

        `observation` holds

        - `images`: by camera, [height, width, 3] uint8;
        - `state`: [state], not normalized;
        - `instruction`: a sentence;
        - `history`: [frames, height, width, 3] uint8, oldest first, the present image last, where the policy has a `history`.

        Equal seeds give equal noise. NumPy arrays and tensors are taken, the latter without a copy.
        """
        tensors = {f"images.{name}": _tensor(image) for name, image in observation["images"].items()}
        tensors["state"] = _tensor(observation["state"]).to(torch.float32)
        if self.history is not None:
            if "history" not in observation:
                camera, frames = self.history
                raise Error(
                    f"the policy reads the past: give the last {frames} images of {camera} as observation['history']"
                )
            tensors["history"] = _tensor(observation["history"])
        request = {"object": self._number, "instruction": observation["instruction"], "seed": seed}
        _, planned = core.call("plan", request, tensors)
        return planned["action"].numpy()


def load_policy(path: str, device: str | None = None) -> Policy:
    """Loads a `pretrained_model` folder, or a repository on the Hugging Face hub.

    `device` is `cpu`, `cuda` or `cuda:N`; None for the checkpoint's own choice.
    """
    return Policy(path, device)


class SharedPolicy:
    """A policy of settings and parameters that somebody else owns, such as a `torch.nn.Module`.

    What changes the parameters in place changes the policy, and gradients of its loss arrive at them.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        parameters: Mapping[str, torch.Tensor] | None = None,
        *,
        folder: str | None = None,
        device: str = "cpu",
        seed: int = 0,
        reference_order: bool = False,
    ) -> None:
        """Builds a policy of `settings`, the contents of a `config.json`.

        Without `parameters` it makes new ones, a function of `seed`. `folder` is a checkpoint that backbone or encoder may lie
        beside, and whose version of LeRobot is followed unless `settings` name one. With `reference_order` numbers are added up in LeRobot's order, to be compared to the last digit.
        """
        request = {
            "settings": dict(settings), "folder": folder, "device": device, "seed": seed,
            "reference_order": reference_order,
        }  # fmt: skip
        answer, self.parameters = core.call("policy", request, parameters)
        self._number = core.released_with(self, answer["object"])
        #: The version of LeRobot, `0.6` or `0.4`, that is followed where these compute otherwise.
        self.lerobot_version: str | None = answer["lerobot_version"]
        #: What a user should read, in whole sentences.
        self.notices: list[str] = answer["notices"]

    def loss(
        self, batch: Mapping[str, torch.Tensor], seed: int = 0, step: int = 0
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The loss of a preprocessed batch, and what is logged.

        Noise and times are those that `lerobot-wm-train` draws with `seed` at `step`, unless they are in the batch.
        """
        _, tensors = core.call("loss", {"object": self._number, "seed": seed, "step": step}, batch)
        return tensors.pop("total"), tensors

    def actions(self, batch: Mapping[str, torch.Tensor], seed: int = 0) -> torch.Tensor:
        """Plans normalized actions [B, chunk, action] for a preprocessed batch."""
        return core.call("actions", {"object": self._number, "seed": seed}, batch)[1]["action"]

    def history(self) -> tuple[str, int] | None:
        """The camera's feature and the number of its last images that a plan needs now; None where it needs none."""
        past = core.call("history", {"object": self._number})[0]["history"]
        return (past["camera"], past["frames"]) if past else None


def _tensor(values: ArrayLike | torch.Tensor) -> torch.Tensor:
    return values if isinstance(values, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(values))
