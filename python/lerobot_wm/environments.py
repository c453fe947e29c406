"""LIBERO's tasks on the native simulator, as gymnasium's environments with LeRobot's observations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from . import core
from .errors import Error

Observation = dict[str, Any]


class _Task:
    """Environments of one task, and what they have in common."""

    def __init__(self, suite: str, task: int, count: int, **settings: Any) -> None:
        request = {"suite": suite, "task": task, "count": count, **settings}
        answer = core.call_without_tensors("environments", request, needs_libero=True)
        self.numbers = [core.released_with(self, number) for number in answer["objects"]]
        self.instruction: str = answer["instruction"]
        self.maximum_steps: int = answer["maximum_steps"]
        self.frames_per_second: int = answer["frames_per_second"]
        self.cameras: list[str] = answer["cameras"]
        self.image_shape = (answer["height"], answer["width"], 3)
        self.state_size = len(answer["state"])
        image = spaces.Box(0, 255, self.image_shape, np.uint8)
        self.observation_space = spaces.Dict(
            {
                "pixels": spaces.Dict({name: image for name in self.cameras}),
                "agent_pos": spaces.Box(-np.inf, np.inf, (self.state_size,), np.float32),
            }
        )
        self.action_space = spaces.Box(-1, 1, (len(answer["action"]),), np.float32)

    def observe(self, number: int) -> Observation:
        images = np.empty((len(self.cameras), *self.image_shape), np.uint8)
        state = np.empty(self.state_size, np.float32)
        core.observe(number, images.ctypes.data, images.nbytes, state.ctypes.data, state.size)
        return {"pixels": dict(zip(self.cameras, images)), "agent_pos": state}

    def step(self, number: int, action: NDArray[np.floating]) -> dict[str, Any]:
        numbers = [float(value) for value in np.asarray(action).ravel()]
        return core.call_without_tensors("step", {"object": number, "action": numbers})


class LiberoEnv(gymnasium.Env):
    """A task of a LIBERO suite, such as task 0 of `libero_spatial`.

    An observation is `{"pixels": {camera: [height, width, 3] uint8}, "agent_pos": [8] float32}`: pictures upright as in the
    published datasets, and the gripper's position (m), axis times angle (rad) and fingers (m). An action has seven numbers
    in -1…1. The reward is 1 at the step that reaches the goal, which ends the episode; `info["is_success"]` says so.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        suite: str = "libero_spatial",
        task: int = 0,
        *,
        render_mode: str | None = "rgb_array",
        height: int = 256,
        width: int = 256,
        control_mode: str = "relative",
        initial_states: str = "official",
        maximum_steps: int | None = None,
    ) -> None:
        """Makes the environment; `initial_states` are LIBERO's `official` ones in turn, or `sampled` for each episode."""
        self._task = _Task(
            suite, task, 1, height=height, width=width, control_mode=control_mode, initial_states=initial_states,
            maximum_steps=maximum_steps,
        )  # fmt: skip
        self._number = self._task.numbers[0]
        self._episode = -1
        self._steps = 0
        self._seed = 0
        self.render_mode = render_mode
        self.task = f"{suite}_{task}"
        self.task_description = self._task.instruction
        self._max_episode_steps = self._task.maximum_steps
        self.observation_space = self._task.observation_space
        self.action_space = self._task.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts the next episode, or with a seed that run's first; `options={"episode": N}` names one."""
        super().reset(seed=seed)
        if seed is not None:
            self._seed, self._episode = seed, -1
        self._episode = (options or {}).get("episode", self._episode + 1)
        self._steps = 0
        request = {"object": self._number, "seed": self._seed, "episode": self._episode}
        core.call_without_tensors("reset", request)
        return self._task.observe(self._number), {"is_success": False, "episode": self._episode}

    def step(self, action: NDArray[np.floating]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Executes one action."""
        if self._episode < 0:
            raise Error("the environment has no episode yet; call reset() first")
        result = self._task.step(self._number, action)
        self._steps += 1
        truncated = not result["terminated"] and self._steps >= self._max_episode_steps
        info = {"is_success": result["success"], "task": self.task}
        return self._task.observe(self._number), result["reward"], result["terminated"], truncated, info

    def render(self) -> NDArray[np.uint8] | None:
        """The first camera's picture, [height, width, 3]."""
        return next(iter(self._task.observe(self._number)["pixels"].values())) if self.render_mode else None


class LiberoVectorEnv(gymnasium.vector.VectorEnv):
    """Several environments of one task, which share its compiled model and run on threads of their own.

    Environment i starts with episode i and continues with i + num_envs, ….
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20, "autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(self, suite: str = "libero_spatial", task: int = 0, *, num_envs: int = 1, **settings: Any) -> None:
        """Makes the environments; `settings` are those of `LiberoEnv`."""
        self.render_mode = settings.pop("render_mode", "rgb_array")
        self._task = _Task(suite, task, num_envs, **settings)
        self._threads = ThreadPoolExecutor(num_envs, "libero")
        self.num_envs = num_envs
        self.single_observation_space = self._task.observation_space
        self.single_action_space = self._task.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.task = f"{suite}_{task}"
        self.task_description = self._task.instruction
        self._max_episode_steps = self._task.maximum_steps
        self._seeds = [0] * num_envs
        self._episodes = list(range(num_envs))
        self._steps = [0] * num_envs
        self._has_ended = [True] * num_envs

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts an episode in each environment, with a seed the run's first ones.

        With `options={"continues": True}` episodes go on with their numbers, and so with the official initial states,
        though seeds are given.
        """
        if isinstance(seed, int):
            self._seeds = [seed] * self.num_envs
        elif seed is not None:
            self._seeds = [given if given is not None else old for given, old in zip(seed, self._seeds)]
        if seed is not None and not (options or {}).get("continues"):
            self._episodes = list(range(self.num_envs))
        observations = list(self._threads.map(self._start, range(self.num_envs)))
        return self._joined(observations), {"is_success": np.zeros(self.num_envs, bool)}

    def step(
        self, actions: NDArray[np.floating]
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Executes an action in each environment; one whose episode has ended starts its next one instead."""
        results = list(self._threads.map(self._advance, range(self.num_envs), actions))
        observations, rewards, terminated, truncated, success = zip(*results)
        info: dict[str, Any] = {"is_success": np.array(success)}
        if any(self._has_ended):
            info["final_info"] = {"is_success": np.array(success)}
            info["_final_info"] = np.array(self._has_ended)
        return self._joined(list(observations)), np.array(rewards), np.array(terminated), np.array(truncated), info

    def _start(self, place: int) -> Observation:
        number = self._task.numbers[place]
        request = {"object": number, "seed": self._seeds[place], "episode": self._episodes[place]}
        core.call_without_tensors("reset", request)
        self._episodes[place] += self.num_envs
        self._steps[place] = 0
        self._has_ended[place] = False
        return self._task.observe(number)

    def _advance(self, place: int, action: NDArray[np.floating]) -> tuple[Observation, float, bool, bool, bool]:
        if self._has_ended[place]:
            return self._start(place), 0.0, False, False, False
        result = self._task.step(self._task.numbers[place], action)
        self._steps[place] += 1
        truncated = not result["terminated"] and self._steps[place] >= self._max_episode_steps
        self._has_ended[place] = result["terminated"] or truncated
        observation = self._task.observe(self._task.numbers[place])
        return observation, result["reward"], result["terminated"], truncated, result["success"]

    def _joined(self, observations: list[Observation]) -> Observation:
        pixels = {name: np.stack([each["pixels"][name] for each in observations]) for name in self._task.cameras}
        return {"pixels": pixels, "agent_pos": np.stack([each["agent_pos"] for each in observations])}

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """The first camera's picture of each environment."""
        if self.render_mode is None:
            return None
        return tuple(next(iter(self._task.observe(number)["pixels"].values())) for number in self._task.numbers)

    def call(self, name: str, *arguments: Any, **keywords: Any) -> tuple[Any, ...]:
        """What each environment's method or property gives; those of LeRobot's evaluation are known."""
        found = getattr(self, name)
        if name == "render":
            return self.render() or (None,) * self.num_envs
        return (found(*arguments, **keywords) if callable(found) else found,) * self.num_envs

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """A property of each environment."""
        return self.call(name)

    def close_extras(self, **kwargs: Any) -> None:
        """Ends the threads."""
        self._threads.shutdown()
