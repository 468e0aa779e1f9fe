"""Principal components of the pool's flattened inputs, without a float copy of them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from activeloop.errors import BadScores, ConfigError
from activeloop.features.plan import Encoder, Plan, check_counts
from activeloop.features.rows import parts
from activeloop.features.store import Work
from activeloop.rng import rng
from activeloop.types import Data

EXACT = 2048  # inputs with more values than this: their covariance would take over 32 MB and minutes
SPARE, ROUNDS = 32, 4  # of the subspace iteration: extra dimensions, and passes after the first
CONSTANT = 1e-12  # of the largest variance: below, it is rounding in float64
EMBEDDED = 4096  # rows at a time


def pca(data: Data, *, dimensions: int = 64, whiten: bool = False, threads: int = 2) -> Plan:
    """The directions in which the pool's inputs vary most, as sklearn's PCA gives them up to sign.

    Exact, from the covariance, for up to 2,048 values an input; above that by subspace iteration from a fixed start, whose
    leading components agree with the exact ones and whose last ones may be mixed with their neighbours. The largest entry
    of every component is positive.

    dimensions: at most the values of an input and the rows of the pool.    whiten: every component gets deviation 1; one
    that does not vary stays 0.
    cost:   rows x values² once, or 6 passes of rows x values x (dimensions + 32).
    source: Halko, Martinsson & Tropp 2011, arXiv:0909.4061, algorithm 4.4.
    raises: BadScores where all rows are equal.
    """
    values, rows = data.inputs[:1].numel(), len(data)
    check_counts("pca", dimensions=dimensions, threads=threads)
    if dimensions > min(values, rows):
        raise ConfigError(
            f"option 'dimensions' of 'pca' is {dimensions}; inputs have {values:,} values and the pool {rows:,} rows, so 1"
            f" to {min(values, rows):,} are allowed."
        )

    def fit(work: Work) -> Encoder:
        mean, components, variance, whole = _components(data.inputs, dimensions)
        scale = np.ones(dimensions)
        if whiten:
            varies = variance > CONSTANT * variance[0]
            scale[varies] = variance[varies] ** -0.5
            scale[~varies] = 0
        centre = torch.from_numpy(mean)
        onto = torch.from_numpy((components * scale[:, None]).T).contiguous()
        share = float(variance.sum() / whole)
        says = f"pca, {dimensions} dimensions, {100 * share:.0f} % of the variance{', whitened' if whiten else ''}"
        return Encoder(lambda inputs: (_flat(inputs) - centre) @ onto, says, {"variance_share": share})

    return Plan(fit, batch=EMBEDDED, threads=threads)


def _components(inputs: Tensor, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Mean [D], components [count, D], their variances [count], and the variance of all dimensions together."""
    mean = sum((_flat(inputs[part]).sum(dim=0) for part in parts(inputs)), torch.zeros(())) / len(inputs)
    if inputs[:1].numel() <= EXACT:
        values, vectors, whole = _exactly(inputs, mean)
    else:
        values, vectors, whole = _by_iteration(inputs, mean, count)
    if not whole > 0:
        raise BadScores(
            f"all {len(inputs):,} rows of the pool are equal, so they have no principal components: nothing in these inputs"
            " tells rows apart."
        )
    order = torch.argsort(values, descending=True, stable=True)[:count]
    components = vectors[:, order].T
    largest = components.abs().argmax(dim=1, keepdim=True)
    components = components * components.gather(1, largest).sign()
    return mean.numpy(), components.numpy(), values[order].clamp(min=0).numpy(), float(whole)


def _exactly(inputs: Tensor, mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for part in parts(inputs):
        centred = _flat(inputs[part]) - mean
        covariance.addmm_(centred.T, centred)
    covariance /= max(1, len(inputs) - 1)
    values, vectors = torch.linalg.eigh(covariance)
    return values, vectors, covariance.trace()


def _by_iteration(inputs: Tensor, mean: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The leading subspace, turned towards itself by passes over the rows; products in float32, sums in float64."""
    size = min(count + SPARE, len(mean))
    start = torch.from_numpy(rng(0, 0, "pca").standard_normal((len(mean), size)))
    basis, whole = torch.linalg.qr(start)[0], torch.zeros((), dtype=torch.float64)
    for _ in range(ROUNDS + 1):
        basis, whole = _applied(inputs, mean, basis)
        basis = torch.linalg.qr(basis)[0]
    small = basis.T @ _applied(inputs, mean, basis)[0]
    values, vectors = torch.linalg.eigh((small + small.T) / 2)
    return values, basis @ vectors, whole


def _applied(inputs: Tensor, mean: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """Covariance times basis, and the trace of the covariance."""
    total, whole = torch.zeros_like(basis), torch.zeros((), dtype=torch.float64)
    narrow = basis.float()
    for part in parts(inputs):
        centred = (_flat(inputs[part]) - mean).float()
        total += centred.T @ (centred @ narrow)
        whole += centred.square().sum()
    return total / max(1, len(inputs) - 1), whole / max(1, len(inputs) - 1)


def _flat(inputs: Tensor) -> Tensor:
    return inputs.flatten(1).cpu().double()
