"""World modalities for robot policies: the native program, and its core in this process, on the installed torch.

>>> policy = lerobot_wm.load_policy("lerobot/smolvla_base")
>>> actions = policy.plan({"images": {"image": pixels}, "state": state, "instruction": "pick up the bowl"})
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .errors import Error

if TYPE_CHECKING:
    from .encoders import Encoder
    from .environments import LiberoEnv, LiberoVectorEnv
    from .policies import Policy, load_policy

__all__ = ["Encoder", "Error", "LiberoEnv", "LiberoVectorEnv", "Policy", "load_policy"]

# Imported when they are first asked for: torch and gymnasium take seconds.
_MODULES = {
    "Encoder": "encoders",
    "LiberoEnv": "environments",
    "LiberoVectorEnv": "environments",
    "Policy": "policies",
    "load_policy": "policies",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
