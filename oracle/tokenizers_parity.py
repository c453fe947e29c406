# Tokenizer folders drawn at random, as transformers' AutoTokenizer reads them.
# Pins: tokenizers==0.22.2, transformers==4.57.6
"""python oracle/tokenizers_parity.py draw FOLDER COUNT SEED [STRINGS] writes COUNT folders of tokenizer.json,
tokenizer_config.json and perhaps special_tokens_map.json, with the ids of hard and random strings, whole and cut, in
transformers.json; the first also holds every character of Unicode. python oracle/tokenizers_parity.py goldens writes
those of make test."""

import json
import random
import shutil
import sys
from pathlib import Path

from tokenizers import Regex, decoders, models, pre_tokenizers
from tokenizers import Tokenizer
from transformers import AutoTokenizer

import tokenizers_goldens as base

GOLDENS = Path(__file__).resolve().parent.parent / "Tests/Core/ModelFilesTests/Goldens/transformers_tokenizers"
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
WORDS = ["<|end|>", "<|pad|>", "<image>", "the", "Ġthe", "plate", "<new>", "<fresh token>", "é", "café", "<s>", "12", "on"]
CLASSES = ["PreTrainedTokenizerFast", "GPT2Tokenizer", "GPT2TokenizerFast", "LlamaTokenizerFast", "GPTNeoXTokenizerFast"]


def split():
    """GPT-2's pattern as a step of its own, in a sequence within a sequence."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]),
    ])
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
        config["added_tokens_decoder"] = {str(rng.randint(0, 500) * 16 + i): flags(rng, w) for i, w in enumerate(chosen)}
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
            "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "<|pad|>"}
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


def every_character():
    scalars = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000 and not 0xF0000 <= c]
    # Between a letter, a digit and a space, so that the classes of all characters show.
    return ["".join(f"a{c}1 {c}" for c in scalars[start : start + 4096]) for start in range(0, len(scalars), 4096)]


def main():
    rng = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 5)
    words = [f"x {w} y{w} " for w in WORDS] + ["on the plate <|endoftext|>", "<|pad|><|pad|>"]
    if sys.argv[1] == "goldens":
        shutil.rmtree(GOLDENS, ignore_errors=True)
        for number in range(5):
            strings = words + rng.sample(base.HARD, 12) + base.random_strings(6, number)
            draw(GOLDENS / str(number), rng, strings)
        return
    for number in range(int(sys.argv[3])):
        strings = words + base.HARD + base.random_strings(60, rng.randint(0, 1 << 30))
        draw(Path(sys.argv[2]) / str(number), rng, strings + (every_character() if number == 0 else []))


if __name__ == "__main__":
    main()
