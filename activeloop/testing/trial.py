"""A learner on trial, and how what its models give is looked at and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from activeloop.errors import BadScores
from activeloop.evidence import check
from activeloop.testing.pool import NAMES, Pool, pool
from activeloop.types import Labels, Learner, Model, Rows

PASSES, SEED = 4, 7
CLOSE = 1e-5  # of equal sums in another order, in float32


@dataclass(frozen=True, eq=False)
class Trial:
    """A learner, and a made-up pool to try it on. Its first model is trained once, however many checks look at it."""

    learner: Learner
    shape: tuple[int, ...] = (1, 8, 8)

    @cached_property
    def pool(self) -> Pool:
        return pool(self.shape)

    @cached_property
    def model(self) -> Model:
        return self.fit()

    def looks(self) -> dict[str, Tensor]:
        """What the first model gives of all that is offered, about all rows."""
        return looks(self.model, self.offers, self.all_rows)

    @cached_property
    def offers(self) -> Mapping[str, str]:
        return self.learner.offers(self.pool.data)

    @property
    def all_rows(self) -> Rows:
        return np.arange(len(self.pool.data))

    def fit(self, labels: Labels | None = None, seed: int = SEED, **more: Any) -> Model:
        return self.learner.fit(self.pool.data, self.pool.labels if labels is None else labels, seed=seed, **more)


def looks(model: Model, names: Iterable[str], rows: Rows) -> dict[str, Tensor]:
    """What a model gives of these names about these rows; the history aside, which takes watching."""
    see: Mapping[str, Callable[[], Tensor]] = {
        "probs": lambda: model.probs(rows),
        "samples": lambda: model.samples(rows, PASSES, SEED),
        "embeddings": lambda: model.embed(rows),
    }
    return {name: see[name]() for name in names if name in see}


def are_probs(model: Model, rows: Rows) -> None:
    is_evidence("probs", model.probs(rows), f"[n, {len(NAMES)}]", len(rows))


def is_evidence(name: str, found: Any, offered: str, rows: int) -> None:
    assert isinstance(found, Tensor), f"gives {name} as a {type(found).__name__}, not a tensor"
    assert found.dtype == torch.float32, f"gives {name} as {found.dtype}, not torch.float32"
    assert not found.requires_grad, f"gives {name} that hold the graph of their gradients; look under torch.no_grad()"
    sizes = [size.strip() for size in offered.strip("[] ").split(",")]
    fits = len(sizes) == found.dim() and all(
        not size.isdigit() or int(size) == has for size, has in zip(sizes, found.shape, strict=True)
    )
    is_kept = fits and len(found) == rows
    assert is_kept, f"gives {name} {list(found.shape)} for {rows} rows; it offers {offered}"
    assert bool(torch.isfinite(found).all()), f"gives {name} that are nan or infinite"
    try:
        check(name, found, np.arange(rows))
    except BadScores as error:
        raise AssertionError(str(error)) from error


def are_equal(found: Tensor, other: Tensor, tolerance: float) -> bool:
    return found.shape == other.shape and bool(((found - other).abs() <= tolerance).all())


def alike(found: Tensor, expected: Tensor, what: str, tolerance: float) -> None:
    assert found.shape == expected.shape, f"gives {list(found.shape)} for {what}, and {list(expected.shape)} at first"
    apart = (found.float() - expected.float()).abs()
    worst = int(apart.argmax())
    assert bool((apart <= tolerance).all()), (
        f"gives {float(found.flatten()[worst]):.9g}, where it gave {float(expected.flatten()[worst]):.9g}: {what}"
    )
