"""Several models, early in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.types import Model, Rows

LATEST_EPOCH = 20  # arXiv:2107.07075 scores at epoch 20 of 200


class Train(Protocol):
    """Trains models on the labels of this round; asked again for the same, it gives the same without training."""

    @property
    def epochs(self) -> int:
        """Epochs of a whole training."""

    early: Sequence[Model]  # those that `early` looked at last, for `early_lengths`

    def __call__(self, models: int, epochs: int) -> Sequence[Model]: ...


def early_epoch(epochs: int, epoch: int = 0) -> int:
    """The epoch to score at: the one asked for, else a tenth of `epochs`, and at most 20."""
    return epoch or max(1, min(LATEST_EPOCH, round(epochs / 10)))


def early(train: Train, rows: Rows, *, models: int = 10, epoch: int = 0) -> Tensor:
    """Predictions of several models at an early epoch of their usual schedule.

    epoch:   0 stands for a tenth of training, and at most 20.
    returns: [n, models, C], float32.
    source:  Paul et al. 2021, arXiv:2107.07075, section 2.
    """
    if models < 1 or epoch < 0:
        raise ConfigError(f"early needs 1 model or more and an epoch of 0 or more; they are {models} and {epoch}.")
    stop = early_epoch(train.epochs, epoch)
    train.early = train(models, stop)
    return torch.stack([model.probs(rows) for model in train.early], dim=1)


def early_lengths(early: Tensor, train: Train, rows: Rows) -> Tensor:
    """How long the rows' embeddings are in the very models that `early` is from, whose options count here too.

    returns: [n, models], float32.
    """
    lengths = [torch.linalg.vector_norm(model.embed(rows).float(), dim=1) for model in train.early]
    assert len(lengths) == early.shape[1]
    return torch.stack(lengths, dim=1)
