"""Sends low-rank adapters to LeRobot and peft and back, and compares their numbers, tiny and in the published size.

Usage: python -m oracle.parity.adapters exchange PROGRAM WORK SEED   runs and folders of both, both ways
       python -m oracle.parity.adapters write FOLDER                 an adapter of 450 M parameters, peft's numbers
       python -m oracle.parity.adapters compare FOLDER               FOLDER/ours.safetensors and FOLDER/merged with them
           (called by oracle/parity/adapters.sh)

Packages: lerobot==0.6.1 peft==0.21.2 and what they need

`exchange` leaves WORK/runs/NAME for the Swift side to compare, as `oracle.parity.checkpoints` does.
"""

import json
import shutil
import sys
from contextlib import chdir
from pathlib import Path

import numpy as np
import torch
from lerobot.configs.train import TrainPipelineConfig
from lerobot.optim.factory import make_optimizer_and_scheduler
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy
from peft import PeftConfig, PeftModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from oracle.common import adapters, lerobot_checkpoints
from oracle.common.smolvla_steps import make_batch
from oracle.common.tiny_smolvla import version_metadata
from oracle.parity import checkpoints, real_size

LOW_RANK = ["--peft.method_type=LORA", "--peft.r=3"]


def loaded(folder):
    """An adapter and its base, as LeRobot's `make_policy` loads them: peft's model and the policy in it."""
    configuration = PeftConfig.from_pretrained(folder)
    base = SmolVLAPolicy.from_pretrained(
        configuration.base_model_name_or_path, config=TrainPipelineConfig.from_pretrained(folder).policy
    )
    model = PeftModel.from_pretrained(base, folder, config=configuration, is_trainable=True)
    return model, model.base_model.model


def leave_run(work, name, checkpoint, seed):
    """A run, and the step that LeRobot takes from it, under the adapter's names."""
    folder = checkpoint / "pretrained_model"
    _, policy = loaded(folder)
    optimizer, scheduler = make_optimizer_and_scheduler(TrainPipelineConfig.from_pretrained(folder), policy)
    _, optimizer, scheduler = lerobot_checkpoints.load_training_state(checkpoint, optimizer, scheduler)
    shutil.copytree(checkpoint, work / "runs" / name)
    numbers = lerobot_checkpoints.update(policy, optimizer, scheduler, np.random.default_rng(seed))
    numbers = {adapters.plain(key): value for key, value in numbers.items()}
    save_file(numbers, work / "runs" / name / "numbers.safetensors", version_metadata())


def planned_alike(both, name, folder, seed):
    """Whether both plan the same from an adapter's folder, and from what merging makes of it."""
    model, policy = loaded(folder)
    batch, noise, time = make_batch(policy.config, np.random.default_rng(seed))
    file = both.work / f"{name}.safetensors"
    save_file({f"in/{key}": value for key, value in {**batch, "noise": noise, "time": time}.items()}, file)
    both.run([both.program, "probe", f"--policy.path={folder}", f"--batch={file}", f"--output={file}.ours"])
    both.run([both.program, "merge", str(folder), f"--output_dir={both.work}/{name}_merged"])
    ours, merged = load_file(f"{file}.ours"), load_file(both.work / f"{name}_merged/model.safetensors")
    policy.eval()
    with torch.no_grad():
        actions = policy.predict_action_chunk(dict(batch), noise)
    theirs = model.merge_and_unload().state_dict()
    worst = max(deviation(merged[key], theirs[key]) for key in merged)
    return checkpoints.report(name, "adapter's actions", deviation(ours["out/actions"], actions), 1e-5) & (
        checkpoints.report(name, "merged weights", worst, 1e-6)
    )


def deviation(found, expected):
    difference = (found.reshape(expected.shape).double() - expected.double()).norm()
    return (difference / expected.double().norm().clamp(min=1e-12)).item()


