"""The package itself: what it costs, what it says, and that it ends as a Python program ends."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest
from contextlib import chdir, redirect_stderr
from unittest import mock

import numpy as np
import support
import torch
from safetensors.torch import load_file
from torch.utils._python_dispatch import TorchDispatchMode

import lerobot_wm
from lerobot_wm import engines
from lerobot_wm.policies import SharedPolicy

CASE = support.POLICIES / "one_future"


def settings() -> dict:
    import json

    return json.loads((CASE / "config.json").read_text())


def case() -> tuple[SharedPolicy, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """A policy, its parameters and a batch."""
    parameters = {name: value.float().requires_grad_() for name, value in load_file(CASE / "model.safetensors").items()}
    numbers = load_file(CASE / "cases/one_future.safetensors")
    batch = {name[3:]: value for name, value in numbers.items() if name.startswith("in/")}
    return SharedPolicy(settings(), parameters, folder=str(CASE)), parameters, batch


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


class Raising(TorchDispatchMode):
    """Python code that libtorch calls while Swift computes, and that raises."""

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        raise ValueError("the callback's own words")


class PackageTests(unittest.TestCase):
    def setUp(self):
        torch.set_num_threads(1)

    def test_importing_the_package_costs_at_most_50_ms_beyond_torch(self):
        code = (
            # Processor time, which does not depend on what else the machine does.
            "import time, numpy, torch; begun = time.process_time()\n"
            "import lerobot_wm, lerobot_wm.policies, lerobot_wm.encoders\n"
            "print(time.process_time() - begun)"
        )
        seconds = min(float(support.python(code).stdout) for _ in range(3))
        self.assertLess(seconds, 0.05)

    def test_the_package_alone_imports_neither_torch_nor_gymnasium(self):
        code = "import sys, lerobot_wm; print(sorted({'torch', 'gymnasium', 'numpy'} & set(sys.modules)))"
        self.assertEqual(support.python(code).stdout.strip(), "[]")

    def test_an_error_in_swift_is_an_exception_with_its_sentence(self):
        with self.assertRaisesRegex(
            lerobot_wm.Error, "the given parameters do not fit the policy's settings; .* missing"
        ):
            SharedPolicy(settings(), {"model.stranger": torch.zeros(1)}, folder=str(CASE))
        with self.assertRaisesRegex(lerobot_wm.Error, "nowhere"):
            lerobot_wm.load_policy("/nowhere/at/all")
        policy, _, batch = case()
        with self.assertRaises(lerobot_wm.Error) as caught:
            policy.loss({name: value for name, value in batch.items() if name != "action"})
        self.assertEqual(len(str(caught.exception).splitlines()), 1)
        self.assertIsInstance(caught.exception, RuntimeError)

    def test_an_error_of_libtorch_in_the_middle_of_a_loss_is_an_exception_too(self):
        policy, _, batch = case()
        wrong = batch | {"observation.state": torch.zeros(2, 3, 4, 5)}
        with self.assertRaises(lerobot_wm.Error):
            policy.loss(wrong)
        self.assertTrue(policy.loss(batch)[0].isfinite())

    def test_a_tensor_that_the_core_cannot_read_is_named_with_its_kind(self):
        policy, _, batch = case()
        strangers = [
            (torch.zeros(2, 8, dtype=torch.complex64), "ComplexFloat"),
            (torch.zeros(2, 8, dtype=torch.uint16), "UInt16"),
            (torch.zeros(2, 8).to_sparse(), "Sparse"),
            (torch.zeros(2, 8, device="meta"), "meta|Meta"),
        ]
        for stranger, kind in strangers:
            with self.assertRaisesRegex(lerobot_wm.Error, f"observation.state is a .*({kind}).*; give a dense tensor"):
                policy.loss(batch | {"observation.state": stranger})

    def test_a_callback_that_raises_while_swift_computes_ends_no_process(self):
        policy, _, batch = case()
        with self.assertRaisesRegex(lerobot_wm.Error, "Python code that it called raised"):
            with Raising():
                policy.loss(batch)

        def refuse(tensor):
            raise ValueError("no tensor is packed")

        with self.assertRaisesRegex(lerobot_wm.Error, "Python code that it called raised"):
            with torch.autograd.graph.saved_tensors_hooks(refuse, lambda tensor: tensor):
                policy.loss(batch)
        self.assertTrue(policy.loss(batch)[0].isfinite())

    def test_a_hook_that_raises_during_the_backward_pass_is_its_own_exception(self):
        policy, parameters, batch = case()

        def refuse(gradient):
            raise ValueError("no gradient is wanted")

        handle = parameters["model.action_out_proj.bias"].register_hook(refuse)
        with self.assertRaisesRegex(ValueError, "no gradient is wanted"):
            policy.loss(batch)[0].backward()
        handle.remove()
        policy.loss(batch)[0].backward()

    def test_what_is_planned_in_inference_mode_is_no_obstacle_to_training(self):
        policy, parameters, batch = case()
        with torch.inference_mode():
            policy.actions(batch)
        total, _ = policy.loss(batch)
        total.backward()
        self.assertIsNotNone(parameters["model.action_out_proj.bias"].grad)

    def test_a_thousand_losses_gradients_and_plans_leave_no_memory_behind(self):
        policy, parameters, batch = case()

        def once(step):
            for parameter in parameters.values():
                parameter.grad = None
            policy.loss(batch, seed=1, step=step)[0].backward()
            policy.actions(batch, seed=step)

        for step in range(200):
            once(step)
        before = resident_bytes()
        for step in range(1000):
            once(step)
        grown = resident_bytes() - before
        print(f"memory of 1,000 losses, gradients and plans: {grown / 2**20:+.1f} MB")
        self.assertLess(grown, 8 * 2**20)

    def test_two_hundred_policies_come_and_go(self):
        _, parameters, _ = case()
        known = settings()

        def once():
            SharedPolicy(known, parameters, folder=str(CASE))

        for _ in range(50):
            once()
        before = resident_bytes()
        for _ in range(200):
            once()
        grown = resident_bytes() - before
        print(f"memory of 200 policies: {grown / 2**20:+.1f} MB")
        self.assertLess(grown, 8 * 2**20)

    def test_calls_from_several_threads_take_turns(self):
        from concurrent.futures import ThreadPoolExecutor

        policy, _, batch = case()
        wanted = policy.actions(batch, seed=5)
        with ThreadPoolExecutor(4) as threads:
            for planned in threads.map(lambda _: policy.actions(batch, seed=5), range(20)):
                self.assertTrue(torch.equal(planned, wanted))

    def test_headers_that_are_missing_are_named_at_once_and_keep_no_other_shim_away(self):
        folder = support.temporary_folder()
        there = engines.folder()
        engines.compile_shims(there)
        (folder / "engines").symlink_to(there / "engines")
        shutil.copytree(there / "shims", folder / "shims")
        for name in ["libwm_media.so", "libwm_video.so"]:
            (folder / "shims" / name).unlink(missing_ok=True)
        compiler = folder / "compiler"
        compiler.write_text(f'#!/bin/sh\necho "$1" >>{folder}/calls\nexec g++ -nostdinc "$@"\n')
        compiler.chmod(0o755)
        said = io.StringIO()
        with mock.patch.dict(os.environ, CXX=str(compiler)), redirect_stderr(said):
            engines.compile_shims(folder)
        first, second = said.getvalue().splitlines()
        self.assertRegex(
            first, "^lerobot-wm: recorded images cannot be read: .*png.h.*; install Debian's g\\+\\+ libpng-dev"
        )
        self.assertRegex(second, "^lerobot-wm: videos cannot be read: .*libavformat/avformat.h.*libswscale-dev")
        # Nothing was compiled for that.
        self.assertEqual(set((folder / "calls").read_text().split()), {"-E"})

    def test_ctrl_c_is_heard_between_calls_and_the_process_ends_as_python_does(self):
        code = (
            "import lerobot_wm, numpy, signal, sys\n"
            # A shell starts jobs in the background with the signal ignored, and Python leaves it so.
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "encoder = lerobot_wm.Encoder(sys.argv[1])\n"
            "frames = numpy.zeros((100000, 16, 16, 3), numpy.uint8)\n"
            # Importing torch, which the first call does, loses an interruption.
            "encoder.latents(frames[:8], temporal_window=2)\n"
            "print('begun', flush=True)\n"
            "encoder.latents(frames, temporal_window=2)"
        )
        path = str(support.workspace() / "models/encoder")
        process = subprocess.Popen(
            [sys.executable, "-c", code, path], env=support.ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        process.stdout.readline()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, errors = process.communicate(timeout=60)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertIn("KeyboardInterrupt", errors)
        self.assertEqual(process.returncode, -signal.SIGINT)

    def test_the_interpreter_ends_in_peace_with_everything_still_held(self):
        code = (
            "import sys, threading\nsys.path.insert(0, sys.argv[1])\nimport test_package, lerobot_wm\n"
            "policy, parameters, batch = test_package.case()\n"
            "total, metrics = policy.loss(batch)\n"
            "encoder = lerobot_wm.Encoder(sys.argv[2])\n"
            "threading.Thread(target=lambda: [policy.actions(batch) for _ in range(50)], daemon=True).start()\n"
            "class Held:\n    def __del__(self): policy.actions(batch)\n"
            "held = Held()\nsys.modules['held'] = held\n"
        )
        folder, encoder = str(support.ROOT / "python/tests"), str(support.workspace() / "models/encoder")
        for _ in range(3):
            done = support.python(code, folder, encoder)
            self.assertNotIn("Fatal", done.stderr)

    def test_a_checkpoint_plans_in_the_environments_units(self):
        policy = lerobot_wm.load_policy(str(support.trained()))
        self.assertEqual(sorted(policy.cameras), ["image", "image2"])
        images = {name: np.full((32, 32, 3), 90, np.uint8) for name in policy.cameras}
        observation = {"images": images, "state": np.zeros(8), "instruction": "open the top drawer"}
        with self.assertRaisesRegex(lerobot_wm.Error, "reads the past: give the last"):
            policy.plan(observation)
        _, frames = policy.history
        observation["history"] = np.stack([images["image"]] * frames)
        # Its encoder's name is a place in the workspace.
        with chdir(support.workspace()):
            actions = policy.plan(observation, seed=4)
        self.assertEqual((actions.shape, actions.dtype), ((2, 7), np.float32))
        self.assertTrue(np.array_equal(actions, policy.plan(observation, seed=4)))
        shared = observation | {"state": torch.zeros(8, dtype=torch.float64)}
        self.assertTrue(np.array_equal(actions, policy.plan(shared, seed=4)))

    def test_latents_are_those_that_precompute_leaves(self):
        import pyarrow.parquet as parquet

        file = next((support.workspace() / "cache").rglob("*.npy"))
        left = np.load(file)
        table = parquet.read_table(next((support.DATASET / "data").rglob("*.parquet")))
        frames = np.stack([decoded(image["bytes"]) for image in table["observation.images.image"].to_pylist()])
        episode = table["episode_index"].to_numpy()
        encoder = lerobot_wm.Encoder(str(support.workspace() / "models/encoder"))
        self.assertEqual(encoder.latent_dimension, 16)
        for number in np.unique(episode):
            found = encoder.latents(frames[episode == number], temporal_window=2)
            self.assertTrue(np.array_equal(found.astype(np.float16), left[episode == number]))


def decoded(image: bytes) -> np.ndarray:
    from PIL import Image

    return np.array(Image.open(io.BytesIO(image)).convert("RGB"))


if __name__ == "__main__":
    unittest.main()
