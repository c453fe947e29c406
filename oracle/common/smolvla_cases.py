"""The configurations that the SmolVLA goldens cover: checkpoints, and cases that change settings or the batch.

Usage: imported, not run.

Packages: none
"""

import random

# A checkpoint's `backbone` goes to config.json of the backbone, the rest to SmolVLAConfig. Its `cases` are named
# changes of it: `policy` holds settings that leave the weights' shapes alone, `batch` what the batch looks like,
# `store` what is written beside losses, loss, gradient norm and actions ("g": gradients, "w1": one AdamW step).
# fmt: off
COMMITTED = {
    # Grouped heads, and heads that do not add up to the hidden size.
    "cross": {
        "cases": {
            "baseline": {"store": ["g", "w1", "vision"]},
            "special_tokens": {"policy": {"add_image_special_tokens": True}},
            "prefix_length": {"policy": {"prefix_length": 24}, "batch": {"padded_tokens": True}, "store": ["g"]},
            "prefix_too_short": {"policy": {"prefix_length": 3}},
            "empty_camera": {"policy": {"empty_cameras": 1}},
            "camera_absent": {"policy": {"empty_cameras": 1}, "batch": {"absent": ["image2"]}},
            "camera_left_out": {"batch": {"absent": ["image2"]}},
            "camera_masked": {
                "policy": {"add_image_special_tokens": True}, "batch": {"masked": ["image"]}},
            "wide_images": {"batch": {"sizes": {"image": [7, 19], "image2": [23, 9]}}},
            "padded_tokens": {"batch": {"padded_tokens": True}},
            "with_time_axes": {"batch": {"time_axes": True}},
            "four_steps": {"policy": {"num_steps": 4}},
            "seven_steps": {"policy": {"num_steps": 7}},
            "periods": {"policy": {"min_period": 0.02, "max_period": 9.0}},
            "no_cache": {"policy": {"use_cache": False}},
            "frozen_state": {"policy": {"train_state_proj": False}},
            "all_trained": {
                "policy": {"freeze_vision_encoder": False, "train_expert_only": False},
                "batch": {"padded_tokens": True}, "store": ["g"]},
            "language_trained": {"policy": {"train_expert_only": False}},
            "one_sample": {"batch": {"size": 1}},
            "other_image_size": {"policy": {"resize_imgs_with_padding": [24, 24]}},
        },
    },
    # Three and four layers: the period of the self-attention layers shows, and an odd number of them.
    "period_three": {
        "seed": 12, "num_vlm_layers": 4, "self_attn_every_n_layers": 3, "chunk_size": 4, "n_action_steps": 2,
        "cases": {"period_three": {"store": ["g"]}},
    },
    "all_cross": {
        "seed": 13, "num_vlm_layers": 3, "self_attn_every_n_layers": 0,
        "cases": {
            "period_zero": {"store": ["g"]},
            "period_minus_one": {"policy": {"self_attn_every_n_layers": -1}},
        },
    },
    "self_attention": {
        "seed": 4, "attention_mode": "self_attn", "num_vlm_layers": 2,
        "cases": {
            "self_attention": {},
            "self_attention_all_trained": {
                "policy": {"train_expert_only": False, "freeze_vision_encoder": False}, "store": ["g"]},
            "self_attention_prefix": {"policy": {"prefix_length": 20, "add_image_special_tokens": True}},
        },
    },
    # As many key-value heads as heads, head_dim left to hidden / heads, biases everywhere, action and state unpadded.
    "every_head": {
        "seed": 5, "expert_width_multiplier": 1.0, "state": 8, "action": 6, "num_vlm_layers": 2,
        "backbone": {
            "text": {
                "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": None, "attention_bias": True,
                "mlp_bias": True, "pad_token_id": None},
            "vision": {"num_hidden_layers": 2, "num_attention_heads": 1}},
        "cases": {
            "every_head": {},
            "every_head_all_trained": {
                "policy": {"train_expert_only": False, "freeze_vision_encoder": False, "num_expert_layers": 2},
                "batch": {"padded_tokens": True}, "store": ["g"]},
        },
    },
    # One camera, all of the backbone's layers, the published width and the published loss dimensions.
    "tied": {
        "seed": 6, "expert_width_multiplier": 0.75, "num_vlm_layers": 0, "max_state_dim": 32, "max_action_dim": 32,
        "cameras": [["top", 20, 14]],
        "backbone": {
            "text": {"tie_word_embeddings": True, "num_hidden_layers": 2, "num_key_value_heads": 1},
            "tie_word_embeddings": True},
        "cases": {"tied": {"policy": {"train_expert_only": False}, "store": ["g"]}},
    },
}
# fmt: on


