"""The Prophet and the gated injection, made of torch.nn's modules.

Usage: imported, not run.

Packages: torch==2.13.0
"""

import torch
from torch import nn


class Prophet(nn.Module):
    def __init__(self, width, horizon, layers, heads):
        super().__init__()
        self.horizon = horizon
        self.input_proj = nn.Linear(width, width)
        self.query_slots = nn.Parameter(torch.randn(1, horizon, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.output_proj = nn.Linear(width, width)

    def forward(self, history):
        slots = self.query_slots.expand(history.shape[0], -1, -1)
        tokens = torch.cat([self.input_proj(history), slots], dim=1)
        return self.output_proj(self.encoder(tokens)[:, -self.horizon :])


class Injection(nn.Module):
    def __init__(self, latent, width, heads):
        super().__init__()
        self.future_proj = nn.Linear(latent, width)
        self.cross_attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.gate = nn.Parameter(torch.tensor(0.4))

    def forward(self, hidden, memory):
        latents = self.future_proj(memory)
        context, weights = self.cross_attn(hidden, latents, latents, average_attn_weights=False)
        return hidden + torch.tanh(self.gate) * context, context, weights


class PrefixTokens(nn.Module):
    def __init__(self, latent, width, count):
        super().__init__()
        self.count = count
        self.future_proj = nn.Linear(latent, width)
        self.gate = nn.Parameter(torch.tensor(0.4))

    def forward(self, memory):
        return self.future_proj(memory[:, : self.count])
