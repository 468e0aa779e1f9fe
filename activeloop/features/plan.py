"""What a source of features is, between its name and its arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.types import JSON

if TYPE_CHECKING:
    from activeloop.features.store import Work


@dataclass(frozen=True, eq=False)
class Encoder:
    """A fitted map from inputs to features.

    embed: [n, ...] as the source has them, on any device -> [n, D].    says: what it is, for reports.
    notes: more of it, for the file beside the features.
    """

    embed: Callable[[Tensor], Tensor]
    says: str
    notes: Mapping[str, JSON] = field(default_factory=dict)


Fit: TypeAlias = "Callable[[Work], Encoder]"


@dataclass(frozen=True, eq=False)
class Plan:
    """Checked options, before anything is fitted, loaded or downloaded.

    fit:      makes the encoder; may keep checkpoints in its `Work`, and goes on from them.
    identity: what decides the features beside the source, its options and the pool's inputs.
    batch:    rows embedded at a time.    threads: of all arithmetic, since sums change with their number.
    """

    fit: Fit
    identity: Mapping[str, JSON] = field(default_factory=dict)
    batch: int = 256
    threads: int = 2


def check_counts(source: str, **counts: int) -> None:
    """Refuse options that count something, and are below 1. raises: ConfigError."""
    for name, value in counts.items():
        if value < 1:
            raise ConfigError(f"option {name!r} of {source!r} is {value}; allowed is 1 or more.")


def check_choice(source: str, name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"option {name!r} of {source!r} is {value!r}; allowed are {', '.join(allowed)}.")


def check_device(source: str, device: str) -> None:
    check_choice(source, "device", device, ("cpu", "cuda"))
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"option 'device' of {source!r} is 'cuda', and torch sees no GPU here; use 'cpu'.")
