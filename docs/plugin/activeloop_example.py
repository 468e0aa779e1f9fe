"""One example of each kind. `activeloop list` shows the first line and the source of every docstring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from activeloop.errors import ConfigError, MissingEvidence
from activeloop.types import Data, Labels, Model, Rows


def expected_cost(probs: Tensor, *, costs: Sequence[Sequence[float]] = ()) -> Tensor:
    """What the cheapest prediction is still expected to cost, where some mistakes cost more than others.

    probs:   [n, C].
    costs:   [C, C]; entry [i, j] is the cost of predicting j where i is right. Without: 1 for every mistake, which gives
             the order of `least-confidence`.
    returns: [n], float64, in the unit of `costs`.
    raises:  ConfigError where `costs` are not C x C.
    source:  Elkan 2001 (IJCAI), equation 1.
    """
    classes = probs.shape[1]
    if not costs:
        costs = (1 - np.eye(classes)).tolist()
    if len(costs) != classes or any(len(row) != classes for row in costs):
        raise ConfigError(
            f"costs have {len(costs)} rows of {[len(row) for row in costs]}; {classes} classes need C x C."
        )
    return (probs.double() @ torch.tensor(costs, dtype=torch.float64, device=probs.device)).amin(dim=1)


def systematic(features: Tensor, labels: Tensor, n: int, rng: Generator) -> Tensor:
    """Picks at equal steps along the direction in which the features vary most: spread out, and cheap for millions.

    features: [m, D].    labels: [m], -1 open.
    returns:  [n] positions, from one end to the other.
    cost:     O(m D^2).
    source:   systematic sampling, Cochran 1977, "Sampling Techniques", chapter 8.
    """
    free = (labels == -1).nonzero().flatten()
    centred = features[free].double() - features[free].double().mean(dim=0)
    direction = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -1]
    order = free[(centred @ direction).argsort(stable=True)]
    steps = (np.arange(n) + rng.random()) * (len(order) / n)
    return order[torch.from_numpy(steps.astype(np.int64)).to(order.device)]


@dataclass(frozen=True)
class Prototypes:
    """The nearest class mean, as a softmax over squared distances: right at once where features are good and labels few.

    temperature: squared distance, divided by the number of input values, at which a class is e times less likely.
    source: Snell et al. 2017, arXiv:1703.05175, equation 2, on the inputs themselves.
    """

    temperature: float = 0.1

    def offers(self, data: Data) -> Mapping[str, str]:
        return {"probs": f"[n, {len(data.classes)}]", "embeddings": f"[n, {data.inputs[0].numel()}]"}

    def fit(
        self,
        data: Data,
        labels: Labels,
        *,
        seed: int,
        watch: Rows | None = None,
        validation: Labels | None = None,
        previous: Model | None = None,
    ) -> PrototypesModel:
        """Nothing here is drawn, so the seed decides nothing."""
        if watch is not None:
            raise MissingEvidence("class means have no epochs, so there is no history of them.")
        if not (labels >= 0).any():
            raise ConfigError("no row is labelled, so there is no class mean: label some.")
        known = np.unique(labels[labels >= 0])
        means = [data.batch(np.flatnonzero(labels == label)).flatten(1).mean(dim=0) for label in known]
        return PrototypesModel(data, torch.from_numpy(known), torch.stack(means), self.temperature)


@dataclass(frozen=True, eq=False)
class PrototypesModel:
    """known: [k] class ids that have a label.    means: [k, D]."""

    data: Data
    known: Tensor
    means: Tensor
    temperature: float

    def on(self, data: Data) -> PrototypesModel:
        return replace(self, data=data)

    def probs(self, rows: Rows) -> Tensor:
        """Classes without a label get 0."""
        x = self.embed(rows)
        squares = (x[:, None] - self.means).square().mean(dim=2)
        probs = torch.zeros(len(x), len(self.data.classes), device=x.device)
        probs[:, self.known] = (-squares / self.temperature).softmax(dim=1)
        return probs

    def embed(self, rows: Rows) -> Tensor:
        return self.data.batch(rows).flatten(1)

    def samples(self, rows: Rows, passes: int, seed: int) -> Tensor:
        raise MissingEvidence("class means are not drawn: there are no stochastic passes.")

    def history(self) -> Tensor:
        raise MissingEvidence("class means have no epochs, so there is no history of them.")


class Crowd:
    """The majority of several simulated voters, each independently right at a rate; ties are skipped.

    A voter who is wrong names another class, each equally likely. A row's votes depend on the seed and the row alone.

    truth: [N], class ids.    classes: how many.
    raises: ValueError for a row that there is not, and a ticket that was never posted.
    source: the jury theorem of Condorcet 1785.
    """

    def __init__(
        self, truth: NDArray[np.int64], classes: int, seed: int, *, voters: int = 3, right: float = 0.8
    ) -> None:
        self._truth, self._classes, self._seed = truth, classes, seed
        self._voters, self._right = voters, right
        self._asked: dict[str, tuple[int, ...]] = {}

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        for row in rows:
            if not 0 <= row < len(self._truth):
                raise ValueError(f"row {row} was asked, and there are the rows 0…{len(self._truth) - 1}.")
        self._asked[ticket] = tuple(rows)

    def collect(self, ticket: str) -> dict[int, int]:
        return {row: self._majority(self._votes(row)) for row in self._rows(ticket)}

    def notes(self, ticket: str) -> dict[int, dict[str, list[int]]]:
        """Every single vote, for the journal."""
        return {row: {"votes": self._votes(row).tolist()} for row in self._rows(ticket)}

    def _rows(self, ticket: str) -> tuple[int, ...]:
        if ticket not in self._asked:
            raise ValueError(f"ticket {ticket!r} was never posted.")
        return self._asked[ticket]

    def _votes(self, row: int) -> NDArray[np.int64]:
        chance = np.random.default_rng([self._seed, row])
        others = chance.integers(1, self._classes, size=self._voters)
        is_right = chance.random(self._voters) < self._right
        return np.where(is_right, self._truth[row], (self._truth[row] + others) % self._classes)

    def _majority(self, votes: NDArray[np.int64]) -> int:
        counts = np.bincount(votes, minlength=self._classes)
        most = np.flatnonzero(counts == counts.max())
        return int(most[0]) if len(most) == 1 else -2
