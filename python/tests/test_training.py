"""`lerobot-train` with the plugin beside `lerobot-wm-train`, and runs that go from one to the other."""

from __future__ import annotations

import json
import sys
import unittest
from contextlib import chdir
from importlib.metadata import version
from pathlib import Path

import support
import torch
from safetensors.torch import load_file

IS_FORMER = version("lerobot").startswith("0.4")
# LeRobot 0.6 names the frequency of evaluations otherwise.
EVALUATIONS = "--eval_freq=0" if IS_FORMER else "--env_eval_freq=0"
LEROBOT = "0.4" if IS_FORMER else "0.6"
TRAIN = [sys.executable, "-m", "lerobot.scripts.lerobot_train"]


def lerobot_train(output: str, *flags: str, steps: int, command: list[str] = TRAIN) -> Path:
    """Trains with LeRobot; returns the last checkpoint's `pretrained_model`."""
    folder = support.workspace()
    support.run(
        [*command, *support.DATA, "--dataset.root=data", "--num_workers=0", EVALUATIONS, f"--output_dir={output}",
         f"--steps={steps}", "--wandb.enable=false", *flags], folder,
    )  # fmt: skip
    return (folder / output / "checkpoints/last/pretrained_model").resolve()


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    return load_file(checkpoint / "model.safetensors")


def largest_difference(first: Path, second: Path) -> float:
    """The largest difference of two checkpoints' weights that learn.

    What is added to all keys alike changes no attention: the gradient of their bias is rounding, which Adam makes whole
    steps of.
    """
    first, second = weights(first), weights(second)
    assert first.keys() == second.keys(), first.keys() ^ second.keys()

    def differences(name: str) -> torch.Tensor:
        difference = (first[name].double() - second[name].double()).abs()
        if name.endswith("in_proj_bias"):
            queries, _, values = difference.chunk(3)
            return torch.cat([queries, values])
        return difference

    return max(differences(name).max().item() for name in first)


def native(output: str, *flags: str, steps: int) -> Path:
    """Trains with the program, following the LeRobot that is installed."""
    return support.train(output, "--dataset.root=data", f"--policy.lerobot_version={LEROBOT}", *flags, steps=steps)


class TrainingTests(unittest.TestCase):
    def test_twenty_steps_of_both_on_the_same_samples_and_noise_give_the_same_weights(self):
        start = native("start", *support.SIZES, *support.WORLD, steps=1)
        flags = [f"--policy.path={start}", "--policy.optimizer_lr=1e-3", "--policy.push_to_hub=false"]
        ours = native("ours", *flags, "--save_freq=100", steps=20)
        script = str(Path(__file__).with_name("trained_by_lerobot.py"))
        theirs = lerobot_train("theirs", *flags, steps=20, command=[sys.executable, script, "3"])
        moved, difference = largest_difference(start, ours), largest_difference(ours, theirs)
        print(f"20 steps move weights by up to {moved:.1e}; LeRobot's and the program's differ by {difference:.1e}")
        self.assertGreater(moved, 1e-3)
        self.assertLess(difference, 1e-6)

    def test_a_run_of_lerobot_is_resumed_there_and_by_the_program_and_loads_in_both(self):
        # What the latents are of is written beside the weights by either.
        first = lerobot_train("run", *support.SIZES, *support.WORLD, steps=2)
        self.assertTrue((first / "world_latents.json").exists())
        flags = [f"--config_path={first}/train_config.json", "--resume=true"]
        support.run([*TRAIN, *flags, "--steps=4"], support.workspace())
        second = (first.parents[1] / "last/pretrained_model").resolve()
        self.assertEqual(second.parent.name, "000004")
        self.assertGreater(largest_difference(first, second), 0)
        support.program(
            "train", f"--config_path={second}/train_config.json", "--resume=true", "--steps=6",
            "--num_compute_threads=1", cwd=support.workspace(),
        )  # fmt: skip
        third = (first.parents[1] / "last/pretrained_model").resolve()
        self.assertEqual(third.parent.name, "000006")
        from lerobot_policy_smolvla_world import SmolVLAWorldPolicy

        for checkpoint in [first, second, third]:
            with chdir(support.workspace()):
                policy = SmolVLAWorldPolicy.from_pretrained(checkpoint)
            held = weights(checkpoint)
            self.assertTrue(all(torch.equal(value, held[name]) for name, value in policy.state_dict().items()))

    def test_a_run_of_the_program_is_resumed_by_lerobot(self):
        first = native("mine", *support.SIZES, *support.WORLD, steps=2)
        support.run(
            [*TRAIN, f"--config_path={first}/train_config.json", "--resume=true", "--steps=4"], support.workspace()
        )
        second = (first.parents[1] / "last/pretrained_model").resolve()
        self.assertEqual(second.parent.name, "000004")
        self.assertEqual(json.loads((second / "config.json").read_text())["lerobot_version"], LEROBOT)

    def test_two_processes_train_one_policy(self):
        # As `accelerate launch` starts them; on a CPU they speak through gloo.
        launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=29517", "-m",
                  "lerobot.scripts.lerobot_train"]  # fmt: skip
        checkpoint = lerobot_train("two", *support.SIZES, *support.WORLD, steps=2, command=launch)
        state = json.loads((checkpoint.parent / "training_state/training_step.json").read_text())
        self.assertEqual(state.get("num_processes", 2), 2)
        self.assertTrue(all(value.isfinite().all() for value in weights(checkpoint).values()))

    def test_what_the_program_refuses_ends_lerobots_training_with_its_sentence(self):
        done = support.run(
            [*TRAIN, *support.DATA, "--dataset.root=data", "--num_workers=0", "--output_dir=refused", "--steps=1",
             EVALUATIONS, *support.SIZES, *support.WORLD, "--policy.cache_dir=nowhere"], support.workspace(), expect=1,
        )  # fmt: skip
        self.assertIn("lerobot_wm.errors.Error: ", done.stderr)
        self.assertIn("nowhere", done.stderr)


if __name__ == "__main__":
    unittest.main()
