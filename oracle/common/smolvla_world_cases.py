"""The configurations that the goldens of SmolVLA with the world modality cover.

Usage: imported, not run.

Packages: none
"""

import random

from oracle.common.smolvla_cases import drawn as drawn_smolvla

# Settings of the world modality; a checkpoint's `world` changes them.
WORLD = {
    "world_latent_dim": 8,
    "context_frames": 4,
    "future_offset": 3,
    "lambda_world": 0.2,
    "delta_prediction": True,
    "enable_world_injection": True,
    "enable_world_predictor": True,
    "world_inject_num_heads": 2,
    "prophet_layers": 1,
    "prophet_heads": 2,
    "prophet_dropout": 0.0,
    "world_gate_init": 0.0,
    "world_memory_mode_train": "pred",
    "world_memory_mode_rollout": "pred",
    "action_loss": "valid",
}

# The other fields of a checkpoint are those of smolvla_cases.py. A case changes settings of SmolVLA (`policy`) and of
# the world modality (`world`) that leave the weights' shapes alone, the `gate` of the default injection and other
# `gates` by scope, the batch, how many of each sample's futures are `valid`, which samples' actions are `all_padded`,
# and the `order` that shuffles the futures; `store` adds "all" gradients and "w1", one AdamW step.
# fmt: off
COMMITTED = {
    "two_layers": {
        "seed": 21,
        "cases": {
            "pred": {"store": ["all"]},
            "closed": {"gate": 0.0},
            "absolute": {"gate": -1.75, "world": {"delta_prediction": False, "lambda_world": 1.5}},
            "oracle": {"world": {"world_memory_mode_train": "oracle"}},
            "zero": {"world": {"world_memory_mode_train": "zero", "world_memory_mode_rollout": "zero"}},
            "shuffle": {"world": {"world_memory_mode_train": "shuffle"}, "batch": {"size": 3}, "order": [2, 0, 1]},
            "injection_off": {"world": {"enable_world_injection": False}},
            "no_predictor": {
                "world": {
                    "enable_world_predictor": False, "world_memory_mode_train": "oracle",
                    "world_memory_mode_rollout": "zero"}},
            "row_without_future": {"batch": {"size": 3}, "valid": [0, 3, 1], "all_padded": [1]},
            "no_future_at_all": {
                "world": {"action_loss": "padded"}, "valid": [0, 0], "all_padded": [0], "policy": {"num_steps": 4}},
        },
    },
    # Other sizes everywhere, all of SmolVLA trained, one camera and one layer; more than one Prophet layer.
    "two_prophet_layers": {
        "seed": 22, "num_vlm_layers": 1, "expert_width_multiplier": 0.75, "chunk_size": 4, "n_action_steps": 4,
        "cameras": [["top", 7, 5]], "state": 3, "action": 6,
        "world": {
            "world_latent_dim": 6, "context_frames": 1, "future_offset": 5, "prophet_layers": 2, "prophet_heads": 3,
            "world_inject_num_heads": 3, "lambda_world": 0.7},
        "cases": {
            "step": {"store": ["all", "w1"]},
            "all_trained": {
                "policy": {"train_expert_only": False, "freeze_vision_encoder": False, "train_state_proj": False},
                "valid": [2, 0]},
        },
    },
    # One latent is predicted: attention over a single key. Only self-attention in the expert.
    "one_future": {
        "seed": 23, "num_vlm_layers": 1, "attention_mode": "self_attn", "chunk_size": 3, "n_action_steps": 1,
        "cameras": [["top", 7, 5]],
        "world": {
            "world_latent_dim": 6, "context_frames": 7, "future_offset": 1, "prophet_heads": 1,
            "world_inject_num_heads": 1, "delta_prediction": False},
        "cases": {
            "one_future": {"store": ["all"], "batch": {"size": 1, "padded_tokens": True}},
            "one_future_all_trained": {"policy": {"train_expert_only": False}, "valid": [1, 0]},
        },
    },
    # The memory enters before the expert, beside the default injection or instead of it.
    "suffix_injection": {
        "seed": 24,
        "world": {"world_inject_suffix_in": True},
        "cases": {
            "suffix_and_output": {"store": ["all", "w1"]},
            "suffix_alone": {"world": {"enable_world_injection": False}, "store": ["all"]},
            "suffix_gate_at_zero": {"gates": {"world_inject_suffix_in": 0.0}},
            "suffix_zero_memory": {
                "world": {"world_memory_mode_train": "zero", "world_memory_mode_rollout": "zero"},
                "policy": {"train_expert_only": False}},
        },
    },
    # Three layers, so that tokens pass layers of either kind, and fewer tokens than latents.
    "prefix_tokens": {
        "seed": 25, "num_vlm_layers": 3, "cameras": [["top", 7, 5]],
        "world": {"world_prefix_tokens": 2, "enable_world_injection": False},
        "cases": {
            "tokens_for_state": {"store": ["all"]},
            "tokens_for_all": {"world": {"world_prefix_block": "prefix"}, "store": ["all"]},
            "tokens_for_state_gate_at_zero": {"gates": {"world_prefix_tokens": 0.0}},
            "tokens_for_all_gate_at_zero": {
                "world": {"world_prefix_block": "prefix"}, "gates": {"world_prefix_tokens": 0.0}},
            # Mixed by 1, so LeRobot's attention over its own tokens and the inserted ones.
            "tokens_gate_fully_open": {
                "world": {"world_prefix_block": "prefix"}, "gates": {"world_prefix_tokens": 30.0}},
            "tokens_gate_negative": {
                "world": {"world_prefix_block": "prefix"}, "gates": {"world_prefix_tokens": -1.5},
                "batch": {"padded_tokens": True}},
            "tokens_all_trained": {
                "policy": {"train_expert_only": False}, "store": ["all"], "batch": {"padded_tokens": True}},
            "tokens_and_output": {"world": {"enable_world_injection": True}, "policy": {"num_steps": 4}},
        },
    },
    # As many tokens as latents, and joint attention in all layers.
    "prefix_tokens_joint": {
        "seed": 28, "num_vlm_layers": 2, "attention_mode": "self_attn", "chunk_size": 3, "n_action_steps": 1,
        "cameras": [["top", 7, 5]],
        "world": {"world_prefix_tokens": 3, "world_prefix_block": "prefix"},
        "cases": {
            "joint_for_all": {},
            "joint_for_state": {"world": {"world_prefix_block": "state"}, "batch": {"size": 1}},
        },
    },
    # The prefix reads the memory, with the places in the expert open too.
    "prefix_injection": {
        "seed": 29,
        "world": {"world_prefix_cross_attn": True, "world_prefix_num_heads": 4, "world_inject_suffix_in": True},
        "cases": {
            "every_place": {"store": ["all"]},
            "prefix_gate_at_zero": {"gates": {"world_prefix_cross_attn": 0.0}},
            "prefix_all_trained": {
                "policy": {"train_expert_only": False, "freeze_vision_encoder": False},
                "gates": {"world_inject_suffix_in": 0.0}, "batch": {"padded_tokens": True}},
        },
    },
}
# fmt: on


