"""What the course of training says of a row: how often its prediction broke, and how early it was right."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import one_hot


def forgetting(history: Tensor, reference: Tensor) -> Tensor:
    """How often a row was predicted as its reference label and, one epoch later, no longer.

    Rows that were never so predicted sort hardest: they get E, one more than can be counted. An unlabelled row has no
    label to forget: `reference` stands for it, last round's prediction unless bound otherwise.

    history:   [n, E, C], probabilities after each of E epochs.    reference: [n], class ids.
    returns:   [n], float64, whole numbers in [0, E // 2], or E for never learnt.
    source:    Toneva et al. 2019, arXiv:1812.05159, definition 1 (there over mini-batches, here over epochs).
    """
    right = history.argmax(dim=-1) == reference[:, None]
    forgotten = (right[:, :-1] & ~right[:, 1:]).sum(dim=1).double()
    return forgotten.masked_fill(~right.any(dim=1), history.shape[1])


def flips(history: Tensor) -> Tensor:
    """How often the predicted class changed from one epoch to the next: forgetting without a label.

    history: [n, E, C].
    returns: [n], float64, whole numbers in [0, E - 1].
    source:  the label-free forgetting events of FALSE, 2022.
    """
    predicted = history.argmax(dim=-1)
    return (predicted[:, 1:] != predicted[:, :-1]).sum(dim=1).double()


def el2n(early: Tensor, reference: Tensor) -> Tensor:
    """Length of the error vector early in training, averaged over several models.

    High where models agree on little but that the reference label is wrong. Against the scored model's own argmax it
    would be a confidence in disguise (least confidence exactly, for two classes), so `reference` is last round's
    prediction unless bound otherwise.

    early:     [n, M, C], probabilities of M models at an early epoch.    reference: [n], class ids.
    returns:   [n], float64, in [0, sqrt 2].
    source:    Paul et al. 2021, arXiv:2107.07075, definition 2.2 (10 models, epoch 20).
    """
    error = early.double() - one_hot(reference, early.shape[-1])[:, None]
    return error.square().sum(dim=-1).sqrt().mean(dim=1)
