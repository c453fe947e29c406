"""A random batch for one of LeRobot's SmolVLAs, a training step on it, and whether its gradients can be compared.

Usage: imported, not run.

Packages: torch==2.13.0 numpy==2.2.6
"""

import torch

from oracle.common.tiny_smolvla import VOCABULARY


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
            mask[row, length - 1 - row % 3 :] = False
        tokens[~mask] = 2
    # One padding token that is attended to: its row of the table gets no gradient all the same.
    tokens[0, 0] = 2
    batch["observation.language.tokens"], batch["observation.language.attention_mask"] = tokens, mask
    batch["action"] = normal(size, config.chunk_size, config.action_feature.shape[0])
    ends = torch.from_numpy(random.integers(1, config.chunk_size + 1, (size, 1)))
    batch["action_is_pad"] = torch.arange(config.chunk_size)[None, :] >= ends
    noise = normal(size, config.chunk_size, config.max_action_dim)
    return batch, noise, uniform(size) * 0.999 + 0.001


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
