"""What inputs are normalised by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from activeloop.data.scratch import chunks

MOST_ROWS = 10_000  # the mean of so many rows is within 1 % of a standard deviation
CONSTANT = 1e-6  # below this part of the mean a deviation is rounding in float32


def mean_and_std(inputs: NDArray[np.generic]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation per channel [channels, 1, 1] or per feature [D], in the units of `inputs`.

    Measured on at most MOST_ROWS evenly spaced rows. The deviation of a constant channel or feature is given as 1, so
    that dividing by it is safe.
    """
    rows = np.unique(np.linspace(0, len(inputs) - 1, min(len(inputs), MOST_ROWS)).astype(np.int64))
    mean = _average(inputs, rows, np.zeros(inputs.shape[1]), power=1)
    std = np.sqrt(_average(inputs, rows, mean, power=2))
    std[std <= CONSTANT * np.abs(mean)] = 1
    shape = (-1, 1, 1) if inputs.ndim == 4 else (-1,)
    return mean.astype(np.float32).reshape(shape), std.astype(np.float32).reshape(shape)


def _average(
    inputs: NDArray[np.generic], rows: NDArray[np.int64], centre: NDArray[np.float64], power: int
) -> NDArray[np.float64]:
    """Mean of (input - centre) ** power per channel; taken about the mean it is exact where E[x²] - E[x]² is not."""
    total: NDArray[np.float64] = np.zeros(inputs.shape[1])
    others = (0, *range(2, inputs.ndim))
    for part in chunks(np.broadcast_to(np.float64(0), (len(rows), *inputs.shape[1:]))):
        values = inputs[rows[part]].astype(np.float64)
        total += ((values - centre.reshape(-1, *[1] * (inputs.ndim - 2))) ** power).sum(axis=others)
    total /= len(rows) * inputs[0, 0].size
    return total
