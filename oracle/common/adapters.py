"""Low-rank adapters of LeRobot's policies, made by LeRobot and peft, and their numbers.

Usage: imported, not run.

Packages: lerobot==0.6.1 peft==0.21.2 torch==2.11.0 numpy==2.2.6
"""

import torch
from peft import LoraConfig

from oracle.common.smolvla_steps import step
from oracle.common.world_fusion import Fusion


def wrapped(policy, settings):
    """The policy as `lerobot-train --peft.…` wraps it, or with a configuration of peft's own."""
    if "config" in settings:
        return policy.wrap_with_peft(peft_config=LoraConfig(**settings["config"]))
    return policy.wrap_with_peft(peft_cli_overrides=settings["flags"])


def plain(name):
    """A parameter's name in the adapter's file, without peft's prefix."""
    return name.replace(".lora_A.default.", ".lora_A.").replace(".lora_B.default.", ".lora_B.").replace(
        ".modules_to_save.default.", "."
    )


def randomize(policy, random):
    """Numbers for what is trained, as after some training: the second factors are zero before."""
    with torch.no_grad():
        for name, parameter in sorted(policy.named_parameters()):
            if parameter.requires_grad:
                noise = torch.from_numpy(random.standard_normal(parameter.shape)).float()
                scaled = 0.4 * parameter.shape[-1] ** -0.5 * noise
                parameter.copy_(parameter + scaled if ".modules_to_save." in name else scaled)


def numbers(policy, batch, noise, time):
    """Loss, gradients, their norm, weights after one AdamW step and planned actions, under the adapter's names."""
    loss, gradients, norm, after = step(policy, batch, noise, time)
    found = {"out/loss": loss.reshape(1), "out/gradnorm": norm.reshape(1)}
    found |= {f"g/{plain(name)}": value for name, value in gradients.items() if value is not None and value.any()}
    found |= {f"w1/{plain(name)}": value for name, value in after.items()}
    with torch.no_grad():
        found["out/actions"] = policy.predict_action_chunk(dict(batch), noise)
    return found


def merged(model, before):
    """The weights that merging changes: `before` are those of the policy without an adapter."""
    weights = model.merge_and_unload().state_dict()
    return {
        f"merged/{name}": weights[name] for name in weights if name not in before or (weights[name] != before[name]).any()
    }


class World:
    """Gated reading of a given memory, hung into a policy with adapters; trained whole beside them."""

    def __init__(self, policy, settings):
        self.fusion = Fusion(policy, settings)
        self.loss = policy.forward
        policy.forward = self.forward
        for part in self.fusion.parts.values():
            for name, parameter in part.named_parameters():
                if name.endswith("in_proj_bias"):
                    # A bias of all keys has the gradient 0, but for rounding.
                    parameter.register_hook(
                        lambda gradient: torch.cat(
                            [third * kept for third, kept in zip(gradient.chunk(3), (1, 0, 1))]
                        )
                    )

    def forward(self, batch, noise, time):
        self.fusion.memory = batch["world_z_future"]
        try:
            return self.loss(batch, noise, time)
        finally:
            self.fusion.memory = None
