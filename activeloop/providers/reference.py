"""Labels that stand in for the unknown ones."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from activeloop.evidence import pixels
from activeloop.types import Data, Labels, Model, Rows


def neighbours(data: Data, rows: Rows, training: Labels, *, k: int = 5) -> Tensor:
    """The class that most of the k nearest labelled rows have: a first guess where there is no model yet.

    Nearness is Euclidean on the user's features, or on the inputs; equal votes go to the nearer of the classes.

    training: [N], the labels that a model may see; at least one is 0 or more.
    returns:  [n], class ids.
    cost:     n times the number of labelled rows; O(n) memory per labelled row.
    """
    labelled = np.flatnonzero(training >= 0)
    distance = torch.cdist(pixels(data, rows), pixels(data, labelled))
    near = distance.topk(min(k, len(labelled)), largest=False)
    classes = torch.as_tensor(training[labelled], device=near.indices.device)[near.indices]
    votes = one_hot(classes, len(data.classes)).double()
    nearness = torch.linspace(1e-3, 0, votes.shape[1], dtype=votes.dtype, device=votes.device)  # only breaks ties
    return (votes * (1 + nearness[None, :, None])).sum(dim=1).argmax(dim=1)


def previous(last_model: Model | None, data: Data, rows: Rows, training: Labels) -> Tensor:
    """What last round's model predicts; in the first model round, which has none, the vote of the labelled neighbours.

    returns: [n], class ids.
    """
    return neighbours(data, rows, training) if last_model is None else last_model.probs(rows).argmax(dim=1)
