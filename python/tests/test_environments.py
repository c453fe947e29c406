"""LIBERO through gymnasium beside the native program, and in LeRobot's evaluation."""

from __future__ import annotations

import json
import os
import sys
import unittest
import warnings
from importlib.metadata import version

import numpy as np
import support
from safetensors.numpy import load_file

ASSETS = support.libero_assets()
IS_FORMER = version("lerobot").startswith("0.4")

if ASSETS is not None:
    settings = support.temporary_folder()
    (settings / "config.yaml").write_text(f"assets: {ASSETS}\n")
    os.environ["LIBERO_CONFIG_PATH"] = support.ENVIRONMENT["LIBERO_CONFIG_PATH"] = str(settings)


def slow_moves(steps: int) -> np.ndarray:
    random = np.random.default_rng(7)
    return random.uniform(-0.6, 0.6, (steps, 7)).astype(np.float32)


@unittest.skipIf(ASSETS is None, "LIBERO's scene assets are not here (WM_LIBERO_ASSETS)")
class EnvironmentTests(unittest.TestCase):
    def test_an_episode_is_that_of_the_native_program_picture_by_picture(self):
        from lerobot_wm import LiberoEnv

        folder = support.temporary_folder()
        actions = slow_moves(6)
        np.save(folder / "actions.npy", actions)
        support.program(
            "replay", "--env.type=libero", "--env.task=libero_spatial", "--env.task_ids=[2]", "--init_state=3", "--seed=8",
            f"--actions={folder}/actions.npy", "--images=0,1,2,3,4,5,6", f"--output={folder}/trace.safetensors",
            "--env.observation_height=96", "--env.observation_width=128", cwd=folder,
        )  # fmt: skip
        trace = load_file(folder / "trace.safetensors")
        environment = LiberoEnv("libero_spatial", 2, height=96, width=128)
        # A run's episode 3 starts at the initial state 3, with fixtures placed by the seed and that number.
        observation, _ = environment.reset(seed=5, options={"episode": 3})
        seen = [observation]
        for step, action in enumerate(actions):
            observation, reward, terminated, truncated, information = environment.step(action)
            self.assertEqual(
                (reward, information["is_success"]), (trace["reward"][step + 1], trace["success"][step + 1])
            )
            self.assertEqual((terminated, truncated), (bool(trace["terminated"][step + 1]), False))
            seen.append(observation)
        for step, observation in enumerate(seen):
            self.assertTrue(np.array_equal(observation["agent_pos"], trace["policy_state"][step]))
            for camera in ["image", "image2"]:
                wanted = trace[f"policy_{camera}_{step}"].transpose(1, 2, 0)
                self.assertTrue(np.array_equal(observation["pixels"][camera], wanted), (camera, step))
        self.assertGreater(np.abs(seen[0]["pixels"]["image2"].astype(int) - seen[-1]["pixels"]["image2"]).max(), 0)

    def test_gymnasiums_checker_finds_nothing(self):
        from gymnasium.utils.env_checker import check_env

        from lerobot_wm import LiberoEnv

        environment = LiberoEnv("libero_object", 1, height=64, width=64)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            check_env(environment)
        # A state has no bounds, and the environment is in no registry.
        known = ("minimum value is -infinity", "maximum value is infinity", "isn't normalized", "spec", "render modes")
        self.assertEqual(
            [str(each.message) for each in said if not any(text in str(each.message) for text in known)], []
        )

    def test_several_environments_are_several_single_ones(self):
        from lerobot_wm import LiberoEnv, LiberoVectorEnv

        several = LiberoVectorEnv("libero_spatial", 0, num_envs=3, height=64, width=64, maximum_steps=3)
        single = LiberoEnv("libero_spatial", 0, height=64, width=64, maximum_steps=3)
        self.assertEqual(several.single_observation_space, single.observation_space)
        together, _ = several.reset(seed=4)
        self.assertIn(together["agent_pos"].dtype, [np.float32])
        actions = slow_moves(9).reshape(3, 3, 7)
        states = [together["agent_pos"]]
        for step in range(3):
            together, rewards, terminated, truncated, information = several.step(actions[step])
            states.append(together["agent_pos"])
        self.assertEqual(truncated.tolist(), [True] * 3)
        self.assertEqual(information["_final_info"].tolist(), [True] * 3)
        for episode in range(3):
            alone, _ = single.reset(seed=4, options={"episode": episode})
            self.assertTrue(np.array_equal(alone["agent_pos"], states[0][episode]))
            for step in range(3):
                alone, *_ = single.step(actions[step, episode])
                self.assertTrue(np.array_equal(alone["agent_pos"], states[step + 1][episode]))
        for camera, picture in alone["pixels"].items():
            self.assertTrue(np.array_equal(picture, together["pixels"][camera][2]))
        # The next step starts the next episodes.
        together, rewards, *_ = several.step(actions[0])
        alone, _ = single.reset(seed=4, options={"episode": 4})
        self.assertTrue(np.array_equal(alone["agent_pos"], together["agent_pos"][1]))
        self.assertEqual(rewards.tolist(), [0, 0, 0])
        several.close()

    def test_what_cannot_be_is_a_sentence(self):
        from lerobot_wm import Error, LiberoEnv

        with self.assertRaisesRegex(Error, "libero_moon"):
            LiberoEnv("libero_moon", 0)
        with self.assertRaisesRegex(Error, "control_mode=sideways"):
            LiberoEnv("libero_spatial", 0, control_mode="sideways")
        environment = LiberoEnv("libero_spatial", 0, height=64, width=64)
        with self.assertRaisesRegex(Error, "call reset"):
            environment.step(np.zeros(7))
        environment.reset(seed=0)
        with self.assertRaises(Error):
            environment.step(np.zeros(3))

    @unittest.skipIf(IS_FORMER, "LeRobot 0.4 knows no environments of other distributions")
    def test_lerobots_evaluation_runs_a_policy_on_the_native_simulator(self):
        checkpoint = support.trained()
        folder = support.workspace()
        support.run(
            [sys.executable, "-m", "lerobot.scripts.lerobot_eval", f"--policy.path={checkpoint}", "--policy.device=cpu",
             "--env.type=libero_native", "--env.task=libero_spatial,libero_goal", "--env.task_ids=[1]",
             "--env.episode_length=3", "--env.observation_height=32", "--env.observation_width=32", "--eval.n_episodes=3",
             "--eval.batch_size=2", "--output_dir=evaluated", "--seed=1"], folder,
        )  # fmt: skip
        found = json.loads((folder / "evaluated/eval_info.json").read_text())
        self.assertEqual({each["task_group"] for each in found["per_task"]}, {"libero_spatial", "libero_goal"})
        self.assertEqual(found["overall"]["n_episodes"], 6)

    @unittest.skipIf(IS_FORMER, "LeRobot 0.4 knows no environments of other distributions")
    def test_rollouts_go_from_initial_state_to_initial_state_and_rest_after_an_end(self):
        from lerobot_env_libero_native import LiberoNativeEnv

        made = LiberoNativeEnv(task="libero_goal", task_ids=[0, 4], episode_length=2, observation_height=32,
                               observation_width=32).create_envs(n_envs=2)  # fmt: skip
        self.assertEqual(list(made["libero_goal"]), [0, 4])
        environments = made["libero_goal"][4]
        first, _ = environments.reset(seed=[1, 2])
        for _ in range(2):
            last, _, terminated, truncated, _ = environments.step(np.zeros((2, 7), np.float32))
        after, _, terminated, truncated, _ = environments.step(np.ones((2, 7), np.float32))
        self.assertTrue(np.array_equal(after["agent_pos"], last["agent_pos"]) and truncated.all())
        second, _ = environments.reset(seed=[3, 4])
        # Episodes 0 and 1, then 2 and 3.
        self.assertFalse(np.array_equal(first["pixels"]["image"][0], second["pixels"]["image"][0]))
        self.assertEqual(environments._episodes, [4, 5])
        self.assertEqual(environments.call("_max_episode_steps"), (2, 2))
        self.assertEqual(len(set(environments.call("task_description"))), 1)
        environments.close()


if __name__ == "__main__":
    unittest.main()
