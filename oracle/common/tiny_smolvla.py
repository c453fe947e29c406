"""Tiny random SmolVLAs, built and saved by LeRobot's own classes.

Usage: imported, not run.

Packages: lerobot==0.4.4 transformers==4.57.6 tokenizers==0.22.2 torch==2.13.0 safetensors==0.8.0 numpy==2.2.6
"""

import json
import os
from contextlib import chdir
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from lerobot.configs.policies import PreTrainedConfig
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy
from lerobot.policies.smolvla.processor_smolvla import make_smolvla_pre_post_processors
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

BACKBONE = "backbone"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<fake_token_around_image>", "<global-img>"]
VOCABULARY = 48

TEXT = {
    "architectures": ["VLlama3ForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8,
    "intermediate_size": 20,
    "num_hidden_layers": 5,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "initializer_range": 0.02,
    "max_position_embeddings": 8192,
    "pad_token_id": 2,
    "rms_norm_eps": 1e-05,
    "rope_theta": 100000,
    "torch_dtype": "float32",
    "vocab_size": VOCABULARY,
    "attention_bias": False,
    "mlp_bias": False,
}
VISION = {
    "model_type": "smolvlm_vision",
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 4,
}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def write_backbone(folder, text=None, vision=None, **fields):
    """A folder that `AutoConfig` and `AutoProcessor` read as they read SmolVLM2's. A value None leaves its key out."""
    folder.mkdir(parents=True)
    config = {
        "architectures": ["SmolVLMForConditionalGeneration"],
        "model_type": "smolvlm",
        "image_token_id": 3,
        "pad_token_id": 2,
        "scale_factor": 2,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "use_cache": False,
        "vocab_size": VOCABULARY,
        **fields,
        "text_config": {**TEXT, **(text or {})},
        "vision_config": {**VISION, **(vision or {})},
    }
    for section in (config, config["text_config"], config["vision_config"]):
        for key in [key for key, value in section.items() if value is None]:
            del section[key]
    write_json(folder / "config.json", config)
    letters = sorted("abcdefghijklmnopqrstuvwxyz .,0123456789ĠĊ")
    words = {word: index for index, word in enumerate(SPECIAL + letters)}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.save(str(folder / "tokenizer.json"))
    named = {"fake_image_token": SPECIAL[4], "global_image_token": SPECIAL[5], "image_token": SPECIAL[3]}
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": SPECIAL[1],
            "eos_token": SPECIAL[2],
            "pad_token": SPECIAL[2],
            "unk_token": SPECIAL[0],
            "model_max_length": 8192,
            "padding_side": "right",
            "clean_up_tokenization_spaces": False,
            "extra_special_tokens": named,
            "processor_class": "SmolVLMProcessor",
        },
    )
    write_json(
        folder / "preprocessor_config.json",
        {
            "image_processor_type": "SmolVLMImageProcessor",
            "video_processor_type": "SmolVLMVideoProcessor",
            "processor_class": "SmolVLMProcessor",
            "image_mean": [0.5] * 3,
            "image_std": [0.5] * 3,
        },
    )
    write_json(folder / "processor_config.json", {"processor_class": "SmolVLMProcessor", "image_seq_len": 4})


def write_named_backbone(folder, **sizes):
    """A backbone's configuration and tokenizer; like SmolVLM2's it can decode."""
    write_backbone(folder, **sizes)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))


def policy_config(state=5, action=3, cameras=(("image", 7, 5), ("image2", 6, 6)), **fields):
    """LeRobot's configuration with the given features and everything else tiny."""
    inputs = {"observation.state": PolicyFeature(FeatureType.STATE, (state,))}
    for name, height, width in cameras:
        inputs[f"observation.images.{name}"] = PolicyFeature(FeatureType.VISUAL, (3, height, width))
    settings = {
        "device": "cpu",
        "push_to_hub": False,
        "chunk_size": 6,
        "n_action_steps": 6,
        "max_state_dim": 8,
        "max_action_dim": 6,
        "resize_imgs_with_padding": (16, 16),
        "num_vlm_layers": 2,
        "expert_width_multiplier": 0.5,
        "vlm_model_name": BACKBONE,
        "num_steps": 10,
    }
    return SmolVLAConfig(
        input_features=inputs,
        output_features={"action": PolicyFeature(FeatureType.ACTION, (action,))},
        **{**settings, **fields},
    )


def randomize(policy, random):
    """Numbers large enough that every part of the model shows in the result; all are exact in bfloat16."""
    with torch.no_grad():
        for name, parameter in sorted(policy.named_parameters()):
            noise = torch.from_numpy(random.standard_normal(parameter.shape))
            if "norm" in name:
                values = 0.25 * noise + (1 if name.endswith("weight") else 0)
            elif parameter.ndim <= 1:
                values = 0.2 * noise
            elif "embed" in name and "patch" not in name:
                values = 0.5 * noise
            else:
                values = 0.8 * noise * parameter[0].numel() ** -0.5
            parameter.copy_(values.bfloat16())


def write_checkpoint(folder, seed, backbone=None, **fields):
    """A checkpoint as LeRobot saves it, then its weights stored in bfloat16, which loses nothing of them."""
    folder.mkdir(parents=True)
    write_backbone(folder / BACKBONE, **(backbone or {}))
    # NumPy's numbers, because they are the same on every processor.
    random = np.random.default_rng(seed)
    with chdir(folder):
        policy = SmolVLAPolicy(policy_config(**fields))
        randomize(policy, random)
        policy.save_pretrained(folder)
        statistics = {
            key: {
                "mean": torch.from_numpy(random.standard_normal(feature.shape)).float(),
                "std": torch.full(feature.shape, 0.5),
            }
            for key, feature in {**policy.config.input_features, **policy.config.output_features}.items()
            if feature.type is not FeatureType.VISUAL
        }
        for processor in make_smolvla_pre_post_processors(policy.config, statistics):
            processor.save_pretrained(folder)
    weights = folder / "model.safetensors"
    with safe_open(weights, "pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata()
    narrow = {name: tensor.bfloat16() for name, tensor in stored.items()}
    assert all(torch.equal(narrow[name].float(), stored[name]) for name in stored)
    save_file(narrow, folder / "narrow", metadata=metadata)
    os.replace(folder / "narrow", weights)
    for readme in folder.glob("README.md"):
        readme.unlink()


def version_metadata():
    """Names the version of LeRobot whose numbers a file holds; those of 0.4.4 go without."""
    found = version("lerobot")
    return {} if found == "0.4.4" else {"lerobot": found}


def load_policy(folder, overrides):
    """The checkpoint with some settings changed, in training mode."""
    with chdir(folder):
        config = PreTrainedConfig.from_pretrained(folder)
        for name, value in overrides.items():
            assert hasattr(config, name), name
            setattr(config, name, tuple(value) if isinstance(value, list) else value)
        policy = SmolVLAPolicy.from_pretrained(Path(folder), config=config)
    return policy.train()
