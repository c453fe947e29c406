"""Writes five tokenizer folders drawn at random, and the ids that transformers' AutoTokenizer gives strings there.

Usage: python -m oracle.goldens.tokenizer_folders FOLDER

Packages: tokenizers==0.22.2 transformers==4.57.6
"""

import random
import shutil
import sys
from pathlib import Path

from oracle.common.tiny_tokenizers import HARD, random_strings
from oracle.common.tokenizer_folders import ASKED, draw


def main(goldens: Path) -> None:
    rng = random.Random(5)
    shutil.rmtree(goldens, ignore_errors=True)
    for number in range(5):
        draw(goldens / str(number), rng, ASKED + rng.sample(HARD, 12) + random_strings(6, number))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
