"""Writes tiny SmolVLAs in many configurations, and LeRobot's numbers of them.

Usage: python -m oracle.goldens.smolvla FOLDER                   the committed configurations
       python -m oracle.goldens.smolvla FOLDER again COMMITTED   those that are committed, of the same batches
       python -m oracle.goldens.smolvla FOLDER draw COUNT SEED   COUNT random configurations

Packages: lerobot==0.4.4 transformers==4.57.6 tokenizers==0.22.2 torch==2.13.0 safetensors==0.8.0 numpy==2.2.6

FOLDER/CHECKPOINT/ is a LeRobot checkpoint; FOLDER/CHECKPOINT/cases/CASE.safetensors holds in/… (what the preprocessor
leaves, noise, time), mid/… (embeddings and masks), out/losses, out/loss (LeRobot's mean), out/loss_valid (the mean over
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
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMVisionConfig, SmolVLMVisionEmbeddings

from oracle.common.smolvla_cases import COMMITTED, drawn
from oracle.common.smolvla_steps import IllConditioned, is_sensitive, make_batch, step
from oracle.common.tiny_smolvla import load_policy, version_metadata, write_checkpoint


def embeddings(policy, batch, noise, time, with_vision):
    """Prefix and suffix as the model embeds them."""
    result = {}
    with torch.no_grad():
        images, masks = policy.prepare_images(batch)
        if with_vision:
            result["mid/img0_resized"] = images[0]
            result["mid/vision0"] = (
                policy.model.vlm_with_expert.get_vlm_model().vision_model(images[0]).last_hidden_state
            )
        prefix, pad, _ = policy.model.embed_prefix(
            images,
            masks,
            batch["observation.language.tokens"],
            batch["observation.language.attention_mask"],
            state=policy.prepare_state(batch),
        )
        actions, times = policy.prepare_action(batch), time[:, None, None]
        suffix, _, _ = policy.model.embed_suffix(times * noise + (1 - times) * actions, time)
    return {**result, "mid/prefix_embs": prefix, "mid/prefix_pad": pad, "mid/suffix_embs": suffix}


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
            images,
            masks,
            batch["observation.language.tokens"],
            batch["observation.language.attention_mask"],
            policy.prepare_state(batch),
            policy.prepare_action(batch),
            noise,
            time,
        )
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
    metadata = version_metadata() | {
        "policy": json.dumps(case.get("policy", {})),
        "batch": str(attempt),
        "trainable": json.dumps(sorted(gradients)),
        "without_gradient": json.dumps(sorted(without)),
        "zero_gradient": json.dumps(sorted(zero)),
    }
    stored = {key: value.detach().contiguous().clone() for key, value in stored.items()}
    (folder / "cases").mkdir(exist_ok=True)
    save_file(stored, folder / "cases" / f"{name}.safetensors", metadata=metadata)
    print(
        f"{folder.name}/{name}: loss {loss.item():.6f}, {len(gradients)} trainable, {len(without)} without gradient, "
        f"batch {attempt}"
    )


def write(folder, checkpoints, committed=None, only=None):
    """Writes the checkpoints and their cases; with `committed`, those there and of the batches that were taken there.

    `only` names the cases of each checkpoint that are written.
    """
    for name, checkpoint in checkpoints.items():
        target = folder / name
        if target.exists():
            shutil.rmtree(target)
        fields = {key: value for key, value in checkpoint.items() if key != "cases"}
        seed = fields.pop("seed", 1)
        write_checkpoint(target, seed, **fields)
        for index, (case_name, case) in enumerate(checkpoint["cases"].items()):
            attempts = range(20)
            if only is not None and case_name not in only[name]:
                continue
            if committed is not None:
                if not (committed / name / "cases" / f"{case_name}.safetensors").exists():
                    continue
                with safe_open(committed / name / "cases" / f"{case_name}.safetensors", "pt") as file:
                    attempts = [int(file.metadata()["batch"])]
            record(target, case_name, case, 1000 * seed + index, attempts)


def write_positions(path):
    """The place in the table of positions that each of `count` patches along one side takes, for tables of `side`.

    SIDE/COUNT of a tower in float32, bfloat16/SIDE/COUNT of one in bfloat16.
    """
    stored = {}
    for side in range(1, 65):
        counts = {side} if side % 8 else {side, side - 1, side // 2, side + 3}
        embedding = SmolVLMVisionEmbeddings(
            SmolVLMVisionConfig(hidden_size=1, image_size=side, patch_size=1, num_attention_heads=1)
        )
        taken = []
        embedding.position_embedding.register_forward_hook(lambda _, inputs, __: taken.append(inputs[0][0]))
        for dtype, prefix in ((torch.float32, ""), (torch.bfloat16, "bfloat16/")):
            for count in sorted(counts):
                embedding.to(dtype)(torch.zeros(1, 3, 1, count, dtype=dtype), torch.ones(1, 1, count, dtype=torch.bool))
                stored[f"{prefix}{side}/{count}"] = taken.pop().to(torch.int16)
    save_file(stored, path)


def main(arguments):
    torch.set_num_threads(1)
    match arguments:
        case [folder]:
            write(Path(folder).resolve(), COMMITTED)
            write_positions(Path(folder) / "positions.safetensors")
        case [folder, "again", committed]:
            committed = Path(committed)
            write(
                Path(folder).resolve(),
                {name: checkpoint for name, checkpoint in COMMITTED.items() if (committed / name).exists()},
                committed,
            )
            write_positions(Path(folder) / "positions.safetensors")
        case [folder, "draw", count, seed]:
            for name, checkpoint in drawn(int(count), int(seed)).items():
                try:
                    write(Path(folder).resolve(), {name: checkpoint})
                except IllConditioned as reason:
                    shutil.rmtree(Path(folder) / name)
                    print(f"left out {reason}")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
