"""Draws tokenizer folders with the ids that transformers' AutoTokenizer gives hard and random strings, for Swift.

Usage: python -m oracle.parity.tokenizer_folders FOLDER COUNT SEED

Packages: tokenizers==0.22.2 transformers==4.57.6

The first folder's strings also hold every character of Unicode.
"""

import random
import sys
from pathlib import Path

from oracle.common.tiny_tokenizers import HARD, random_strings
from oracle.common.tokenizer_folders import ASKED, draw


def every_character():
    scalars = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000 and not 0xF0000 <= c]
    # Between a letter, a digit and a space, so that the classes of all characters show.
    return ["".join(f"a{c}1 {c}" for c in scalars[start : start + 4096]) for start in range(0, len(scalars), 4096)]


def main(folder: Path, count: int, seed: int) -> None:
    rng = random.Random(seed)
    for number in range(count):
        strings = ASKED + HARD + random_strings(60, rng.randint(0, 1 << 30))
        draw(folder / str(number), rng, strings + (every_character() if number == 0 else []))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
