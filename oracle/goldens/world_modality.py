"""Writes tiny random V-JEPA 2 and DINOv2 encoders with transformers' hidden states, and torch.nn's Prophet and gated
injection with outputs and gradients.

Usage: python -m oracle.goldens.world_modality FOLDER

Packages: torch==2.13.0 transformers==4.57.6 safetensors==0.8.0 numpy==2.2.6
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import BitImageProcessor, Dinov2Config, Dinov2Model, VJEPA2Config, VJEPA2Model

from oracle.common.world_modules import Injection, Prophet

ENCODERS = {
    # name: (configuration, frames of the clip, dtype)
    # head_dim 16: groups of 4 and 4 unrotated; five frames, of which the last fills no tubelet.
    "remainder": (dict(hidden_size=32, num_attention_heads=2, num_hidden_layers=2, mlp_ratio=1.5), 5, torch.float32),
    # head_dim 12, no remainder; one frame, repeated to the tubelet; no biases on queries, keys, values.
    "single": (
        dict(hidden_size=24, num_attention_heads=2, num_hidden_layers=1, qkv_bias=False, mlp_ratio=2.5),
        1,
        torch.float32,
    ),
    # head_dim 13, an odd one; a tubelet of three given two frames, which become six; four channels.
    "tubelet": (
        dict(hidden_size=26, num_attention_heads=2, num_hidden_layers=1, tubelet_size=3, in_chans=4, mlp_ratio=2.0),
        2,
        torch.float32,
    ),
    # the same arithmetic in bfloat16, whose rotary frequencies are coarse; a grid so wide that this shows.
    "bfloat16": (
        dict(hidden_size=24, num_attention_heads=1, num_hidden_layers=1, mlp_ratio=2.0, patch_size=2, crop_size=32),
        2,
        torch.bfloat16,
    ),
    # heads as wide as ViT-H's and, next, as the 88 of a giant with 16: groups of 26 with 2 left over, of 28 with 4.
    "huge": (
        dict(hidden_size=80, num_attention_heads=1, num_hidden_layers=1, mlp_ratio=0.5, crop_size=8),
        4,
        torch.float32,
    ),
    # ViT-g's feed-forward ratio is 48/11.
    "giant": (
        dict(hidden_size=88, num_attention_heads=1, num_hidden_layers=1, mlp_ratio=48 / 11 / 8, crop_size=8),
        6,
        torch.float32,
    ),
}
IMAGE_ENCODERS = {
    # name: (configuration, shortest edge, side of the cut, images' height and width)
    # positions of a 3 by 3 grid stretched to 5 by 5; a side that the patches do not fill.
    "stretched": (
        dict(hidden_size=24, num_attention_heads=2, num_hidden_layers=2, image_size=21, patch_size=7),
        40,
        36,
        (45, 51),
    ),
    # a 7 by 7 grid shrunk to 4 by 4; images of the right size already; no biases on queries, keys, values.
    "shrunk": (
        dict(hidden_size=16, num_attention_heads=4, num_hidden_layers=1, image_size=35, patch_size=5, qkv_bias=False),
        28,
        20,
        (28, 28),
    ),
    # the grid it was trained for.
    "same": (
        dict(hidden_size=12, num_attention_heads=3, num_hidden_layers=1, image_size=16, patch_size=4),
        20,
        16,
        (9, 7),
    ),
}


def image_encoder(goldens, name, fields, edge, side, size):
    torch.manual_seed(len(name))
    config = Dinov2Config(**{"mlp_ratio": 2, "initializer_range": 0.2, **fields})
    model = Dinov2Model(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
            parameter.copy_(parameter.half())
    folder = goldens / f"dinov2_{name}"
    folder.mkdir()
    weights = {key: value.half().contiguous() for key, value in model.state_dict().items()}
    if name == "shrunk":  # As a part of another model, in two shards with an index.
        weights = {"dinov2." + key: value for key, value in weights.items()} | {"classifier.weight": torch.zeros(2, 32)}
        names = list(weights)
        index = {"metadata": {}, "weight_map": {}}
        for number, part in enumerate([names[::2], names[1::2]], 1):
            file = f"model-0000{number}-of-00002.safetensors"
            save_file({key: weights[key] for key in part}, folder / file, {"format": "pt"})
            index["weight_map"] |= {key: file for key in part}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    else:
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config.save_pretrained(folder)
    processor = BitImageProcessor(
        size={"shortest_edge": edge},
        crop_size={"height": side, "width": side},
        resample=3,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    processor.save_pretrained(folder)
    # Smooth, so that few of the resized numbers lie where rounding to bytes could go either way.
    rows, columns = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    waves = [torch.sin(rows * (0.1 + 0.07 * k) + columns * 0.13 + k) for k in range(6)]
    images = ((torch.stack(waves, -1).reshape(*size, 2, 3).permute(2, 0, 1, 3) + 1) * 127).round().to(torch.uint8)
    pixels = processor(images=[image.numpy() for image in images], return_tensors="pt").pixel_values
    with torch.no_grad():
        output = model(pixel_values=pixels)
    save_file(
        {
            "in/pictures": images.contiguous(),
            "mid/pixels": pixels.contiguous(),
            "out/hidden": output.last_hidden_state.contiguous(),
            "out/pooled": output.pooler_output.contiguous(),
        },
        folder / "golden.safetensors",
    )


def encoder(goldens, name, fields, frames, dtype):
    torch.manual_seed(len(name))
    config = VJEPA2Config(
        **{
            "patch_size": 4,
            "crop_size": 16,
            "frames_per_clip": 8,
            "pred_hidden_size": 12,
            "pred_num_attention_heads": 1,
            "pred_num_hidden_layers": 1,
            "pred_num_mask_tokens": 1,
            "initializer_range": 0.2,
            **fields,
        }
    )
    model = VJEPA2Model(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # Norms and biases too, so that a forgotten one shows.
            parameter.add_(torch.randn_like(parameter) * 0.05)
            if name != "single":  # Stored in two bytes a number, so that the goldens stay small.
                parameter.copy_(parameter.half())
    model = model.to(dtype)
    folder = goldens / f"vjepa2_{name}"
    folder.mkdir()
    weights = {key: value for key, value in model.state_dict().items() if not key.startswith("predictor.")}
    if name == "single":  # One predictor's tensor, which a reader shall ignore.
        weights["predictor.layernorm.bias"] = model.state_dict()["predictor.layernorm.bias"]
    stored = torch.float16 if name in ("remainder", "tubelet", "huge", "giant") else dtype
    weights = {key: value.to(stored).contiguous() for key, value in weights.items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config.save_pretrained(folder)
    clips = torch.rand(2, frames, config.in_chans, config.crop_size, config.crop_size).to(torch.float16).float()
    with torch.no_grad():
        hidden = model(pixel_values_videos=clips, skip_predictor=True).last_hidden_state
    save_file(
        {"in/clips": clips.half(), "out/hidden": hidden.contiguous(), "out/latent": hidden.float().mean(dim=1)},
        folder / "golden.safetensors",
    )


def preprocessing(goldens):
    torch.manual_seed(3)
    image = torch.randint(0, 256, (9, 13, 3), dtype=torch.uint8)
    pixels = image.permute(2, 0, 1)[None].float() / 255
    pixels = F.interpolate(pixels, (16, 16), mode="bilinear", align_corners=False)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = (pixels - mean[:, None, None]) / deviation[:, None, None]
    save_file({"in/image": image, "out/pixels": pixels[0].contiguous()}, goldens / "preprocessing.safetensors")


def shaken(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return module


def gradients(module, prefix=""):
    return {f"g/{prefix}{name}": parameter.grad for name, parameter in module.named_parameters()}


def world(goldens, name, delta, width, horizon, layers, heads, expert, expert_heads, seed):
    torch.manual_seed(seed)
    prophet = shaken(Prophet(width, horizon, layers, heads))
    injection = shaken(Injection(width, expert, expert_heads))
    history = torch.randn(3, 4, width)
    future = torch.randn(3, horizon, width)
    valid = torch.rand(3, horizon) < 0.6
    hidden = torch.randn(3, 6, expert, requires_grad=True)
    prediction = prophet(history)
    current = history[:, -1:]
    target = future - current if delta else future
    memory = current + prediction if delta else prediction
    cosines = F.cosine_similarity(prediction, target, dim=-1, eps=1e-8)
    mask = valid.float()
    world_loss = ((1 - cosines) * mask).sum() / mask.sum().clamp(min=1)
    injected, context, weights = injection(hidden, memory)
    (injected.square().mean() + 0.2 * world_loss).backward()
    tensors = {
        "in/history": history,
        "in/future": future,
        "in/valid": valid,
        "in/hidden": hidden,
        "out/prediction": prediction,
        "out/memory": memory,
        "out/world_loss": world_loss,
        "out/world_cos": (cosines * mask).sum() / mask.sum().clamp(min=1),
        "out/injected": injected,
        "out/attn_entropy": -(weights * weights.clamp(min=1e-8).log()).sum(-1).mean(),
        "out/attn_pmax": weights.amax(-1).mean(),
        "out/ctx_norm": context.norm(dim=-1).mean(),
        "out/act_norm": hidden.norm(dim=-1).mean(),
        "g/hidden": hidden.grad,
        **{f"w/prophet.{key}": value for key, value in prophet.state_dict().items()},
        **{f"w/model.world_inject.{key}": value for key, value in injection.state_dict().items()},
        **gradients(prophet, "prophet."),
        **gradients(injection, "model.world_inject."),
    }
    save_file(
        {key: value.detach().clone().contiguous() for key, value in tensors.items()},
        goldens / f"world_{name}.safetensors",
    )


def main(goldens):
    torch.set_num_threads(1)
    for path in goldens.glob("*"):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.suffix == ".safetensors":
            path.unlink()
    for name, (fields, frames, dtype) in ENCODERS.items():
        encoder(goldens, name, fields, frames, dtype)
    for name, arguments in IMAGE_ENCODERS.items():
        image_encoder(goldens, name, *arguments)
    preprocessing(goldens)
    world(goldens, "delta", True, width=12, horizon=3, layers=2, heads=2, expert=12, expert_heads=4, seed=1)
    world(goldens, "absolute", False, width=8, horizon=5, layers=1, heads=4, expert=18, expert_heads=3, seed=2)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
