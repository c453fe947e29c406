"""Lets torchvision 0.28 be imported beside a torch that its compiled operators were not built for.

Usage: python oracle/environment/guard_torchvision.py   (called by oracle/environment/setup.sh)

Packages: torchvision==0.28.0

Changes the environment it runs in, and may be repeated: two operators are described to torch without asking whether
they were loaded; the others are guarded already.
"""

import importlib.util
import os
from pathlib import Path

GUARDED = "torch.library.register_fake({0}) if torchvision.extension._has_ops() else (lambda function: function)"


def main():
    # Found, not imported: importing is what fails.
    package = importlib.util.find_spec("torchvision")
    if package is None or package.origin is None:
        raise SystemExit("guard_torchvision: torchvision is not installed in this environment")
    path = Path(package.origin).parent / "_meta_registrations.py"
    text = path.read_text()
    for name in ('"torchvision::nms"', '"torchvision::qnms"'):
        bare, guarded = f"@torch.library.register_fake({name})\n", f"@({GUARDED.format(name)})\n"
        if bare not in text and guarded not in text:
            raise SystemExit(f"guard_torchvision: {path} does not describe {name} as torchvision 0.28.0 does")
        text = text.replace(bare, guarded)
    beside = path.with_suffix(".guarded")
    beside.write_text(text)
    os.replace(beside, path)


if __name__ == "__main__":
    main()
