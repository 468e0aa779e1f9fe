"""Samples that are not passes of one net: members trained side by side, or one net at the ends of its last epochs."""

from __future__ import annotations

import torch
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.providers.early import Train
from activeloop.types import Rows


def ensemble(train: Train, rows: Rows, *, models: int = 5) -> Tensor:
    """Predictions of several models that differ in initial weights and batch order, each trained by the whole schedule.

    Better calibrated than dropout's passes, for the price of as many trainings a round.

    models:  members, 2 or more, trained together where that is faster.
    returns: [n, models, C], float32.
    source:  Lakshminarayanan et al. 2017, arXiv:1612.01474; for acquisition Beluch et al. 2018 (CVPR).
    """
    if models < 2:
        raise ConfigError(f"an ensemble of {models} cannot disagree; evidence.samples.models must be 2 or more.")
    return torch.stack([model.probs(rows) for model in train(models, train.epochs)], dim=1)


def snapshots(history: Tensor, *, last: int = 10) -> Tensor:
    """The predictions at the ends of the last epochs, as if each were a model of its own: an ensemble for nothing.

    Says little where the rate has fallen to nothing by then, as under a cosine: give schedule="constant".

    last:    epochs, 2 or more; all there are where they are fewer.
    returns: [n, last, C], float32.
    source:  Huang et al. 2017, arXiv:1704.00109, with one cycle of the schedule.
    """
    if last < 2:
        raise ConfigError(f"{last} epochs cannot disagree; evidence.samples.last must be 2 or more.")
    return history[:, -last:].float()
