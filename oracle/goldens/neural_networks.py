"""Writes torch.nn's layers with outputs and gradients, AdamW's weights step by step, and LeRobot's schedule.

Usage: python -m oracle.goldens.neural_networks FOLDER

Packages: torch==2.13.0 lerobot==0.4.4 safetensors==0.8.0
"""

import json
import logging
import sys
from pathlib import Path

import torch
from lerobot.optim.schedulers import CosineDecayWithWarmupSchedulerConfig
from safetensors.torch import save_file
from torch import nn

# (peak, final, warm-up, decay, steps of the run)
SCHEDULES = [
    (1e-4, 2.5e-6, 1000, 30000, 30000),
    (1e-4, 2.5e-6, 1000, 30000, 100000),
    (1e-4, 2.5e-6, 1000, 30000, 777),
    (1e-4, 2.5e-6, 1000, 30000, 29),  # The warm-up shrinks to nothing.
    (3e-4, 0.0, 0, 50, 50),
    (1e-3, 1e-4, 7, 20, 19),
]


def shaken(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return module


def layer(name, module, inputs, output):
    """A module's weights, inputs, output, and gradients of the output's mean square."""
    (output := output(module)).square().mean().backward()
    tensors = {f"w/{key}": value for key, value in module.state_dict().items()}
    tensors |= {f"g/{key}": value.grad for key, value in module.named_parameters()}
    tensors |= {f"in/{key}": value for key, value in inputs.items()}
    tensors |= {f"g/in/{key}": value.grad for key, value in inputs.items() if value.grad is not None}
    tensors["out"] = output
    return {f"{name}/{key}": value.detach().contiguous() for key, value in tensors.items()}


def layers(goldens):
    torch.manual_seed(0)

    def x(*shape):
        return torch.randn(*shape, requires_grad=True)

    tensors = {}
    a, b = x(2, 5, 12), x(2, 3, 12)
    module = shaken(nn.MultiheadAttention(12, 3, batch_first=True))
    tensors |= layer("cross_attention", module, dict(queries=a, memory=b), lambda m: m(a, b, b)[0])
    with torch.no_grad():
        tensors["cross_attention/weights"] = module(a, b, b, average_attn_weights=False)[1].contiguous()
    c = x(2, 5, 12)
    module = shaken(nn.MultiheadAttention(12, 4, batch_first=True))
    tensors |= layer("self_attention", module, dict(input=c), lambda m: m(c, c, c)[0])
    d = x(2, 4, 8)
    module = shaken(nn.TransformerEncoderLayer(8, 2, 32, dropout=0.0, batch_first=True, norm_first=True))
    tensors |= layer("encoder_layer", module, dict(input=d), lambda m: m(d))
    e = x(3, 10)
    tensors |= layer("layer_norm", shaken(nn.LayerNorm(10, eps=1e-6)), dict(input=e), lambda m: m(e))
    f = x(3, 10)
    tensors |= layer("rms_norm", shaken(nn.RMSNorm(10, eps=1e-5)), dict(input=f), lambda m: m(f))
    g = x(2, 3, 8, 12)
    module = shaken(nn.Conv2d(3, 6, 4, stride=4))
    tensors |= layer("patches", module, dict(images=g), lambda m: m(g).flatten(2).transpose(1, 2))
    h = x(2, 3, 5, 8, 8)
    module = shaken(nn.Conv3d(3, 4, (2, 4, 4), stride=(2, 4, 4)))
    tensors |= layer("tubelets", module, dict(clips=h), lambda m: m(h).flatten(2).transpose(1, 2))
    module = shaken(nn.Embedding(7, 4))
    indices = torch.tensor([[0, 6, 3], [3, 3, 1]])
    tensors |= layer("embedding", module, dict(indices=indices), lambda m: m(indices))
    save_file(tensors, goldens / "layers.safetensors")


def optimizer(goldens):
    """Five clipped steps of AdamW on a two-layer network, the learning rate changing each time."""
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2))
    settings = dict(lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    optimizer = torch.optim.AdamW(module.parameters(), **settings)
    tensors = {f"w0/{key}": value.clone() for key, value in module.state_dict().items()}
    for step in range(1, 6):
        inputs, targets = torch.randn(4, 6) * step, torch.randn(4, 2)
        optimizer.param_groups[0]["lr"] = 1e-3 / step
        loss = (module(inputs) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(module.parameters(), 0.5)
        optimizer.step()
        tensors |= {f"in{step}/inputs": inputs, f"in{step}/targets": targets, f"norm{step}": norm, f"loss{step}": loss}
        tensors |= {f"w{step}/{key}": value.clone() for key, value in module.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"state/{index}/{key}": value for key, value in state.items()}
    save_file({key: value.detach().contiguous() for key, value in tensors.items()}, goldens / "optimizer.safetensors")


def schedules(goldens):
    table = []
    for peak, final, warmup, decay, steps in SCHEDULES:
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=peak)
        config = CosineDecayWithWarmupSchedulerConfig(
            num_warmup_steps=warmup, num_decay_steps=decay, peak_lr=peak, decay_lr=final
        )
        factor = config.build(optimizer, steps).lr_lambdas[0]
        places = sorted({0, 1, 2, 5, 6, 7, 8, 25, 28, 29, 500, 777, 999, 1000, 1001, 15000, 29999, 30000, 40000, steps})
        rates = [[place, peak * factor(place)] for place in places if place <= max(steps, 1000)]
        table.append(dict(peak=peak, final=final, warmup=warmup, decay=decay, steps=steps, rates=rates))
    (goldens / "schedules.json").write_text(json.dumps(table))


def main(goldens: Path) -> None:
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    goldens.mkdir(exist_ok=True)
    layers(goldens)
    optimizer(goldens)
    schedules(goldens)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
