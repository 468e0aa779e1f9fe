"""error(m) = a * m^-b + c, a power law with a floor, through the error of models trained on m labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FLATTEST, STEEPEST = 0.05, 4.0  # b; learning curves lie between 0.1 and 2, so that either end is a failed fit
LOOKS, GRID = 4, 61  # each look at b is 30 times finer than the one before


@dataclass(frozen=True)
class Law:
    """a: above 0 where the error falls.    b: how fast.    c: the floor, that no number of labels gets below."""

    a: float
    b: float
    c: float

    def __call__(self, labels: Floats) -> Floats:
        found: Floats = self.a * labels**-self.b + self.c
        return found

    @property
    def is_at_bound(self) -> bool:
        """Whether the curve is of another shape: it falls not at all, like a logarithm, or all at once."""
        return self.a <= 0 or self.b <= FLATTEST * 1.001 or self.b >= STEEPEST / 1.001

    def labels_to(self, error: float) -> float | None:
        """Where the error has come down to this; None at the floor or below."""
        if error <= self.c or self.a <= 0:
            return None
        exponent = math.log(self.a / (error - self.c)) / self.b
        return math.exp(exponent) if exponent < 700 else None  # beyond every float, as good as never


def fit(labels: Floats, errors: Floats, weights: Floats, has_floor: bool = True) -> Law:
    """The law of least weighted squares, a and c not below 0, b between 0.05 and 4.

    At a given b the other two are linear, so that b alone is searched for: no starting point, and nothing that depends
    on one.
    labels, errors, weights: [n], labels above 0.    has_floor: False lets c fall below 0, where no error is.
    source: the separation of Golub & Pereyra 1973.
    """
    last = float(labels[-1])
    least, most = low, high = math.log(FLATTEST), math.log(STEEPEST)
    for _ in range(LOOKS):
        grid = np.linspace(low, high, GRID)
        a, c, loss = _linear(np.exp(grid), labels / last, errors, weights / weights.sum(), has_floor)
        best = int(loss.argmin())
        step = (high - low) / (GRID - 1)
        low, high = max(float(grid[best]) - step, least), min(float(grid[best]) + step, most)
    b = math.exp(float(grid[best]))
    return Law(float(a[best]) * last**b, b, float(c[best]))


def _linear(b: Floats, u: Floats, errors: Floats, w: Floats, has_floor: bool) -> tuple[Floats, Floats, Floats]:
    """The best a and c at each b, and their loss.    b: [B].    u, w: [n], labels over the last, weights that sum to 1."""
    x = u ** -b[:, None]  # [B, n]
    mean, level = x @ w, float(errors @ w)
    beside = x - mean[:, None]
    slope = np.maximum((beside * (errors - level)) @ w / np.maximum((beside**2) @ w, 1e-300), 0.0)
    without_floor = (x * errors) @ w / ((x**2) @ w)
    a = np.where(has_floor & (level < slope * mean), without_floor, slope)
    c = np.maximum(level - a * mean, 0.0 if has_floor else -np.inf)
    return a, c, ((a[:, None] * x + c[:, None] - errors) ** 2) @ w
