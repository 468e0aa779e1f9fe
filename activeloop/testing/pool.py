"""A made-up pool on which the contracts of learners and oracles are tried: classes that a line separates."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch

from activeloop.types import OPEN, SKIP, Data, Labels, Rows

NAMES = ("a", "b", "c", "d")
LABELLED, SKIPPED = 20, 4  # the first rows of a pool, and those behind them


@dataclass(frozen=True, eq=False)
class Pool:
    """Inputs with the truth of all rows, and the labels that a learner gets.

    truth: [N], class ids.    labels: [N], the first 20 labelled, the next 4 skipped, the rest open.
    """

    data: Data
    truth: Labels

    @property
    def labels(self) -> Labels:
        return self.labelled(np.arange(LABELLED))

    def labelled(self, rows: Rows) -> Labels:
        """[N], the truth of these rows alone; four of the others are skipped."""
        labels = np.full(len(self.truth), OPEN)
        labels[LABELLED : LABELLED + SKIPPED] = SKIP
        labels[rows] = self.truth[rows]
        return labels


def pool(shape: tuple[int, ...] = (1, 8, 8), rows: int = 60, seed: int = 0) -> Pool:
    """Clouds around a centre for each of four classes; float32 inputs of this shape, 28 rows or more."""
    chance = torch.Generator().manual_seed(seed)
    truth = torch.arange(rows) % len(NAMES)
    centres = 2 * torch.randn(len(NAMES), *shape, generator=torch.Generator().manual_seed(0))
    inputs = centres[truth] + torch.randn(rows, *shape, generator=chance)
    per = (shape[0], *[1] * (len(shape) - 1))
    return Pool(Data(inputs, NAMES, torch.full(per, 0.1), torch.full(per, 2.0)), truth.numpy())


def backwards(data: Data) -> Data:
    """The same rows, the last first."""
    return replace(data, inputs=data.inputs.flip(0))


def copied(data: Data) -> Data:
    return replace(data, inputs=data.inputs.clone(), mean=data.mean.clone(), std=data.std.clone())


@contextmanager
def chance_kept() -> Iterator[None]:
    """Raises AssertionError where what stands inside moves torch's, numpy's or Python's own random state."""
    before = _states()
    yield
    moved = [name for name, state in _states().items() if state != before[name]]
    assert not moved, f"moves the global random state of {', '.join(moved)}, which others draw from too"


@contextmanager
def chance_put_back() -> Iterator[None]:
    """Whatever is done to the global random state inside, afterwards it is what it was."""
    numpy, python = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            np.random.set_state(numpy)
            random.setstate(python)


def stir(seed: int) -> None:
    """Another global random state, which nothing that its own seed decides may notice."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def _states() -> dict[str, object]:
    kind, words, *rest = np.random.get_state(legacy=True)
    numpy = (kind, np.asarray(words).tobytes(), *rest)
    return {"torch": torch.get_rng_state().tolist(), "numpy": numpy, "random": random.getstate()}
