"""Goldens of LeRobot's SmolVLA in many tiny configurations.

Packages: lerobot==0.4.4 transformers==4.57.6 tokenizers==0.22.2 torch==2.13.0 safetensors==0.8.0 numpy==2.2.6
Usage: python oracle/smolvla_goldens.py write FOLDER                the committed ones (Tests/Policies/SmolVLATests/Goldens)
       python oracle/smolvla_goldens.py again COMMITTED FOLDER      the same, of the batches that were committed
       python oracle/smolvla_goldens.py draw FOLDER COUNT SEED      COUNT random ones
       python oracle/smolvla_goldens.py compare COMMITTED FRESH     are these the same numbers?

FOLDER/CHECKPOINT/ is a LeRobot checkpoint; FOLDER/CHECKPOINT/cases/CASE.safetensors holds in/… (what the preprocessor
leaves, noise, time), mid/… (embeddings and masks), out/losses, out/loss (0.4.4's mean), out/loss_valid (the mean over
real dimensions of steps inside the episode), out/gradnorm, out/actions (sampled from in/noise; absent where LeRobot
cannot), g/… (gradients of out/loss) and w1/… (weights after one AdamW step: lr 1e-3, betas 0.9/0.95, eps 1e-8, decay
1e-10, clip 10). Its metadata says which settings differ from config.json, and names the trainable parameters that
LeRobot leaves without a gradient or gives zeros.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from smolvla_cases import COMMITTED, drawn
from smolvla_checkpoints import VOCABULARY, load_policy, write_checkpoint
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMVisionConfig, SmolVLMVisionEmbeddings

TOLERANCE = 2e-5


class IllConditioned(Exception):
    """No batch gives gradients that can be compared."""


def make_batch(config, random, size=2, padded_tokens=False, absent=(), masked=(), sizes=None, time_axes=False):
    """What the preprocessor leaves of `size` samples, with noise and time."""
    # NumPy's numbers, because they are the same on every processor.
    def uniform(*shape):
        return torch.from_numpy(random.random(shape)).float()

    def normal(*shape):
        return torch.from_numpy(random.standard_normal(shape)).float()

    batch = {}
    for key, feature in config.image_features.items():
        name = key.removeprefix("observation.images.")
        if name in absent or name.startswith("empty_camera_"):
            continue
        height, width = (sizes or {}).get(name, feature.shape[1:])
        batch[key] = uniform(size, 2, 3, height, width) if time_axes else uniform(size, 3, height, width)
        if name in masked:
            batch[f"{key}_padding_mask"] = torch.arange(size) % 2 == 1
    state = config.robot_state_feature.shape[0]
    batch["observation.state"] = normal(size, 1, state) if time_axes else normal(size, state)
    length = 5
    tokens = torch.from_numpy(random.integers(6, VOCABULARY, (size, length)))
    mask = torch.ones(size, length, dtype=torch.bool)
    if padded_tokens:
        for row in range(size):
            mask[row, length - 1 - row % 3:] = False
        tokens[~mask] = 2
    # One padding token that is attended to: its row of the table gets no gradient all the same.
    tokens[0, 0] = 2
    batch["observation.language.tokens"], batch["observation.language.attention_mask"] = tokens, mask
    batch["action"] = normal(size, config.chunk_size, config.action_feature.shape[0])
    ends = torch.from_numpy(random.integers(1, config.chunk_size + 1, (size, 1)))
    batch["action_is_pad"] = torch.arange(config.chunk_size)[None, :] >= ends
    noise = normal(size, config.chunk_size, config.max_action_dim)
    return batch, noise, uniform(size) * 0.999 + 0.001


def embeddings(policy, batch, noise, time, with_vision):
    """Prefix and suffix as the model embeds them."""
    result = {}
    with torch.no_grad():
        images, masks = policy.prepare_images(batch)
        if with_vision:
            result["mid/img0_resized"] = images[0]
            result["mid/vision0"] = policy.model.vlm_with_expert.get_vlm_model().vision_model(images[0]).last_hidden_state
        prefix, pad, _ = policy.model.embed_prefix(
            images, masks, batch["observation.language.tokens"], batch["observation.language.attention_mask"],
            state=policy.prepare_state(batch))
        actions, times = policy.prepare_action(batch), time[:, None, None]
        suffix, _, _ = policy.model.embed_suffix(times * noise + (1 - times) * actions, time)
    return {**result, "mid/prefix_embs": prefix, "mid/prefix_pad": pad, "mid/suffix_embs": suffix}


def step(policy, batch, noise, time):
    """Loss, gradients by name (None where there is none), their norm, and weights after one AdamW step."""
    trainable = {key: value for key, value in policy.named_parameters() if value.requires_grad}
    before = {key: value.detach().clone() for key, value in trainable.items()}
    policy.zero_grad()
    loss, _ = policy.forward(dict(batch), noise, time)
    loss.backward()
    gradients = {key: None if value.grad is None else value.grad.clone() for key, value in trainable.items()}
    norm = torch.nn.utils.clip_grad_norm_(policy.parameters(), 10)
    torch.optim.AdamW(trainable.values(), lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=1e-10).step()
    after = {key: value.detach().clone() for key, value in trainable.items()}
    with torch.no_grad():
        for key, value in trainable.items():
            value.copy_(before[key])
    return loss.detach(), gradients, norm, after


def is_sensitive(policy, batch, noise, time, gradients, after):
    """Whether LeRobot's own numbers move too far, to be compared with others, when every weight moves by a rounding.

    Weights after a step are looked at where there are any.
    """
    def moved(old, new, floor):
        return max(((old[key] - new[key]).norm() / max(old[key].norm().item(), floor)).item() for key in old)

    known = {key: value for key, value in gradients.items() if value is not None and value.any()}
    total = max(value.norm().item() for value in known.values())
    generator = torch.Generator().manual_seed(0)
    weights = {key: value.detach().clone() for key, value in policy.named_parameters()}
    result = False
    for _ in range(3):
        with torch.no_grad():
            for key, value in policy.named_parameters():
                value.copy_(weights[key] * (1 + 6e-8 * torch.randn(value.shape, generator=generator)))
        _, other, _, later = step(policy, batch, noise, time)
        # Zero but for rounding, as a bias of keys is to softmax.
        real = [key for key in known if known[key].norm() > 1e-5 * total]
        result = result or moved(known, other, 1e-2 * total) > 4e-6
        if after is not None:
            result = result or moved({key: after[key] for key in real}, later, 1e-12) > 4e-7
    with torch.no_grad():
        for key, value in policy.named_parameters():
            value.copy_(weights[key])
    return result


def record(folder, name, case, seed, attempts=range(20)):
    """Runs LeRobot's policy once forwards, backwards and as a sampler, and writes what came out.

    Of the batches numbered by `attempts` it takes the first whose gradients are well-conditioned, or the only one.
    """
    policy = load_policy(folder, case.get("policy", {}))
    config, store = policy.config, case.get("store", [])
    for attempt in attempts:
        random = np.random.default_rng([seed, attempt])
        batch, noise, time = make_batch(config, random, **case.get("batch", {}))
        loss, gradients, norm, after = step(policy, batch, noise, time)
        if len(attempts) == 1 or not ("g" in store and is_sensitive(policy, batch, noise, time, gradients, after)):
            break
    else:
        raise IllConditioned(f"{folder.name}/{name}: one rounding of the weights moves LeRobot's gradients too far")
    without = [key for key, value in gradients.items() if value is None]
    zero = [key for key, value in gradients.items() if value is not None and not value.any()]

    images, masks = policy.prepare_images(batch)
    with torch.no_grad():
        losses = policy.model.forward(
            images, masks, batch["observation.language.tokens"], batch["observation.language.attention_mask"],
            policy.prepare_state(batch), policy.prepare_action(batch), noise, time)
    valid = losses[:, :, : config.action_feature.shape[0]][~batch["action_is_pad"]]
    stored = {f"in/{key}": value for key, value in {**batch, "noise": noise, "time": time}.items()}
    stored |= embeddings(policy, batch, noise, time, "vision" in store)
    stored |= {"out/losses": losses, "out/loss": loss.reshape(1), "out/loss_valid": valid.mean().reshape(1)}
    stored["out/gradnorm"] = norm.reshape(1)
    if config.use_cache:
        stored["out/actions"] = policy.predict_action_chunk(dict(batch), noise)
    if "g" in store:
        stored |= {f"g/{key}": value for key, value in gradients.items() if key not in without + zero}
    if "w1" in store:
        stored |= {f"w1/{key}": value for key, value in after.items()}
    metadata = {
        "policy": json.dumps(case.get("policy", {})), "batch": str(attempt), "trainable": json.dumps(sorted(gradients)),
        "without_gradient": json.dumps(sorted(without)),
        "zero_gradient": json.dumps(sorted(zero)),
    }
    stored = {key: value.detach().contiguous().clone() for key, value in stored.items()}
    (folder / "cases").mkdir(exist_ok=True)
    save_file(stored, folder / "cases" / f"{name}.safetensors", metadata=metadata)
    print(f"{folder.name}/{name}: loss {loss.item():.6f}, {len(gradients)} trainable, {len(without)} without gradient, "
          f"batch {attempt}")


def write(folder, checkpoints, committed=None):
    """Writes the checkpoints and their cases; with `committed`, of the batches that were taken there."""
    for name, checkpoint in checkpoints.items():
        target = folder / name
        if target.exists():
            shutil.rmtree(target)
        fields = {key: value for key, value in checkpoint.items() if key != "cases"}
        seed = fields.pop("seed", 1)
        write_checkpoint(target, seed, **fields)
        for index, (case_name, case) in enumerate(checkpoint["cases"].items()):
            attempts = range(20)
            if committed is not None:
                with safe_open(committed / name / "cases" / f"{case_name}.safetensors", "pt") as file:
                    attempts = [int(file.metadata()["batch"])]
            record(target, case_name, case, 1000 * seed + index, attempts)


def write_positions(path):
    """The place in the table of positions that each of `count` patches along one side takes, for tables of `side`."""
    stored = {}
    for side in range(1, 65):
        counts = {side} if side % 8 else {side, side - 1, side // 2, side + 3}
        embedding = SmolVLMVisionEmbeddings(
            SmolVLMVisionConfig(hidden_size=1, image_size=side, patch_size=1, num_attention_heads=1))
        taken = []
        embedding.position_embedding.register_forward_hook(lambda _, inputs, __: taken.append(inputs[0][0]))
        for count in sorted(counts):
            embedding(torch.zeros(1, 3, 1, count), torch.ones(1, 1, count, dtype=torch.bool))
            stored[f"{side}/{count}"] = taken.pop().to(torch.int16)
    save_file(stored, path)


def compare(committed, fresh):
    """Prints the largest deviation of each file and returns whether all are float noise."""
    equal, paths = True, sorted(path.relative_to(committed) for path in committed.rglob("*.safetensors"))
    others = sorted(path.relative_to(fresh) for path in fresh.rglob("*.safetensors"))
    for path in sorted(set(paths) ^ set(others)):
        print(f"goldens {path}: only in {'the committed' if path in paths else 'the fresh'} ones")
        equal = False
    for path in sorted(set(paths) & set(others)):
        worst, place = 0.0, "-"
        with safe_open(committed / path, "pt") as old, safe_open(fresh / path, "pt") as new:
            same = sorted(old.keys()) == sorted(new.keys()) and old.metadata() == new.metadata()
            total = max([old.get_tensor(key).norm().item() for key in old.keys() if key.startswith("g/")] or [0])
            for key in old.keys() if same else []:
                a, b = old.get_tensor(key).double(), new.get_tensor(key).double()
                # A gradient that is zero but for rounding has no direction of its own.
                floor = 1e-2 * total if key.startswith("g/") else 1e-12
                deviation = ((a - b).norm() / max(a.norm().item(), floor)).item() if a.shape == b.shape else np.inf
                if deviation > worst:
                    worst, place = deviation, key
        good = same and worst < TOLERANCE
        equal = equal and good
        print(f"goldens {path}: {'equal' if good else 'DIFFERENT'}, largest deviation {worst:.1e} at {place}")
    return equal


def main(arguments):
    torch.set_num_threads(1)
    match arguments:
        case ["write", folder]:
            write(Path(folder).resolve(), COMMITTED)
            write_positions(Path(folder) / "positions.safetensors")
        case ["again", committed, folder]:
            write(Path(folder).resolve(), COMMITTED, Path(committed))
            write_positions(Path(folder) / "positions.safetensors")
        case ["draw", folder, count, seed]:
            for name, checkpoint in drawn(int(count), int(seed)).items():
                try:
                    write(Path(folder).resolve(), {name: checkpoint})
                except IllConditioned as reason:
                    shutil.rmtree(Path(folder) / name)
                    print(f"left out {reason}")
        case ["compare", committed, fresh]:
            sys.exit(0 if compare(Path(committed), Path(fresh)) else 1)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