def drawn_world(chance, expert_width):
    """Random settings of the world modality for an expert of that width."""
    width = chance.choice([4, 6, 8, 12])
    return {
        "world_latent_dim": width,
        "context_frames": chance.randint(1, 6),
        "future_offset": chance.randint(1, 6),
        "lambda_world": chance.choice([0.05, 0.2, 1.0]),
        "delta_prediction": chance.random() < 0.6,
        "world_inject_num_heads": chance.choice([heads for heads in (1, 2, 3, 4) if expert_width % heads == 0]),
        "prophet_layers": chance.randint(1, 3),
        "prophet_heads": chance.choice([heads for heads in (1, 2, 3, 4) if width % heads == 0]),
    }


def drawn_places(chance, language_width, horizon):
    """Random places where the memory enters besides, or instead of, the default one."""
    settings = {"world_inject_suffix_in": chance.random() < 0.4, "enable_world_injection": chance.random() < 0.7}
    match chance.choice(["none", "tokens", "tokens", "attention"]):
        case "tokens":
            block = chance.choice(["state", "prefix"])
            settings |= {"world_prefix_tokens": chance.randint(1, horizon), "world_prefix_block": block}
        case "attention":
            heads = [heads for heads in (1, 2, 3, 4) if language_width % heads == 0]
            settings |= {"world_prefix_cross_attn": True, "world_prefix_num_heads": chance.choice(heads)}
    return settings


def drawn(count, seed):
    """Random checkpoints of one case each; the same for the same seed."""
    chance = random.Random(seed + 1)
    checkpoints = drawn_smolvla(count, seed)
    for checkpoint in checkpoints.values():
        text = checkpoint["backbone"]["text"]
        # A bias of keys has no gradient but rounding; that belongs to SmolVLA's own goldens, as the tokens do.
        text["attention_bias"] = False
        world = drawn_world(chance, int(text["hidden_size"] * checkpoint["expert_width_multiplier"]))
        (case,) = checkpoint["cases"].values()
        case["policy"] |= {"add_image_special_tokens": False, "freeze_vision_encoder": True}
        size = case["batch"]["size"]
        mode = chance.choice(["pred", "pred", "pred", "oracle", "zero", "shuffle"])
        checkpoint["world"] = world
        case["world"] = {
            "world_memory_mode_train": mode,
            "world_memory_mode_rollout": chance.choice(["pred", "pred", "zero"]),
            "action_loss": chance.choice(["valid", "padded"]),
        }
        case["order"] = chance.sample(range(size), size) if mode == "shuffle" else []
        case["valid"] = [chance.randint(0, world["future_offset"]) for _ in range(size)]
        if chance.random() < 0.7:
            case["gate"] = chance.uniform(-2, 2)
        case["store"] = ["all"]
        world |= drawn_places(chance, text["hidden_size"], world["future_offset"])
    return checkpoints
