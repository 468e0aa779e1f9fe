"""Labels that stand in for the unknown ones."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from activeloop.errors import ConfigError, MissingEvidence
from activeloop.evidence import pixels
from activeloop.providers.consensus import aligned
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


def named_clusters(clusters: Tensor, data: Data, training: Labels) -> Tensor:
    """The class that each row's cluster stands for: clusters and classes are paired so that most labels held agree.

    Clusters number themselves in an order of their own. What sets a model's classes beside a reference, as `el2n`, `aum` and
    `forgetting` do, needs them so named; what only wants groups does not.

    clusters: [N], ids below the number of classes.    training: [N], the labels that a model may see.
    returns:  [N], class ids; a cluster that holds no label has one of the classes that are left over.
    raises:   MissingEvidence without labels; ConfigError for more clusters than classes.
    source:   the Hungarian method, Kuhn 1955.
    """
    labelled, classes = np.flatnonzero(training >= 0), len(data.classes)
    if not len(labelled):
        raise MissingEvidence(
            "'named-clusters' are named by labelled rows, and there are none yet: bind 'reference' elsewhere."
        )
    if int(clusters.max()) >= classes:
        raise ConfigError(
            f"there are {int(clusters.max()) + 1} clusters and {classes} classes; each cluster stands for a class of its own:"
            " leave evidence.clusters.classes at 0."
        )
    at = torch.as_tensor(labelled, device=clusters.device)
    told = torch.as_tensor(training[labelled], device=clusters.device)
    meant, _ = aligned(torch.stack([clusters[at], told]), 1, classes)
    return meant[0].to(clusters.device)[clusters]


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
