"""The nouns, as values and protocols.

Shape letters, everywhere: N dataset rows, n rows at hand, C classes, K stochastic passes, D features, E epochs,
M early models. `rows` are dataset ids; `picks` and `positions` index the tensors at hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # torch takes seconds to import, and `tell` or `status` never need it
    from torch import Generator, Tensor

OPEN, SKIP = -1, -2

Labels: TypeAlias = NDArray[np.int64]  # [N], one entry per dataset row: class id, OPEN or SKIP
Rows: TypeAlias = NDArray[np.int64]  # [n], dataset ids
JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Augment: TypeAlias = "Callable[[Tensor, Generator], Tensor]"  # a batch and a torch generator -> a batch

DIGEST_ROWS = 256  # enough to tell one data set from another, few enough to cost nothing on a memory map


def flat(table: Mapping[str, JSON], prefix: str = "") -> dict[str, JSON]:
    """A table of tables by dotted keys, in its order."""
    found: dict[str, JSON] = {}
    for name, value in table.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


@dataclass(frozen=True, eq=False)
class Data:
    """What a learner may see: the inputs of every row and the names of the classes, never the pool's truth.

    inputs:  [N, channels, H, W] uint8 or float32, or [N, D] float32; in memory, memory-mapped or on a device.
    classes: C names; a label is a position in them.
    mean, std: per channel or feature, in the units of `inputs`; `batch` subtracts and divides.
    augment: applied by `batch` where a generator is given (training).
    names:   file name of every row, where rows are files.
    features: [N, D] float32, what selectors see instead of the inputs themselves.
    features_from: what the features are, in words that a report shows.
    source_rows: [N], ascending: the number that each row has in its source, where the pool is not all of it.
    """

    inputs: Tensor
    classes: tuple[str, ...]
    mean: Tensor
    std: Tensor
    augment: Augment | None = None
    names: tuple[str, ...] | None = None
    features: Tensor | None = None
    source_rows: Rows | None = None
    features_from: str = "pixels"

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, rows: Rows | Tensor, generator: Generator | None = None) -> Tensor:
        """Inputs of these rows as float32, normalised; augmented too where `generator` is given."""
        import torch

        at = torch.as_tensor(rows, device=self.inputs.device)
        x = self.inputs[at].to(self.mean.device, torch.float32)
        if generator is not None and self.augment is not None:
            x = self.augment(x, generator)
        return x.sub_(self.mean).div_(self.std)  # in place: indexing made a copy

    def to(self, device: str) -> Data:
        """The same data with its inputs on `device`."""
        if self.inputs.device.type == device:
            return self
        features = None if self.features is None else self.features.to(device)
        mean, std = self.mean.to(device), self.std.to(device)
        return replace(self, inputs=self.inputs.to(device), mean=mean, std=std, features=features)

    def digest(self) -> str:
        """16 hex digits that change with the shape, the classes, the file names or the content of sampled rows."""
        at = np.unique(np.linspace(0, len(self) - 1, DIGEST_ROWS).astype(np.int64))
        seen = hashlib.sha256(repr((tuple(self.inputs.shape), str(self.inputs.dtype), self.classes)).encode())
        seen.update("\0".join(self.names or ()).encode())
        seen.update(self.inputs[at].cpu().contiguous().numpy().tobytes())
        if self.features is not None:
            seen.update(self.features[at].cpu().contiguous().numpy().tobytes())
        return seen.hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Rows apart from the pool, with their true labels: what accuracy is measured on.

    labels: [len(data)], class ids.
    """

    data: Data
    labels: Labels


@dataclass(frozen=True, eq=False)
class Loaded:
    """What a data source gives. Whoever loads hands `truth` to an oracle and to nobody else.

    truth: [N], the hidden labels, or None where nobody knows them.
    known: [N], labels that the team has already; OPEN elsewhere.
    """

    data: Data
    truth: Labels | None = None
    test: HeldOut | None = None
    known: Labels | None = None


