"""The settings of LIBERO's environments, under the names of LeRobot's own `--env.type=libero`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.envs.configs import EnvConfig

from lerobot_wm import Error

_TASKS = {"libero_90": 90}


@EnvConfig.register_subclass("libero_native")
@dataclass
class LiberoNativeEnv(EnvConfig):
    """Suites, such as `--env.task=libero_spatial,libero_goal`, and which of their tasks; all if `task_ids` are not given."""

    task: str = "libero_10"
    task_ids: list[int] | None = None
    fps: int = 20
    episode_length: int | None = None
    #: Whether episodes start at the official initial states; else where their seeds place everything.
    init_states: bool = True
    observation_height: int = 360
    observation_width: int = 360
    control_mode: str = "relative"
    features: dict[str, PolicyFeature] = field(default_factory=dict)
    features_map: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.fps != 20:
            raise Error(f"--env.fps={self.fps}: LIBERO's tasks run at 20 steps a second")
        picture = PolicyFeature(FeatureType.VISUAL, (self.observation_height, self.observation_width, 3))
        self.features = {
            "action": PolicyFeature(FeatureType.ACTION, (7,)), "agent_pos": PolicyFeature(FeatureType.STATE, (8,)),
            "pixels/image": picture, "pixels/image2": picture,
        }  # fmt: skip
        self.features_map = {
            "action": "action", "agent_pos": "observation.state", "pixels/image": "observation.images.image",
            "pixels/image2": "observation.images.image2",
        }  # fmt: skip

    @property
    def gym_kwargs(self) -> dict[str, Any]:
        return {
            "height": self.observation_height, "width": self.observation_width, "control_mode": self.control_mode,
            "initial_states": "official" if self.init_states else "sampled", "maximum_steps": self.episode_length,
        }  # fmt: skip

    def create_envs(self, n_envs: int, use_async_envs: bool = False) -> dict[str, dict[int, Any]]:
        """The environments of each task by suite, whose threads run beside each other whatever `use_async_envs` says."""
        from .rollouts import LazyRollouts

        suites = [suite.strip() for suite in self.task.split(",")]
        return {
            suite: {
                task: LazyRollouts(suite, task, num_envs=n_envs, **self.gym_kwargs)
                for task in (range(_TASKS.get(suite, 10)) if self.task_ids is None else self.task_ids)
            }
            for suite in suites
        }
