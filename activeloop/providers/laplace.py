"""Samples from a Gaussian posterior over the weights of a net's last layer: the last-layer Laplace approximation."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from activeloop.errors import ConfigError, MissingEvidence, nearest
from activeloop.learners.model import NetModel, last_layer
from activeloop.rng import derive
from activeloop.types import Labels, Model

STRUCTURES = ("full", "kron", "diag")
MOST = 8192  # weights of a full Hessian: it takes half a GiB, and its factor 10 seconds of one core
AGREE = 1e-3  # between a net's probabilities and those of its last layer alone, which differ by rounding


@torch.no_grad()
def laplace(
    embeddings: Tensor, model: Model, training: Labels, seed: int, *, passes: int = 20, structure: str = "kron",
    prior_precision: float = 0.0,
) -> Tensor:  # fmt: skip
    """Predictions of networks that differ in their last weights, drawn as wide as the labelled rows leave open.

    Needs one training and no dropout, and works for the net `linear` too, whose last layer is its only one. What the
    layers before it might have learnt otherwise is left out: an ensemble disagrees about that as well.

    embeddings:      [n, D], of the rows at hand.    passes: networks; pass k has the same weights for every row and call.
    structure:       of the curvature of the loss, whose inverse is the spread: "full" is exact and takes 8,192 weights at
                     most; "kron", a product of a [C, C] and a [D, D] matrix, is quick for any layer; "diag" takes weights
                     for independent.
    prior_precision: of the Gaussian prior over every weight; small is wide. 0: of the weights that torch begins with, 3 D,
                     so that networks differ by no more than untrained ones. Few labels say little of most weights, so
                     it decides much: at 1, a usual default, and at the maximum of the evidence (0.4 to 16 on digits),
                     networks forget what was learnt from few labels. Three seeds of digits: `bald` with cnn had an area
                     of 0.853 (random 0.857, evidence 0.818), with linear 0.815 (random 0.842).
    returns:         [n, passes, C], float32.
    raises:          ConfigError; MissingEvidence for a net whose logits are not what its last nn.Linear gives.
    cost:            a look at the labelled rows and one decomposition, whatever the pool; passes * C * D a row.
    source:          Daxberger et al. 2021, arXiv:2106.14806; Kristiadi et al. 2020, arXiv:2002.10118. The Hessian is the
                     generalised Gauss-Newton matrix, which is exact here. The bias counts as one more input, where
                     laplace-torch's kron sets it apart; the prior is ours.
    """
    _check(passes, structure, prior_precision)
    rows = np.flatnonzero(training >= 0)
    layer, seen = _last(model), model.embed(rows)
    probs = model.probs(rows)
    if seen.shape[1] != layer.in_features or not torch.allclose(layer(seen).softmax(dim=1), probs, atol=AGREE):
        raise MissingEvidence(
            "the logits of this net are not what its last nn.Linear gives, so 'laplace' has no weights to draw: end the"
            " net in one, or bind 'samples' to 'ensemble'."
        )
    mean = _weights(layer)
    normal = torch.stack([_normal(seed, k, mean) for k in range(passes)])
    prior = prior_precision or 3.0 * layer.in_features
    weights = mean + deviations(_with_bias(seen, layer).double(), probs.double(), normal, structure, prior)
    logits = _with_bias(embeddings, layer) @ weights.flatten(0, 1).T.to(embeddings.dtype)
    return logits.view(len(embeddings), passes, -1).softmax(dim=-1)


def deviations(x: Tensor, probs: Tensor, normal: Tensor, structure: str, prior: float) -> Tensor:
    """Standard normal draws [K, C, D], each turned into a draw of weights less their mean, by the inverse Hessian.

    The Hessian of the loss is the sum over rows of (diag(p) - p p') ⊗ x x', to which the prior adds its precision.

    x: [n, D], float64, what the layer sees of the labelled rows.    probs: [n, C], float64.
    source: Bishop 2006, equation 4.110; kron: Martens & Grosse 2015, arXiv:1503.05671.
    """
    if structure == "diag":
        return normal / ((probs * (1 - probs)).T @ x.square() + prior).sqrt()
    if structure == "kron":
        of_classes, classes = torch.linalg.eigh((torch.diag(probs.sum(dim=0)) - probs.T @ probs) / len(x))
        of_inputs, inputs = torch.linalg.eigh(x.T @ x)
        values = of_classes.clamp(min=0)[:, None] * of_inputs.clamp(min=0)
        mixed: Tensor = classes @ (normal / (values + prior).sqrt()) @ inputs.T
        return mixed
    count = normal[0].numel()
    if count > MOST:
        raise ConfigError(
            f"the last layer has {count:,} weights, and a full Hessian takes {MOST:,} at most: set"
            " evidence.samples.structure=kron, which takes any."
        )
    factor = torch.linalg.cholesky(hessian(x, probs) + prior * torch.eye(count, dtype=x.dtype, device=x.device))
    drawn: Tensor = torch.linalg.solve_triangular(factor.T, normal.flatten(1).T, upper=True)
    return drawn.T.reshape(normal.shape)


def hessian(x: Tensor, probs: Tensor) -> Tensor:
    """[C D, C D], of the summed cross-entropy in the weights of a last layer, whatever the labels."""
    width, classes = x.shape[1], probs.shape[1]
    whole = x.new_empty(classes, width, classes, width)
    for c in range(classes):
        for d in range(c, classes):
            share = probs[:, c] * (float(c == d) - probs[:, d])
            whole[c, :, d] = whole[d, :, c] = x.T @ (x * share[:, None])
    return whole.view(classes * width, classes * width)


def _check(passes: int, structure: str, prior_precision: float) -> None:
    if passes < 1:
        raise ConfigError(f"{passes} passes were asked for; evidence.samples.passes must be 1 or more.")
    if structure not in STRUCTURES:
        raise ConfigError(
            f"evidence.samples.structure is {structure!r}{nearest(structure, STRUCTURES)} Allowed are"
            f" {', '.join(map(repr, STRUCTURES))}."
        )
    if not 0 <= prior_precision < math.inf:
        raise ConfigError(
            f"evidence.samples.prior_precision is {prior_precision}; it must be above 0 and finite, or 0 for that of"
            " untrained weights."
        )


def _last(model: Model) -> nn.Linear:
    if not isinstance(model, NetModel):
        raise MissingEvidence(
            f"'laplace' draws the weights of a net's last layer, and a {type(model).__name__} has none: use"
            " learner.name=supervised, or leave 'samples' to the learner."
        )
    return last_layer(model.net)


@torch.no_grad()
def _weights(layer: nn.Linear) -> Tensor:
    """[C, D] or, with the bias as the last column, [C, D + 1]; float64."""
    bias = [] if layer.bias is None else [layer.bias[:, None]]
    return torch.cat([layer.weight, *bias], dim=1).double()


def _with_bias(x: Tensor, layer: nn.Linear) -> Tensor:
    return x if layer.bias is None else torch.cat([x, x.new_ones(len(x), 1)], dim=1)


def _normal(seed: int, k: int, like: Tensor) -> Tensor:
    """Of pass k, whatever the number of passes and the device."""
    chance = torch.Generator().manual_seed(derive(seed, k, "laplace"))
    return torch.randn(like.shape, generator=chance, dtype=torch.float64).to(like.device)
