"""What the tests share: the program of this environment, small models, data and latents that it makes, and processes."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ROOT / "Tests/Policies/WorldModalityTests/PolicyGoldens"
DATASET = ROOT / "Tests/Program/CommandsTests/Goldens/libero"
DATASET_NAME = "HuggingFaceVLA/libero"

# Nothing is fetched, and one thread adds in one order.
ENVIRONMENT = os.environ | {
    "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "LP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
    "CUDA_VISIBLE_DEVICES": "", "TOKENIZERS_PARALLELISM": "false", "WANDB_MODE": "disabled",
}  # fmt: skip

# The smallest policy that still is one; a backbone and an encoder lie in the workspace.
SIZES = [
    "--policy.vlm_model_name=backbone", "--policy.num_vlm_layers=2", "--policy.resize_imgs_with_padding=[16,16]",
    "--policy.chunk_size=4", "--policy.n_action_steps=2", "--policy.max_state_dim=8", "--policy.max_action_dim=8",
    "--policy.num_steps=2", "--policy.expert_width_multiplier=0.5", "--policy.device=cpu",
    "--policy.push_to_hub=false",
]  # fmt: skip
WORLD = [
    "--policy.type=smolvla_world", f"--policy.dataset_repo_id={DATASET_NAME}", "--policy.cache_dir=cache",
    "--policy.latent_suffix=m2", "--policy.world_latent_dim=16", "--policy.context_frames=2",
    "--policy.future_offset=2", "--policy.world_inject_num_heads=2", "--policy.prophet_heads=2",
    "--policy.world_vision_model_name=models/encoder", "--policy.world_gate_init=0.5",
]  # fmt: skip
DATA = [f"--dataset.repo_id={DATASET_NAME}", "--dataset.root=data", "--batch_size=2", "--seed=3", "--log_freq=1"]


def run(command: list[str], cwd: Path, *, expect: int | None = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; fails unless it ends as expected (None for any way)."""
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT | variables, capture_output=True, text=True)
    if expect is not None and done.returncode != expect:
        raise AssertionError(
            f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        )
    return done


def program(*arguments: str, cwd: Path, expect: int | None = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the native program as this environment's console script does."""
    return run([sys.executable, "-m", "lerobot_wm", *arguments], cwd, expect=expect, **variables)


def python(code: str, *arguments: str, cwd: Path | None = None, expect: int | None = 0, **variables: str):
    """Runs Python code in a process of its own."""
    return run([sys.executable, "-c", code, *arguments], cwd or Path.cwd(), expect=expect, **variables)


def temporary_folder() -> Path:
    """A folder that is deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="lerobot-wm-python-")).resolve()
    owner = os.getpid()
    atexit.register(lambda: os.getpid() == owner and shutil.rmtree(folder, ignore_errors=True))
    return folder


def let_decode(tokenizer: Path) -> None:
    """Gives a tokenizer of the goldens a decoder, which SmolVLM2's has."""
    decoder = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    tokenizer.write_text(json.dumps(json.loads(tokenizer.read_text()) | {"decoder": decoder}))


@functools.cache
def workspace() -> Path:
    """A folder with `backbone`, `models/encoder`, `data` and its latents in `cache`."""
    folder = temporary_folder()
    shutil.copytree(POLICIES / "two_layers/backbone", folder / "backbone")
    let_decode(folder / "backbone/tokenizer.json")
    (folder / "data").symlink_to(DATASET)
    program(
        "scratch", "--output_dir=models", "--image_size=16", "--encoder_hidden_size=16", "--encoder_image_size=16",
        "--hidden_size=16", "--num_heads=2", "--num_vision_layers=1", cwd=folder,
    )  # fmt: skip
    program(
        "precompute", f"--dataset_name={DATASET_NAME}", "--dataset_root=data", "--cache_dir=cache", "--device=cpu",
        "--world_vision_model_name=models/encoder", "--temporal_window=2", "--num_compute_threads=1",
        "--image_key=observation.images.image", cwd=folder,
    )  # fmt: skip
    return folder


def train(output: str, *flags: str, steps: int, cwd: Path | None = None) -> Path:
    """Trains with the native program; returns the last checkpoint's `pretrained_model`."""
    folder = cwd or workspace()
    program(
        "train", *DATA, "--num_compute_threads=1", "--num_workers=1", f"--output_dir={output}", f"--steps={steps}", *flags,
        cwd=folder,
    )  # fmt: skip
    return (folder / output / "checkpoints/last/pretrained_model").resolve()


@functools.cache
def trained() -> Path:
    """A `smolvla_world` that the program has trained for two steps."""
    return train("trained", *SIZES, *WORLD, steps=2)


def libero_assets() -> Path | None:
    """The folder of LIBERO's scene assets, if this machine has them."""
    given = os.environ.get("WM_LIBERO_ASSETS")
    places = [Path(given)] if given else [Path.home() / ".cache/libero/assets"]
    return next((place for place in places if place.is_dir()), None)