def drawn(count, seed):
    """Random checkpoints of one or two cases each; the same for the same seed."""
    chance = random.Random(seed)
    checkpoints = {}
    for index in range(count):
        head = chance.choice([2, 4, 6])
        key_heads = chance.choice([1, 2, 3])
        # transformers 5 refuses a hidden size that is no multiple of the heads.
        heads = key_heads * chance.choice([1, 2])
        patch, scale = chance.choice([2, 4]), chance.choice([1, 2])
        side = scale * chance.choice([2, 3])
        vision_heads = chance.choice([1, 2])
        layers = chance.choice([1, 2, 3, 4, 5])
        action, state = chance.randint(1, 9), chance.randint(1, 9)
        chunk = chance.randint(1, 9)
        cameras = [
            [f"camera{number}", chance.randint(10, 40), chance.randint(10, 40)]
            for number in range(chance.randint(1, 3))
        ]
        resized = patch * scale * chance.choice([2, 3])
        checkpoints[f"drawn{index:02}"] = {
            "seed": seed + index,
            "state": state,
            "action": action,
            "cameras": cameras,
            "backbone": {
                "text": {
                    "hidden_size": 8 * heads,
                    "num_attention_heads": heads,
                    "num_key_value_heads": key_heads,
                    "head_dim": head,
                    "intermediate_size": chance.randint(5, 40),
                    "num_hidden_layers": layers,
                    "attention_bias": chance.random() < 0.3,
                    "mlp_bias": chance.random() < 0.3,
                    "rms_norm_eps": chance.choice([1e-5, 1e-6]),
                },
                "vision": {
                    "hidden_size": 4 * vision_heads,
                    "num_attention_heads": vision_heads,
                    "num_hidden_layers": chance.randint(1, 3),
                    "intermediate_size": chance.randint(5, 20),
                    "image_size": patch * side,
                    "patch_size": patch,
                },
                "scale_factor": scale,
            },
            "chunk_size": chunk,
            "n_action_steps": chance.randint(1, chunk),
            "max_state_dim": state + chance.randint(0, 4),
            "max_action_dim": action + chance.randint(0, 4),
            "resize_imgs_with_padding": (resized, resized),
            "num_vlm_layers": chance.choice([-1, 1, 2, 3, 4]),
            "attention_mode": chance.choice(["cross_attn", "cross_attn", "self_attn"]),
            "self_attn_every_n_layers": chance.choice([-1, 0, 1, 2, 2, 3]),
            "expert_width_multiplier": chance.choice([0.5, 0.75, 1.0, 1.25]),
            "cases": {
                f"drawn{index:02}": {
                    "policy": {
                        "add_image_special_tokens": chance.random() < 0.3,
                        "prefix_length": chance.choice([-1, 0, 5, 90]),
                        "num_steps": chance.choice([1, 3, 5, 10]),
                        "train_state_proj": chance.random() < 0.8,
                        "freeze_vision_encoder": chance.random() < 0.5,
                        "train_expert_only": chance.random() < 0.5,
                        "empty_cameras": chance.choice([0, 0, 1, 2]),
                        "min_period": chance.choice([0.004, 0.01]),
                        "max_period": chance.choice([4.0, 2.0]),
                    },
                    "batch": {
                        "size": chance.randint(1, 4),
                        "padded_tokens": chance.random() < 0.5,
                        "masked": [cameras[0][0]] if chance.random() < 0.3 else [],
                        "time_axes": chance.random() < 0.3,
                    },
                    "store": ["g", "w1", "vision"],
                }
            },
        }
    return checkpoints
