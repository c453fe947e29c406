"""Environments as LeRobot's evaluation uses them: from rollout to rollout the next initial states, and none after an end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lerobot_wm import LiberoVectorEnv


class Rollouts(LiberoVectorEnv):
    """Environments whose episodes go on with each reset, and stay where they ended until then."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._last: list[tuple[Any, ...]] = [()] * self.num_envs

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return super().reset(seed=seed, options={"continues": True})

    def _advance(self, place: int, action: NDArray[np.floating]) -> tuple[Any, ...]:
        # LeRobot reads nothing of an episode after its end.
        if not self._has_ended[place]:
            self._last[place] = super()._advance(place, action)
        observation, reward, terminated, truncated, success = self._last[place]
        return observation, reward, terminated, truncated, success


class LazyRollouts:
    """Environments that are made when they are first used, so that a suite does not hold all of its tasks' models."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self._make = lambda: Rollouts(*arguments, **settings)
        self._made: Rollouts | None = None
        self.num_envs: int = settings["num_envs"]
        self.metadata = Rollouts.metadata

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)

    @property
    def unwrapped(self) -> LazyRollouts:
        return self

    def close(self) -> None:
        """Gives everything back; the next use makes them anew."""
        if self._made is not None:
            self._made.close()
            self._made = None
