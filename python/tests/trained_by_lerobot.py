"""`lerobot-train` on the samples, the noise and the times that `lerobot-wm-train` draws.

Usage: python trained_by_lerobot.py SEED FLAGS…
"""

from __future__ import annotations

import itertools
import sys

import torch
from lerobot.scripts import lerobot_train

from lerobot_wm import core
from lerobot_wm.policies import SharedPolicy

SEED = int(sys.argv.pop(1))


class ProgramSamples:
    """The samples of each step, without end."""

    def __init__(self, count: int, batch_size: int) -> None:
        self.count, self.batch_size = count, batch_size

    def __len__(self) -> int:
        return 10_000

    def __iter__(self):
        for step in itertools.count():
            request = {"count": self.count, "batch_size": self.batch_size, "seed": SEED, "step": step}
            yield core.call_without_tensors("samples", request)["positions"]


class ProgramLoader(torch.utils.data.DataLoader):
    """Loads these samples, whatever it is asked for."""

    def __init__(self, dataset, batch_size, **_):
        super().__init__(dataset, batch_sampler=ProgramSamples(len(dataset), batch_size))


steps = itertools.count()
plain = SharedPolicy.loss
SharedPolicy.loss = lambda policy, batch, seed: plain(policy, batch, seed=SEED, step=next(steps))
torch.utils.data.DataLoader = ProgramLoader
torch.set_num_threads(1)
lerobot_train.main()
