"""Several models, early in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from activeloop.types import Model, Rows

LATEST_EPOCH = 20  # arXiv:2107.07075 scores at epoch 20 of 200


class Train(Protocol):
    """Trains models on the labels of this round; asked again for the same, it gives the same without training."""

    @property
    def epochs(self) -> int:
        """Epochs of a whole training."""

    def __call__(self, models: int, epochs: int) -> Sequence[Model]: ...


def early(train: Train, rows: Rows, *, models: int = 10, epoch: int = 0) -> Tensor:
    """Predictions of several models at an early epoch of their usual schedule.

    epoch:   0 stands for a tenth of training, and at most 20.
    returns: [n, models, C], float32.
    source:  Paul et al. 2021, arXiv:2107.07075, section 2.
    """
    stop = epoch or max(1, min(LATEST_EPOCH, round(train.epochs / 10)))
    return torch.stack([model.probs(rows) for model in train(models, stop)], dim=1)
