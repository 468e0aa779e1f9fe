"""What the course of training says of a row: how often its prediction broke, and how early it was right."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import one_hot

from activeloop.acquisitions.uncertainty import entropy, margin
from activeloop.acquisitions.votes import kept_nan, shares


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
    return kept_nan(forgotten.masked_fill(~right.any(dim=1), history.shape[1]), history)


def flips(history: Tensor) -> Tensor:
    """How often the predicted class changed from one epoch to the next: forgetting without a label.

    history: [n, E, C].
    returns: [n], float64, whole numbers in [0, E - 1].
    source:  the label-free forgetting events of FALSE, 2022.
    """
    predicted = history.argmax(dim=-1)
    return kept_nan((predicted[:, 1:] != predicted[:, :-1]).sum(dim=1).double(), history)


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


def expected_el2n(probs: Tensor) -> Tensor:
    """Length of the error vector that the model expects, over the labels it thinks the row may have.

    Needs no reference label, and no second model: an uncertainty, high where the prediction is spread.

    probs:   [n, C].
    returns: [n], float64, in [0, sqrt(1 - 1/C)].
    source:  derived from Paul et al. 2021, arXiv:2107.07075, definition 2.2: the sum over y of p_y |p - e_y|.
    """
    probs = probs.double()
    squares = (probs.square().sum(dim=-1, keepdim=True) - 2 * probs + 1).clamp(min=0)  # |p - e_y|² for each y
    return (probs * squares.sqrt()).sum(dim=-1)


def grand(early: Tensor, early_lengths: Tensor, reference: Tensor) -> Tensor:
    """Length of the last layer's gradient early in training, averaged over several models.

    The gradient of a row's cross-entropy by weights and bias is (p - e_y) times (h, 1), so its length is that of the error
    times sqrt(1 + |h|²): `el2n` with rows of long embeddings raised.

    early: [n, M, C].    early_lengths: [n, M], |h| in the same models.    reference: [n], class ids.
    returns: [n], float64, 0 or more.
    source:  Paul et al. 2021, arXiv:2107.07075, definition 2.1, of the last layer.
    """
    error = (early.double() - one_hot(reference, early.shape[-1])[:, None]).square().sum(dim=-1)
    return (error * (1 + early_lengths.double().square())).sqrt().mean(dim=1)


def aum(history: Tensor, reference: Tensor) -> Tensor:
    """By how much another class stood above the reference label, on average over the epochs.

    The area under the margin, negated: high where the row resists its reference label, be it hard or the label wrong.

    history: [n, E, C].    reference: [n], class ids.
    returns: [n], float64, in [-1, 1].
    source:  Pleiss et al. 2020, arXiv:2001.10528, on probabilities, as CCS (arXiv:2210.15809) has it.
    """
    history = history.double()
    at = reference[:, None, None].expand(-1, history.shape[1], 1)
    others = history.scatter(2, at, -1).amax(dim=2)
    return (others - history.gather(2, at)[..., 0]).mean(dim=1)


def label_dispersion(history: Tensor) -> Tensor:
    """The share of epochs that do not predict the class that most epochs predict.

    history: [n, E, C].
    returns: [n], float64, in [0, 1 - 1/min(E, C)].
    source:  Bengar et al. 2021 (ICCV workshop ILDAV), equation 2.
    """
    return 1 - shares(history).amax(dim=-1)


def mean_entropy(history: Tensor) -> Tensor:
    """`entropy` of the prediction averaged over the epochs: doubt that the last epoch may have lost.

    history: [n, E, C].
    returns: [n], float64, nats, in [0, log C].
    source:  TiDAL, Kye et al. 2023, arXiv:2210.06788, with training dynamics observed instead of predicted.
    """
    return entropy(history.double().mean(dim=1))


def mean_margin(history: Tensor) -> Tensor:
    """`margin` of the prediction averaged over the epochs; never positive, so the pick `power` needs `shift=1`.

    history: [n, E, C], C at least 2.
    returns: [n], float64, in [-1, 0].
    source:  TiDAL, Kye et al. 2023, arXiv:2210.06788, with training dynamics observed instead of predicted.
    """
    return margin(history.double().mean(dim=1))
