"""LeRobot's policy `smolvla_world` beside the native program and beside LeRobot's own SmolVLA."""

from __future__ import annotations

import copy
import functools
import json
import pickle
import shutil
import unittest
from contextlib import chdir
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import lerobot_policy_smolvla_world.modeling_smolvla_world as modeling
import support
import torch
from lerobot.configs.policies import PreTrainedConfig
from lerobot.policies.factory import get_policy_class
from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy
from lerobot_policy_smolvla_world import SmolVLAWorldPolicy
from safetensors.torch import load_file, save_file

CASES = support.POLICIES / "two_layers"
LEROBOT = "0.4" if version("lerobot").startswith("0.4") else "0.6"


def loaded(folder: Path = CASES, **changes: object) -> SmolVLAWorldPolicy:
    """The policy of a checkpoint as LeRobot loads it, following the LeRobot that is installed."""
    config = PreTrainedConfig.from_pretrained(folder)
    config.pretrained_path = folder
    config.device = "cpu"
    for name, value in ({"lerobot_version": LEROBOT} | changes).items():
        setattr(config, name, value)
    return get_policy_class("smolvla_world").from_pretrained(folder, config=config)


def batch_of(case: str, folder: Path = CASES) -> dict[str, torch.Tensor]:
    numbers = load_file(folder / f"cases/{case}.safetensors")
    return {name[3:]: value for name, value in numbers.items() if name.startswith("in/")}