@dataclass(frozen=True, eq=False)
class Noted:
    """Evidence, and what a report says of it: what a provider may return in place of a bare tensor."""

    value: Tensor
    notes: Mapping[str, JSON]


@dataclass(frozen=True)
class Query:
    """The rows asked in one go, and what has come back so far.

    use: "validation", "start" or "acquire".    rows: in the order picked.    guesses: row -> the class that the model
    which picked it gave it; empty unless somebody wanted them, and where no model picked.
    """

    id: str
    use: str
    rows: tuple[int, ...]
    answers: Mapping[int, int] = field(default_factory=dict)
    closed: bool = False
    guesses: Mapping[int, int] = field(default_factory=dict)

    @property
    def unanswered(self) -> tuple[int, ...]:
        return tuple(row for row in self.rows if row not in self.answers)

    @property
    def is_open(self) -> bool:
        return not self.closed and bool(self.unanswered)


class Oracle(Protocol):
    """Whoever answers. `oracles` satisfies this by shape. Both calls may be repeated without effect.

    One whose answers depend on those it gave before has a true attribute `has_memory`; posted the same in the same order,
    it answers the same.

    Optional: `notes(ticket)`, row -> annotator, cost … for the journal; `sees_guesses`, true of those who want `guesses`.
    """

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        """guesses: row -> the class that the model gives it, for annotators who are shown it."""

    def collect(self, ticket: str) -> Mapping[int, int]:
        """Row -> class id, or SKIP, as far as answered."""


class Model(Protocol):
    """What a learner made. It looks at the rows of the data it was trained on, or, after `on`, of other data."""

    def on(self, data: Data) -> Model: ...

    def probs(self, rows: Rows) -> Tensor:
        """[n, C], float32, sums to 1."""

    def samples(self, rows: Rows, passes: int, seed: int) -> Tensor:
        """[n, K, C]; pass k is the same network for every row and call. K is `passes`, or how many members there are where
        a learner has them and cannot make more: then its `offers` say the number, [n, 3, C].
        """

    def embed(self, rows: Rows) -> Tensor:
        """[n, D], float32, what the last layer sees."""

    def history(self) -> Tensor:
        """[n_watched, E, C], the probabilities of the watched rows after every epoch."""


class Learner(Protocol):
    """Makes a model from partly labelled data."""

    def offers(self, data: Data) -> Mapping[str, str]:
        """Evidence that its models give -> its shape in words; known before any training."""

    def fit(
        self,
        data: Data,
        labels: Labels,
        *,
        seed: int,
        watch: Rows | None = None,
        validation: Labels | None = None,
        previous: Model | None = None,
    ) -> Model:
        """A model trained on the rows whose label is 0 or more.

        watch: rows whose predictions are recorded after every epoch.    validation: [N], labels for early stopping.
        previous: last round's model, for warm starts.
        """


@runtime_checkable
class TrainsTogether(Protocol):
    """A learner that can train several models at once, and stop them early (what EL2N needs)."""

    def fit_many(
        self, data: Data, labels: Labels, *, seeds: Sequence[int], epochs: int | None = None
    ) -> Sequence[Model]:
        """One model per seed, each as if trained alone; `epochs` stops the usual schedule there."""

    def epochs_for(self, labelled: int) -> int:
        """Epochs that `fit` trains on this many labels."""


@dataclass(frozen=True, eq=False)
class Fit:
    """What one model is made from: the arguments of `Learner.fit`, as a value that may wait for others of its kind.

    epochs: stops the usual schedule there; None trains it to its end.
    """

    data: Data
    labels: Labels
    seed: int
    watch: Rows | None = None
    validation: Labels | None = None
    previous: Model | None = None
    epochs: int | None = None


@runtime_checkable
class TrainsInLockstep(Protocol):
    """A learner that trains models of several runs at once (what a lockstep sweep needs)."""

    def fit_each(self, fits: Sequence[Fit]) -> Sequence[Model]:
        """One model for each, the same to the bit whatever others are among `fits`; as from `fit`, up to rounding and the
        stream that dropout draws from.
        """
