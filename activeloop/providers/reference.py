"""Labels that stand in for the unknown ones."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from activeloop.errors import ConfigError, MissingEvidence
from activeloop.evidence import pixels
from activeloop.types import Data, Labels, Model, Rows


def neighbours(data: Data, rows: Rows, training: Labels, *, k: int = 5) -> Tensor:
    """The class that most of the k nearest labelled rows have: a first guess where there is no model yet.

    Nearness is Euclidean on the user's features, or on the inputs; of classes with equal votes, the one wins that the
    nearest row among them has.

    training: [N], the labels that a model may see.
    returns:  [n], class ids.
    cost:     n times the number of labelled rows, in time and memory.
    """
    labelled = np.flatnonzero(training >= 0)
    if not len(labelled):
        raise MissingEvidence("'neighbours' vote by labelled rows, and there are none yet: bind 'reference' elsewhere.")
    if k < 1:
        raise ConfigError(f"k is {k}; at least 1 neighbour must vote (evidence.reference.k).")
    distance = torch.cdist(pixels(data, rows), pixels(data, labelled))
    near = distance.topk(min(k, len(labelled)), largest=False).indices
    classes = torch.as_tensor(training[labelled], device=near.device)[near]
    votes = one_hot(classes, len(data.classes))  # [n, k, C], the nearest first
    first = votes.argmax(dim=1) / votes.shape[1]  # in [0, 1): less than a vote
    return (votes.sum(dim=1) - first).argmax(dim=1)


def previous(last_model: Model | None, data: Data, rows: Rows, training: Labels) -> Tensor:
    """What last round's model predicts; in the first model round, which has none, the vote of the labelled neighbours.

    returns: [n], class ids.
    """
    return neighbours(data, rows, training) if last_model is None else last_model.probs(rows).argmax(dim=1)


def final(model: Model, rows: Rows) -> Tensor:
    """What this round's model predicts once it is trained: the reference that its own history ends at.

    Against it nothing is never learnt, and `el2n` would be a confidence in disguise; sound for `forgetting` and `aum`, whose
    history may have left it.

    returns: [n], class ids.
    """
    return model.probs(rows).argmax(dim=1)
