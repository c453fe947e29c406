"""Small byte-level BPE tokenizers with different settings, and strings that are hard to tokenize.

Usage: imported, not run.

Packages: tokenizers==0.22.2
"""

import json
import random

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

# ruff: noqa: E501
# fmt: off
CORPUS = [
    "pick up the black bowl between the plate and the ramekin and place it on the plate",
    "turn on the stove and put the moka pot on it", "push the red block to the left, then don't touch it",
    "They're what we've seen; I'll say she'd go. It's 2024-05-17, 12:30, 3.14159", "naïve café über straße",
    "    indented   code\n\n\tif x == 10:\n        return 100", "привет мир", "日本語のテキスト", "👩‍👩‍👧 😀😀 ok",
] * 3

HARD = [
    "", " ", "  ", "\n", "\t", "\n\n", " \n", "\n ", "a", " a", "a ", "  a", "   a   b    ", "\t\ta\t", "a\u00a0b",
    "a\u00a0\u00a0b", "a\u2003\u2003 b", "\u3000x", "x\u0085y", "x\u2028y\u2029", "\u200b \u200b", "\u1680a", "\u180ea",
    "\x1c\x1d \x1f", "\x00\x01\x7f", "\x0b\x0c", "\r\n\r\n x",
    "pick up the black bowl on the stove and place it on the plate\n", "Put 12 cups, 3 plates (now)!\n",
    "0123456789", "a1b22c333", "1 2  3", "٣٤٥ ६७ Ⅷ ½ ² 一二 ①", "x²y₃", "1,000.50", "3.14e-10", "𝟘𝟙𝟚", "১২ abc",
    "don't we'll they've I'm he'd it's y're", "'s't're've'm'll'd", "'S 'T 'Re", "''s", "!'s", "a'", "'", "' s", "’s don’t",
    "¿qué? ¡sí! «naïve» café", "e\u0301 é a\u0308\u0323", "\u0301start", "A\u030a Å \u212b", "ﬁ ﬀ ſ", "ẛ̣", "각 가\u11a8 한국어",
    "नमस्ते क्षि", "العربية مرحبا", "שָׁלוֹם", "ไทยภาษา", "日本語テキスト、です。", "漢字\U00020000\U0002a6d6", "𝒳𝔜ℤ 𐍈",
    "😀", "👩‍👩‍👧‍👦", "👍🏽 👍", "🇩🇪🇫🇷", "❤️ ❤", "1️⃣", "\U000e0041\U000e007f", "\ufeffbom", "\ue000\uf8ff", "\U0010ffff\uffff\ufffd",
    "<|end|>", "a<|end|>b", "<|end|><|end|>", " <|end|> ", "<|end", "<|end|>>", "<|END|>", "<image>tail<global-img>\n",
    "left<left>  left", "x  <left>  y", "x <right>  y", "<both> a <both> ", "  <both>  <both>  ", "word", "swordword word_ word",
    "(word)", "éword wordé", "word1 1word word", "word\u0301", "word-word", "café cafe\u0301", "xcafe\u0301y", "<both><left><right>",
    "!!!???", "...---___", "a_b", "a-b", "@#$%^&*()", "http://a.b/c?d=e&f=g", "C++ != C#", "\\n\\t", "\"q\" 'q'", "ÀÉÎ ÿþ",
    "a" * 50, " " * 37, "ab" * 40, "\n" * 9 + "x", "the" * 20, "😀" * 5, "unbelievably antidisestablishmentarianism",
]
# fmt: on


def random_strings(count, seed):
    rng = random.Random(seed)
    ranges = [(0x20, 0x7E)] * 6 + [(0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F)]
    ranges += [
        (0x2000, 0x206F),
        (0x2150, 0x218F),
        (0x3040, 0x30FF),
        (0x4E00, 0x4FFF),
        (0xAC00, 0xACFF),
        (0x1F300, 0x1F6FF),
    ]
    pieces = [" ", "  ", "\n", "'s", "<|end|>", "<left>", "<both>", "word", " the", "12"]
    strings = []
    for _ in range(count):
        text = ""
        for _ in range(rng.randint(1, 14)):
            low, high = rng.choice(ranges)
            text += rng.choice(pieces) if rng.random() < 0.3 else chr(rng.randint(low, high))
        strings.append(text)
    return strings


def train(tokenizer, size, alphabet=True, **options):
    initial = pre_tokenizers.ByteLevel.alphabet() if alphabet else []
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=size, initial_alphabet=initial, show_progress=False, **options)
    )


def smol():
    """As SmolVLM2's: single digits, no prefix space, special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, 420, special_tokens=["<|end|>", "<|pad|>"])
    tokenizer.add_special_tokens(["<image>", "<global-img>"])
    return tokenizer


def gpt():
    """NFC, prefix space, a template, and added tokens that strip, stand alone or are normalized."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, 400, special_tokens=["<s>", "</s>"])
    tokenizer.add_special_tokens([AddedToken("<|end|>", normalized=False)])
    tokenizer.add_tokens(
        [
            AddedToken("<left>", lstrip=True, normalized=False),
            AddedToken("<right>", rstrip=True, normalized=False),
            AddedToken("<both>", lstrip=True, rstrip=True),
            AddedToken("word", single_word=True),
            AddedToken("cafe\u0301", normalized=True),
            AddedToken("swordw", normalized=False),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return tokenizer


def poor():
    """Runs of digits, prefix space, an alphabet with gaps, fused unknowns, merges ignored, merges as strings."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.ByteLevel(add_prefix_space=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, 300, alphabet=False, special_tokens=["<unk>"])
    document = json.loads(tokenizer.to_str())
    document["model"]["ignore_merges"] = True
    document["model"]["vocab"]["Ġunbelievably"] = len(document["model"]["vocab"])
    document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    return Tokenizer.from_str(json.dumps(document))


def raw():
    """No pattern at all, an unknown token per byte, NFKD."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=False))
    tokenizer.normalizer = normalizers.NFKD()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, 260, alphabet=False, special_tokens=["<unk>"])
    return tokenizer


def byte_level():
    """What Swift's Tokenizer.byteLevel(specialTokens:words:) writes: 256 bytes, then each word built letter by letter."""
    specials = ["<|pad|>", "<|end|>", "<image>"]
    words = ["push", "the", "red", "block", "put", "über", "lock"]
    alphabet = [chr(c) for c in byte_characters()]
    vocab, merges = {}, []
    for token in specials + alphabet:
        vocab[token] = len(vocab)
    spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    by_length = sorted(words, key=lambda word: -len(word.encode()))
    for word in [" " + word for word in by_length] + by_length:
        characters = spelled.pre_tokenize_str(word)[0][0]
        for end in range(1, len(characters)):
            whole = characters[: end + 1]
            if whole not in vocab:
                vocab[whole] = len(vocab)
                merges.append((characters[:end], characters[end]))
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(specials)
    return tokenizer


def byte_characters():
    """GPT-2's character of each byte, in byte order."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    characters, spare = [], 256
    for byte in range(256):
        characters.append(byte if byte in plain else spare)
        spare += byte not in plain
    return characters
