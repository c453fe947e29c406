"""Writes small byte-level BPE tokenizers and the ids that the tokenizers package gives hard strings.

Usage: python -m oracle.goldens.tokenizer_ids FOLDER

Packages: tokenizers==0.22.2
"""

import json
import sys
from pathlib import Path

from oracle.common.tiny_tokenizers import HARD, byte_level, gpt, poor, random_strings, raw, smol


def main(goldens: Path) -> None:
    strings = HARD + random_strings(30, seed=1)
    for make in [smol, gpt, poor, raw, byte_level]:
        tokenizer = make()
        folder = goldens / make.__name__
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(folder / "tokenizer.json"), pretty=make is byte_level)
        if make is byte_level:
            strings = strings + ["push the red block", "pushput block lock unlock über", " über the<image> reds"]
        cases = []
        for text in strings:
            ids = tokenizer.encode(text).ids
            plain = tokenizer.encode(text, add_special_tokens=False).ids
            cases.append(
                {
                    "text": text,
                    "ids": ids,
                    "plain": None if plain == ids else plain,
                    "decoded": tokenizer.decode(ids),
                    "complete": tokenizer.decode(ids, skip_special_tokens=False),
                }
            )
            for key in ["plain", "decoded", "complete"]:
                if cases[-1][key] in (None, text):
                    del cases[-1][key]
        lines = ",\n".join(json.dumps(case) for case in cases)
        (folder / "expected.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
