"""The places where a memory can enter LeRobot's SmolVLA, hung into it from outside.

Usage: imported, not run.

Packages: lerobot==0.4.4 torch==2.13.0

`world_inject` is applied to the hidden states after the expert, `world_inject_suffix_in` to the actions' embeddings,
`world_prefix_cross_attn` to the prefix's. The tokens of `world_prefix_tokens` are inserted into LeRobot's own sequence
between language and state, under LeRobot's own rule for masks. Every attention is then computed twice, with and without
the inserted keys, and mixed: without + tanh(gate) · (with − without). All other tokens keep the positions that they
have without insertion; the inserted ones stand behind the state.
"""

import torch

from oracle.common.world_modules import Injection, PrefixTokens

# The scopes below `model.`, and how the keys of what is logged end.
SUFFIXES = {
    "world_inject": "",
    "world_inject_suffix_in": "_suffix_in",
    "world_prefix_tokens": "_prefix",
    "world_prefix_cross_attn": "_prefix_cross",
}
# Gates that stand open, exact in bfloat16.
GATES = {
    "world_inject": 0.375,
    "world_inject_suffix_in": -0.625,
    "world_prefix_tokens": 0.75,
    "world_prefix_cross_attn": 0.5,
}


def is_on(settings, place):
    if place == "world_inject":
        return settings["enable_world_injection"]
    return bool(settings.get(place))


def reads_memory(settings):
    return any(is_on(settings, place) for place in SUFFIXES)


def modules(settings, expert, language):
    """The modules that a policy of these settings has, by scope; `world_inject` is there also where it is off."""
    latent = settings["world_latent_dim"]
    made = {"world_inject": Injection(latent, expert, settings["world_inject_num_heads"])}
    if is_on(settings, "world_inject_suffix_in"):
        made["world_inject_suffix_in"] = Injection(latent, expert, settings["world_inject_num_heads"])
    if is_on(settings, "world_prefix_tokens"):
        made["world_prefix_tokens"] = PrefixTokens(latent, language, settings["world_prefix_tokens"])
    if is_on(settings, "world_prefix_cross_attn"):
        made["world_prefix_cross_attn"] = Injection(latent, language, settings["world_prefix_num_heads"])
    return made


class Fusion:
    """Hangs the modules into a policy. Nothing happens while `memory` is None."""

    def __init__(self, policy, settings):
        self.model, self.settings, self.memory = policy.model, settings, None
        model = self.model
        self.parts = modules(settings, model.action_out_proj.in_features, model.state_proj.out_features)
        for name, module in self.parts.items():
            setattr(model, name, module)
        self.diagnostics = {}
        model.action_out_proj.register_forward_pre_hook(lambda _, inputs: (self.read("world_inject", inputs[0]),))
        self.embed_prefix, self.embed_suffix = model.embed_prefix, model.embed_suffix
        model.embed_prefix, model.embed_suffix = self.prefix, self.suffix
        backbone = model.vlm_with_expert
        self.forward, self.attention = backbone.forward, backbone.eager_attention_forward
        if is_on(settings, "world_prefix_tokens"):
            self.first, self.count = 0, settings["world_prefix_tokens"]
            backbone.forward, backbone.eager_attention_forward = self.forward_in_place, self.mixed_attention

    def read(self, place, states):
        """States that have read the memory."""
        if self.memory is None or not is_on(self.settings, place):
            return states
        changed, context, weights = self.parts[place](states, self.memory)
        end = SUFFIXES[place]
        self.diagnostics |= {
            f"world_attn_entropy{end}": -(weights * weights.clamp(min=1e-8).log()).sum(-1).mean(),
            f"world_attn_pmax{end}": weights.amax(-1).mean(),
            f"world_ctx_norm{end}": context.norm(dim=-1).mean(),
            f"world_act_norm{end}": states.norm(dim=-1).mean(),
        }
        return changed

    def suffix(self, *arguments):
        embeddings, pad, attention = self.embed_suffix(*arguments)
        return self.read("world_inject_suffix_in", embeddings), pad, attention

    def prefix(self, *arguments, **named):
        embeddings, pad, attention = self.embed_prefix(*arguments, **named)
        # The state, the only token that begins a block of its own; LeRobot's padding may follow it.
        self.first = int(attention[0].int().argmax())
        end = self.first + 1
        embeddings = torch.cat([self.read("world_prefix_cross_attn", embeddings[:, :end]), embeddings[:, end:]], dim=1)
        if self.memory is None or not is_on(self.settings, "world_prefix_tokens"):
            return embeddings, pad, attention
        tokens = self.parts["world_prefix_tokens"](self.memory)
        self.diagnostics["world_ctx_norm_prefix"] = tokens.norm(dim=-1).mean()
        begins = torch.zeros_like(attention[:, : self.count])
        begins[:, 0] = self.settings.get("world_prefix_block", "state") == "state"

        def inserted(old, new):
            return torch.cat([old[:, : self.first], new, old[:, self.first :]], dim=1)

        return (
            inserted(embeddings, tokens),
            inserted(pad, torch.ones_like(begins, dtype=bool)),
            inserted(attention, begins),
        )

    def forward_in_place(self, position_ids, inputs_embeds, **named):
        """LeRobot's forward, with the positions that the tokens have without the inserted ones."""
        if self.memory is not None:
            position_ids = position_ids.clone()
            if inputs_embeds[0] is None:
                position_ids -= self.count
            else:
                end = self.first + self.count
                position_ids[:, self.first : end] += 1
                position_ids[:, end:] -= self.count
        return self.forward(position_ids=position_ids, inputs_embeds=inputs_embeds, **named)

    def mixed_attention(self, mask, batch, head_dim, queries, keys, values):
        if self.memory is None:
            return self.attention(mask, batch, head_dim, queries, keys, values)
        end = self.first + self.count
        without = mask.clone()
        without[:, :, self.first : end] = False
        others = self.attention(without, batch, head_dim, queries, keys, values)
        everything = self.attention(mask, batch, head_dim, queries, keys, values)
        mixed = others + torch.tanh(self.parts["world_prefix_tokens"].gate) * (everything - others)
        if queries.shape[1] <= end:  # The actions alone.
            return mixed
        return torch.cat([mixed[:, : self.first], everything[:, self.first : end], mixed[:, end:]], dim=1)
