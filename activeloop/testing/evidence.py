"""Made-up evidence of the right shapes, on which a strategy's contract is tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from activeloop.evidence import NOT_BY_ROW
from activeloop.inject import needs

CLASSES, PASSES, EPOCHS, MODELS, WIDTH, TARGETS = 5, 7, 6, 3, 4, 6
ROWS, LABELLED, SKIPPED = 40, 4, 2
PROBABILITIES = ("probs", "samples", "history", "early")

Evidence = Mapping[str, Any]


def evidence(rows: int = ROWS, seed: int = 0, width: int = WIDTH) -> dict[str, Any]:
    """Plausible evidence about so many rows, the first four labelled and the next two skipped; 10 rows or more."""
    chance = torch.Generator().manual_seed(seed)

    def probs(*shape: int) -> Tensor:
        return (3 * torch.randn(*shape, CLASSES, generator=chance)).softmax(dim=-1)

    labels = torch.full((rows,), -1)
    labels[:LABELLED], labels[LABELLED : LABELLED + SKIPPED] = torch.tensor([0, 1, 2, 1]), -2
    return {
        "rows": np.arange(rows) * 3,
        "labels": labels,
        "probs": probs(rows),
        "samples": probs(rows, PASSES),
        "history": probs(rows, EPOCHS),
        "early": probs(rows, MODELS),
        "early_lengths": 10 * torch.rand(rows, MODELS, generator=chance),
        "embeddings": torch.randn(rows, width, generator=chance),
        "features": torch.randn(rows, width, generator=chance),
        "inputs": torch.randn(rows, 1, 2, 2, generator=chance),
        "reference": torch.randint(CLASSES, (rows,), generator=chance),
        "difficulty": torch.rand(rows, generator=chance, dtype=torch.float64),
        "cutoff": torch.tensor(0.0, dtype=torch.float64),
        "targets": probs(TARGETS, PASSES),
    }


def taken(values: Evidence, at: Tensor) -> dict[str, Any]:
    """These positions of everything that there is one of per row."""
    return {
        name: value if name in NOT_BY_ROW else value[at.numpy() if isinstance(value, np.ndarray) else at]
        for name, value in values.items()
    }


def call(function: Callable[..., Any], values: Evidence, n: int = 5, seed: int = 0, **options: Any) -> Any:
    """What the function gives for what it asks for of these."""
    given = {**values, "n": n, "rng": np.random.default_rng(seed)}
    return function(**{need: given[need] for need in needs(function)}, **options)
