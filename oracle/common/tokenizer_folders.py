"""Tokenizer folders drawn at random, with the ids that transformers' AutoTokenizer gives.

Usage: imported, not run.

Packages: tokenizers==0.22.2 transformers==4.57.6

`draw` writes tokenizer.json, tokenizer_config.json, perhaps special_tokens_map.json, and transformers.json: the ids of
given strings, whole and cut.
"""

import json

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer

from oracle.common import tiny_tokenizers as base

PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
WORDS = [
    "<|end|>",
    "<|pad|>",
    "<image>",
    "the",
    "Ġthe",
    "plate",
    "<new>",
    "<fresh token>",
    "é",
    "café",
    "<s>",
    "12",
    "on",
]
# What every folder is asked for, beside other strings.
ASKED = [*(f"x {word} y{word} " for word in WORDS), "on the plate <|endoftext|>", "<|pad|><|pad|>"]
CLASSES = [
    "PreTrainedTokenizerFast",
    "GPT2Tokenizer",
    "GPT2TokenizerFast",
    "LlamaTokenizerFast",
    "GPTNeoXTokenizerFast",
]


def split():
    """GPT-2's pattern as a step of its own, in a sequence within a sequence."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.Sequence(
                [
                    pre_tokenizers.Split(Regex(PATTERN), "isolated"),
                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
                ]
            ),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    base.train(tokenizer, 380, special_tokens=["<|end|>", "<s>"])
    return tokenizer


def flags(rng, content):
    token = {"content": content, "special": rng.random() < 0.5}
    for name in ["lstrip", "rstrip", "single_word", "normalized"]:
        if rng.random() < 0.7:
            token[name] = rng.random() < 0.4
    return token


def special(rng):
    content = rng.choice(WORDS)
    if rng.random() < 0.7:
        return content
    return {"__type": "AddedToken", **flags(rng, content), "special": True}


def configuration(rng):
    config = {"tokenizer_class": rng.choice(CLASSES)}
    for role in ["bos_token", "eos_token", "unk_token", "pad_token", "sep_token"]:
        if rng.random() < 0.4:
            config[role] = special(rng)
    for name in ["add_bos_token", "add_eos_token", "add_prefix_space"]:
        if rng.random() < 0.5:
            config[name] = rng.random() < 0.5
    if rng.random() < 0.3:
        config["truncation_side"] = rng.choice(["left", "right"])
    if rng.random() < 0.3:
        config["model_max_length"] = 3
    if rng.random() < 0.3:
        config["additional_special_tokens"] = rng.sample(WORDS, 2)
    if rng.random() < 0.3:
        config["extra_special_tokens"] = {"image_token": rng.choice(WORDS)}
    if rng.random() < 0.5:
        chosen = rng.sample(WORDS, rng.randint(0, 4))
        config["added_tokens_decoder"] = {
            str(rng.randint(0, 500) * 16 + i): flags(rng, w) for i, w in enumerate(chosen)
        }
    if config["tokenizer_class"] in CLASSES[3:]:
        for role, token in [("bos_token", "<s>"), ("eos_token", "<|end|>")]:
            given = config.setdefault(role, token)
            if " " in (given if isinstance(given, str) else given["content"]):
                config[role] = token  # Its template is written as text with spaces.
    if config["tokenizer_class"] == "LlamaTokenizerFast":
        config.setdefault("unk_token", "<|end|>")
        config.pop("add_prefix_space", None)  # It would be made anew from a SentencePiece model.
    if config["tokenizer_class"] == "GPTNeoXTokenizerFast":
        config.setdefault("unk_token", "<|end|>")
    return config


def document(rng):
    document = json.loads(rng.choice([base.smol, base.gpt, base.poor, base.raw, split])().to_str())
    if rng.random() < 0.3:
        document["model"]["merges"] = [" ".join(m) if isinstance(m, list) else m for m in document["model"]["merges"]]
    if rng.random() < 0.2:
        document["model"]["ignore_merges"] = True
    if rng.random() < 0.2:
        document["truncation"] = {"direction": "Left", "max_length": 5, "strategy": "LongestFirst", "stride": 0}
    if rng.random() < 0.2:
        document["padding"] = {
            "strategy": "BatchLongest",
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "<|pad|>",
        }
    return document


def draw(folder, rng, strings):
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(json.dumps(document(rng)))
    config = configuration(rng)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    if rng.random() < 0.4:
        roles = {role: rng.choice(WORDS[:6]) for role in ["pad_token", "eos_token"] if rng.random() < 0.7}
        (folder / "special_tokens_map.json").write_text(json.dumps(roles))
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    # Two that start a cut template leave no room.
    cases = []
    for text in strings:
        case = {"text": text, "ids": tokenizer(text).input_ids}
        length = rng.randint(3, 8)
        cut = tokenizer(text, truncation=True, max_length=length).input_ids
        if cut != case["ids"]:
            case |= {"max": length, "cut": cut}
        cases.append(case)
    result = {"pad": tokenizer.pad_token_id, "eos": tokenizer.eos_token_id, "size": len(tokenizer), "cases": cases}
    (folder / "transformers.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
