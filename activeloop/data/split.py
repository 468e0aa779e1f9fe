"""Which rows of a fully labelled source become the test set, and which stay in a thinned pool."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.random import Generator

from activeloop.data.raw import Raw
from activeloop.errors import ConfigError
from activeloop.rng import rng
from activeloop.types import Labels, Rows

KEPT = 0.1  # of the rows of a rare class


def split_off_test(raw: Raw, seed: int, fraction: float, scratch: Path) -> Raw:
    """The source with a test set, where its labels are known and it has none."""
    truth = raw.pool.labels
    if truth is None or raw.test is not None or fraction == 0:
        return raw
    if len(truth) < 2:
        raise ConfigError("the source has 1 row, of which none can be held out; pass --test-fraction 0.")
    test = held_out(truth, fraction, rng(seed, 0, "split"))
    rest = np.setdiff1d(np.arange(len(truth)), test)
    return replace(raw, pool=raw.pool.take(rest, scratch), test=raw.pool.take(test, scratch))


def thin(raw: Raw, classes: int, seed: int, scratch: Path) -> Raw:
    """The source with half of its classes rare in the pool; the test set stays as it is."""
    if raw.pool.labels is None:
        raise ConfigError("--imbalance drops rows by their true class, which is unknown here; leave it out.")
    rows = thinned(raw.pool.labels, classes, rng(seed, 0, "imbalance"))
    return replace(raw, pool=raw.pool.take(rows, scratch))


def held_out(labels: Labels, fraction: float, draw: Generator) -> Rows:
    """Rows for the test set, ascending: every class gives its share to within one row.

    One row in every 1 / `fraction` is drawn from all rows ordered by class and at random within a class, so every row
    has the same chance. At least one row is held out, and at least one stays.

    fraction: in (0, 1).    labels: two rows or more.
    """
    shuffled = draw.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    count = min(max(round(fraction * len(labels)), 1), len(labels) - 1)
    positions = (draw.integers(len(labels)) + np.arange(count) * len(labels)) // count
    return np.sort(by_class[positions])


def thinned(labels: Labels, classes: int, draw: Generator) -> Rows:
    """Rows that stay, ascending, where half of the classes, drawn at random, become rare.

    A rare class keeps KEPT of its rows, drawn at random, and at least one. Of an odd number of classes the smaller
    half becomes rare.
    """
    rare = draw.permutation(classes)[: classes // 2]
    kept = [np.flatnonzero(~np.isin(labels, rare))]
    for label in np.sort(rare):
        rows = np.flatnonzero(labels == label)
        kept.append(draw.permutation(rows)[: max(1, round(KEPT * len(rows)))])
    return np.sort(np.concatenate(kept))
