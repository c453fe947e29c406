"""SmolVLA's training step in plain PyTorch, with the operations of LeRobot 0.4.4's, to time on a machine without LeRobot.

Usage: python3 gpu_peer.py step|compiled-step|product DEVICE fp32|tf32|bf16 ROWS [SECONDS]     (called by gpu.sh)

bf16 is what LeRobot's users run: published weights are bfloat16 in tower, language model and expert alike, and the action
projections stay float32. Attention of language model and expert is the products and the float32 softmax that LeRobot
writes out; the tower's is PyTorch's kernel. Weights are random. Prints one line of JSON.
"""

import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional

WIDTH, EXPERT, HEADS, GROUPS, SIZE, LAYERS, TOWER, CHUNK = 960, 720, 15, 5, 64, 16, 768, 50


class TowerBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(TOWER, 1e-6), nn.LayerNorm(TOWER, 1e-6)
        self.q, self.k, self.v, self.o = (nn.Linear(TOWER, TOWER) for _ in range(4))
        self.up, self.down = nn.Linear(TOWER, 4 * TOWER), nn.Linear(4 * TOWER, TOWER)

    def forward(self, x):
        normed = self.norm1(x)
        q, k, v = (part(normed).unflatten(-1, (12, 64)).transpose(1, 2) for part in (self.q, self.k, self.v))
        x = x + self.o(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.down(functional.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Tower(nn.Module):
    """[B, 3, 512, 512] → [B, 64, 960]: SigLIP, then squares of 4 × 4 patches through one projection."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, TOWER, 16, 16)
        self.places = nn.Parameter(torch.zeros(1024, TOWER))
        self.blocks = nn.ModuleList(TowerBlock() for _ in range(12))
        self.norm = nn.LayerNorm(TOWER, 1e-6)
        self.project = nn.Linear(TOWER * 16, WIDTH, bias=False)

    def forward(self, pixels):
        x = self.patches(pixels).flatten(2).transpose(1, 2) + self.places
        for block in self.blocks:
            x = block(x)
        x = self.norm(x).unflatten(1, (8, 4, 8, 4)).transpose(2, 3).reshape(-1, 64, TOWER * 16)
        return self.project(x)


class DecoderLayer(nn.Module):
    def __init__(self, width, middle, keys=None):
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(width, 1e-5), nn.RMSNorm(width, 1e-5)
        self.q = nn.Linear(width, HEADS * SIZE, bias=False)
        self.k, self.v = (nn.Linear(keys or width, GROUPS * SIZE, bias=False) for _ in range(2))
        self.o = nn.Linear(HEADS * SIZE, width, bias=False)
        self.gate, self.up = (nn.Linear(width, middle, bias=False) for _ in range(2))
        self.down = nn.Linear(middle, width, bias=False)

    def rest(self, x, attended):
        x = x + self.o(attended.to(self.o.weight.dtype))
        normed = self.norm2(x)
        return x + self.down(functional.silu(self.gate(normed)) * self.up(normed))


def rotated(x, positions):
    angles = positions[..., None].float() / 10_000 ** (torch.arange(32, device=x.device) / 32)
    sine, cosine = angles.sin()[:, :, None], angles.cos()[:, :, None]
    low, high = x.float().chunk(2, -1)
    return torch.cat([low * cosine - high * sine, high * cosine + low * sine], -1).to(x.dtype)


def attention(q, k, v, mask):
    k, v = (part.repeat_interleave(HEADS // GROUPS, 2) for part in (k, v))
    scores = q.float().transpose(1, 2) @ k.float().permute(0, 2, 3, 1) * SIZE**-0.5
    shares = scores.masked_fill(~mask[:, None], torch.finfo(torch.float32).min).softmax(-1).to(v.dtype)
    return (shares @ v.transpose(1, 2)).transpose(1, 2).flatten(2)


def heads(x):
    return x.unflatten(-1, (-1, SIZE))


class SmolVLA(nn.Module):
    def __init__(self):
        super().__init__()
        self.tower, self.words = Tower(), nn.Embedding(49280, WIDTH)
        self.language = nn.ModuleList(DecoderLayer(WIDTH, 2560) for _ in range(LAYERS))
        self.expert = nn.ModuleList(DecoderLayer(EXPERT, 2048, 320 if i % 2 else None) for i in range(LAYERS))
        self.norm = nn.RMSNorm(EXPERT, 1e-5)
        self.state, self.action, self.out = nn.Linear(32, WIDTH), nn.Linear(32, EXPERT), nn.Linear(EXPERT, 32)
        self.time1, self.time2 = nn.Linear(2 * EXPERT, EXPERT), nn.Linear(EXPERT, EXPERT)

    def half(self):
        for part in (self.tower, self.words, self.language, self.expert, self.norm):
            part.to(torch.bfloat16)

    def trained(self):
        for part in (self.tower, self.words, self.language):
            part.requires_grad_(False)
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def forward(self, images, tokens, state, actions):
        rows, kind = len(state), self.words.weight.dtype
        pixels = [functional.interpolate(image, (512, 512), mode="bilinear") * 2 - 1 for image in images]
        parts = [self.tower(image.to(kind)) * WIDTH**0.5 for image in pixels] + [self.words(tokens) * WIDTH**0.5]
        prefix = torch.cat([*parts, self.state(state)[:, None].to(kind)], 1)
        noise, moment = torch.randn_like(actions), torch.rand(rows, device=state.device) * 0.999 + 0.001
        noisy = moment[:, None, None] * noise + (1 - moment[:, None, None]) * actions
        periods = 0.004 * 1000 ** torch.linspace(0, 1, EXPERT // 2, device=state.device, dtype=torch.float64)
        angles = 2 * math.pi / periods * moment[:, None].double()
        moments = torch.cat([angles.sin(), angles.cos()], 1).float()[:, None].expand(-1, CHUNK, -1)
        suffix = self.time2(functional.silu(self.time1(torch.cat([self.action(noisy), moments], 2)))).to(kind)
        count = prefix.shape[1]
        order = torch.cat([torch.zeros(count - 1), torch.ones(CHUNK + 1)]).cumsum(0).to(state.device)
        mask = (order[None] <= order[:, None]).expand(rows, -1, -1)
        places = torch.arange(count + CHUNK, device=state.device).expand(rows, -1)
        for index, (one, two) in enumerate(zip(self.language, self.expert)):
            normed, other = one.norm1(prefix), two.norm1(suffix)
            q, k, v = (heads(part(normed)) for part in (one.q, one.k, one.v))
            if index % 2 == 0:
                q2, k2, v2 = (heads(part(other)) for part in (two.q, two.k, two.v))
                q, k, v = torch.cat([q, q2], 1), torch.cat([k, k2], 1), torch.cat([v, v2], 1)
                attended = attention(rotated(q, places), rotated(k, places), v, mask)
                first, second = attended[:, :count], attended[:, count:]
            else:
                k = rotated(k, places[:, :count])
                first = attention(rotated(q, places[:, :count]), k, v, mask[:, :count, :count])
                k2, v2 = heads(two.k(k.flatten(2))), heads(two.v(v.flatten(2)))
                q2 = rotated(heads(two.q(other)), places[:, :CHUNK])
                second = attention(q2, k2, v2, mask[:, count:, :count])
            prefix, suffix = one.rest(prefix, first), two.rest(suffix, second)
        predicted = self.out(self.norm(suffix).float())
        return (noise - actions - predicted).square().mean()


def step(device, precision, rows, compiled):
    network = SmolVLA()
    if precision == "bf16":
        network.half()
    network.to(device)
    optimizer = torch.optim.AdamW(network.trained(), lr=1e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=1e-10)
    images = [torch.full((rows, 3, 256, 256), 0.5, device=device) for _ in range(2)]
    tokens = torch.ones(rows, 20, dtype=torch.long, device=device)
    data = images, tokens, torch.randn(rows, 32, device=device), torch.randn(rows, CHUNK, 32, device=device)
    forward = torch.compile(network) if compiled else network

    def once():
        loss = forward(*data)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return once


def product(device, precision):
    size = 8192 if device.startswith("cuda") else 2048
    matrix = torch.randn(size, size, device=device, dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
    return lambda: (matrix @ matrix)[0].sum().item()


def main():
    job, device, precision, rows, *rest = sys.argv[1:]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    once = product(device, precision) if job == "product" else step(device, precision, int(rows), job != "step")
    for _ in range(2):
        once()
    rounds, end = [], time.perf_counter() + float(rest[0] if rest else 10)
    while not rounds or time.perf_counter() < end:
        start = time.perf_counter()
        once()
        rounds.append(time.perf_counter() - start)
    figures = {"program": "plain PyTorch", "job": job, "precision": precision, "rows": int(rows), "size": 8192}
    print(json.dumps(figures | {"seconds": min(rounds), "torch": torch.__version__}))


main()