def exchange(program, work, seed):
    torch.set_num_threads(1)
    checkpoints.prepare(work, seed)
    both = checkpoints.Both(program, work)
    base = both.model("base_run")
    both.ours("--output_dir=base_run", "--policy.type=smolvla", "--steps=2", *both.data, *checkpoints.TINY)
    status = True

    # Trained here, on with it there, on with it here.
    whole = ["--peft.full_training_modules=[state_proj]"]
    for name, flags in (("ours", []), ("ours_whole", whole)):
        start = [f"--policy.path={base}", *LOW_RANK, "--peft.lora_alpha=6", *flags]
        both.ours(f"--output_dir={name}", "--steps=4", *both.data, *start)
        leave_run(work, name, both.model(name).parent, seed)
        status &= checkpoints.settings_known(both.model(name))
        status &= planned_alike(both, name, both.model(name), seed)
    both.theirs(f"--config_path={both.model('ours')}/train_config.json", "--resume=true", "--steps=6")
    both.ours(f"--config_path={both.model('ours', '000006')}/train_config.json", "--resume=true", "--steps=8")
    status &= planned_alike(both, "there_and_back", both.model("ours", "000008"), seed)

    # LeRobot's own run, on with it here.
    for name, flags in (("theirs", []), ("theirs_whole", whole)):
        start = [f"--policy.path={base}", *LOW_RANK, "--peft.lora_alpha=6", *flags, "--policy.push_to_hub=false"]
        both.theirs(f"--output_dir={name}", "--steps=2", *both.data, *start)
        leave_run(work, name, both.model(name).parent, seed)
        status &= planned_alike(both, name, both.model(name), seed)
        both.ours(f"--config_path={both.model(name)}/train_config.json", "--resume=true", "--steps=4")
    sys.exit(0 if status else 1)


def write(folder):
    policy, batch, noise, moment = real_size.prepare(folder / "base")
    before = {key: value.clone() for key, value in policy.state_dict().items() if "vlm." not in key}
    with chdir(folder):
        policy.config.pretrained_path = Path("base")
        model = adapters.wrapped(policy, {"flags": {"r": 16, "lora_alpha": 32}})
        adapters.randomize(policy, np.random.default_rng(7))
        model.save_pretrained("adapter")
        policy.config.save_pretrained("adapter")
        for entry in Path("base").glob("policy_*"):
            shutil.copy(entry, "adapter")
        shutil.copytree("base/backbone", "adapter/backbone")
        file = Path("adapter/adapter_config.json")
        fields = json.loads(file.read_text()) | {"base_model_name_or_path": str(Path("base").resolve())}
        file.write_text(json.dumps(fields))
    real_size.save_batch(batch, noise, moment, folder)
    found = {}
    with torch.no_grad():
        found["out/actions"] = policy.predict_action_chunk(dict(batch), noise=noise.clone())
    policy.train()
    loss, _ = policy.forward(dict(batch), noise, moment)
    loss.backward()
    trained = {adapters.plain(name): value for name, value in policy.named_parameters() if value.requires_grad}
    found |= {"out/loss": loss.detach().reshape(1)}
    found |= {f"g/{name}": value.grad.clone() for name, value in trained.items()}
    norm = torch.nn.utils.clip_grad_norm_(trained.values(), policy.config.optimizer_grad_clip_norm)
    found["out/gradnorm"] = norm.reshape(1)
    found |= {
        name: value for name, value in adapters.merged(model, before).items() if name.removeprefix("merged/") in before
    }
    save_file({key: value.detach().contiguous() for key, value in found.items()}, folder / "theirs.safetensors")


def compare(folder):
    theirs, ours = load_file(folder / "theirs.safetensors"), load_file(folder / "ours.safetensors")
    gradients = [name for name in theirs if name.startswith("g/")]
    assert gradients and set(gradients) == {name for name in ours if name.startswith("g/")}

    def joined(numbers):
        return torch.cat([numbers[name].flatten() for name in gradients])

    with safe_open(folder / "merged/model.safetensors", "pt") as merged:
        changed = [name for name in theirs if name.startswith("merged/")]
        worst = max(deviation(merged.get_tensor(name.removeprefix("merged/")), theirs[name]) for name in changed)
    found = {
        "loss": (deviation(ours["out/loss"], theirs["out/loss"]), 1e-6),
        "gradients": (deviation(joined(ours), joined(theirs)), 1e-6),
        "gradient norm": (deviation(ours["out/gradnorm"], theirs["out/gradnorm"]), 1e-6),
        "action chunk": (deviation(ours["out/actions"], theirs["out/actions"]), 1e-5),
        f"merged weights of {len(changed)} layers": (worst, 1e-6),
    }
    status = [checkpoints.report("adapter_450m", what, value, limit) for what, (value, limit) in found.items()]
    sys.exit(0 if all(status) else 1)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["exchange", program, work, seed]:
            exchange(program, Path(work).resolve(), int(seed))
        case ["write", folder]:
            write(Path(folder).resolve())
        case ["compare", folder]:
            compare(Path(folder).resolve())
        case _:
            sys.exit(__doc__)