def deviation(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return (found - wanted).abs().max().item()


class PluginTests(unittest.TestCase):
    def setUp(self):
        torch.set_num_threads(1)

    def test_lerobot_finds_the_policy_by_its_distributions_name(self):
        code = (
            "from lerobot.utils.import_utils import register_third_party_plugins\n"
            "register_third_party_plugins()\n"
            "from lerobot.configs.policies import PreTrainedConfig\n"
            "print(PreTrainedConfig.get_choice_class('smolvla_world').__module__)"
        )
        said = support.python(code).stdout.split()
        self.assertEqual(said[-1], "lerobot_policy_smolvla_world.configuration_smolvla_world")

    def test_every_setting_of_the_program_is_one_of_the_plugin(self):
        with chdir(support.workspace()):
            said = support.program("train", "--policy.type=smolvla_world", "--help", cwd=Path.cwd()).stdout
        ours = {line.split()[0].split("=")[0].removeprefix("--policy.") for line in said.splitlines()
                if line.strip().startswith("--policy.")}  # fmt: skip
        theirs = set(modeling.SmolVLAWorldConfig.__dataclass_fields__)
        self.assertGreater(len(ours & theirs), 60)
        # LeRobot takes a checkpoint's place.
        self.assertEqual(ours - theirs - {"type", "path"}, set())

    def test_loss_gradients_and_actions_are_the_programs_bit_for_bit(self):
        folder = support.temporary_folder()
        for case in ["pred", "closed", "absolute", "row_without_future"]:
            checkpoint = folder / case
            shutil.copytree(CASES, checkpoint, ignore=shutil.ignore_patterns("cases"))
            support.let_decode(checkpoint / "backbone/tokenizer.json")
            numbers = load_file(CASES / f"cases/{case}.safetensors")
            # A case may change a gate.
            gates = {name[2:]: value for name, value in numbers.items() if name.startswith("w/")}
            save_file(load_file(checkpoint / "model.safetensors") | gates, checkpoint / "model.safetensors")
            batch = {name: value for name, value in numbers.items() if name.startswith("in/")}
            save_file(batch, folder / f"{case}.in")
            support.program(
                "probe", f"--policy.path={checkpoint}", f"--batch={folder}/{case}.in", f"--output={folder}/{case}.out",
                f"--policy.lerobot_version={LEROBOT}", "--num_compute_threads=1", cwd=folder,
            )  # fmt: skip
            wanted = load_file(folder / f"{case}.out")
            # The probe adds up in LeRobot's order, and rounds nothing.
            ordered = functools.partial(modeling.SharedPolicy, reference_order=True)
            with mock.patch.object(modeling, "SharedPolicy", ordered):
                policy = loaded(checkpoint, precision="fp32")
                inputs = {name[3:]: value for name, value in batch.items()}
                total, metrics = policy.train().forward(inputs)
                total.backward()
                noise = inputs.pop("noise")
                planned = policy.predict_action_chunk(inputs, noise=noise)
            self.assertTrue(torch.equal(total.detach().reshape(1), wanted["out/loss_total"].reshape(1)))
            for name, value in metrics.items():
                self.assertEqual(value, wanted[f"out/{name}"].float().item(), name)
            gradients = {name[2:]: value for name, value in wanted.items() if name.startswith("g/")}
            found = {name: value.grad for name, value in policy.named_parameters() if value.grad is not None}
            self.assertEqual(found.keys(), gradients.keys())
            self.assertTrue(all(torch.equal(found[name], gradients[name]) for name in gradients))
            self.assertTrue(torch.equal(planned, wanted["out/actions"]), case)

    def test_loss_and_actions_are_lerobots_own_where_the_reference_has_computed_them(self):
        numbers = load_file(CASES / "cases/pred.safetensors")
        policy = loaded(lerobot_version="0.4")
        total, _ = policy.forward(batch_of("pred"))
        self.assertLess(deviation(total, numbers["out/loss_total"].squeeze()), 1e-5)

    def test_with_the_gate_closed_its_actions_are_those_of_lerobots_own_smolvla(self):
        policy = loaded()
        gates = [value for name, value in policy.named_parameters() if name.endswith("gate")]
        self.assertTrue(gates)
        with torch.no_grad():
            for gate in gates:
                gate.zero_()
        written = json.loads((CASES / "config.json").read_text())
        known = SmolVLAConfig.__dataclass_fields__
        folder = support.temporary_folder()
        shutil.copytree(CASES / "backbone", folder / "backbone")
        (folder / "config.json").write_text(
            json.dumps({"type": "smolvla"} | {name: value for name, value in written.items() if name in known})
        )
        weights = {name: value for name, value in policy.state_dict().items()
                   if not name.startswith(("prophet.", "model.world_"))}  # fmt: skip
        save_file(weights, folder / "model.safetensors")
        with chdir(folder):
            official = SmolVLAPolicy.from_pretrained(folder)
        batch = batch_of("pred")
        noise = batch.pop("noise")
        wanted = official.predict_action_chunk(dict(batch), noise=noise)
        found = policy.predict_action_chunk(batch, noise=noise)
        print(f"actions beside LeRobot's own SmolVLA: {deviation(found, wanted):.1e}")
        self.assertLess(deviation(found, wanted), 1e-6)

    def test_a_copy_a_pickle_and_a_saved_policy_act_as_the_policy(self):
        policy = loaded()
        batch = batch_of("pred")
        noise = batch.pop("noise")
        wanted = policy.predict_action_chunk(batch, noise=noise)
        folder = support.temporary_folder()
        policy.save_pretrained(folder)
        shutil.copytree(CASES / "backbone", folder / "backbone")
        for other in [copy.deepcopy(policy), pickle.loads(pickle.dumps(policy)), loaded(folder)]:
            self.assertTrue(torch.equal(other.predict_action_chunk(batch, noise=noise), wanted))

    def test_a_step_of_pythons_optimizer_changes_what_the_core_computes(self):
        policy = loaded().train()
        optimizer = torch.optim.AdamW(policy.get_optim_params(), lr=1e-2)
        batch = batch_of("pred")
        losses = []
        for _ in range(5):
            optimizer.zero_grad()
            total, _ = policy.forward(batch)
            total.backward()
            optimizer.step()
            losses.append(total.item())
        self.assertEqual(losses, sorted(losses, reverse=True))

    def test_a_plan_lasts_for_its_steps_and_a_reset_forgets_it(self):
        policy = loaded(n_action_steps=3)
        batch = batch_of("pred")
        noise = batch.pop("noise")
        plan = policy.predict_action_chunk(batch, noise=noise)
        policy.reset()
        with mock.patch.object(policy, "_plan", side_effect=lambda *_: plan) as planned:
            actions = torch.stack([policy.select_action(batch) for _ in range(4)], 1)
        self.assertEqual(planned.call_count, 2)
        self.assertTrue(torch.equal(actions[:, :3], plan[:, :3]))
        self.assertTrue(torch.equal(actions[:, 3], plan[:, 0]))

    def test_an_old_checkpoint_of_the_program_keeps_the_version_that_it_was_trained_with(self):
        folder = support.temporary_folder() / "old"
        shutil.copytree(support.trained(), folder)
        record = json.loads((folder / "training_record.json").read_text())
        self.assertEqual(loaded(folder, lerobot_version=None).config.lerobot_version, "0.6")
        for segment in record["segments"]:
            segment.pop("lerobot_version", None)
        (folder / "training_record.json").write_text(json.dumps(record))
        with self.assertLogs(level="INFO") as said:
            policy = loaded(folder, lerobot_version=None)
        self.assertTrue(any("keeps them" in line for line in said.output))
        self.assertEqual(policy.config.lerobot_version, "0.4")
        # The setting travels with what LeRobot saves, and is not the record's where it is given.
        saved = support.temporary_folder()
        policy.save_pretrained(saved)
        self.assertEqual(json.loads((saved / "config.json").read_text())["lerobot_version"], "0.4")
        self.assertEqual(loaded(folder, lerobot_version="0.6").config.lerobot_version, "0.6")


if __name__ == "__main__":
    unittest.main()
