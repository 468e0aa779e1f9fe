"""How many annotators a row wants, and what they say together: one rule for simulated panels and for people."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from oracles.merge import dawid_skene, leading, vote
from oracles.wrapper import SKIP

MERGES = ("majority", "weighted", "dawid-skene")
SMOOTHING = 0.01  # of confusions: little enough to learn from tens of answers, and nothing is thought impossible

Who = TypeVar("Who", bound=Hashable)  # an annotator: by name, or by number


@dataclass(frozen=True)
class Rule(Generic[Who]):
    """`least` annotators are asked about every row, then one more at a time, up to `cap`, while they disagree.

    They disagree while no label has more than the share `agree` of the votes, and one who skips gives no vote; where all
    skip, the row is skipped. Answers are annotator -> class id, or -2 for a skip.

    seed:    ties are drawn by it and the row.
    merge:   "majority"; "weighted" by `weights`; "dawid-skene": by how well each annotator knows each class, estimated from
        all answers at hand, so that rows are answered many at a time.
    weights: annotator -> 0 or more, 1 for who is not named; for independent annotators of accuracies a,
        log(a (C - 1) / (1 - a)) is best.
    raises:  ValueError for what no rule can be.
    """

    seed: int = 0
    merge: str = "majority"
    least: int = 1
    cap: int = 1
    agree: float = 0.5
    weights: Mapping[Who, float] | None = None

    def __post_init__(self) -> None:
        if self.merge not in MERGES:
            raise ValueError(f"the rule of a panel is {self.merge!r}; allowed are {', '.join(MERGES)}.")
        if not 1 <= self.least <= self.cap:
            raise ValueError(f"at least {self.least} and at most {self.cap} are asked; it must be 1 ≤ least ≤ most.")
        if not 0 <= self.agree < 1:
            raise ValueError(f"agree is {self.agree}; it is a share of votes, 0 or more and less than 1.")
        if (self.merge == "weighted") != (self.weights is not None):
            raise ValueError(
                f"the rule of a panel is {self.merge!r} and weights are {self.weights}; 'weighted' needs them, and no other."
            )
        if self.weights is not None and not all(0 <= each < np.inf for each in self.weights.values()):
            raise ValueError(f"weights are {self.weights}; each is a finite number, 0 or more.")

    def wanted(self, said: Mapping[Who, int]) -> int:
        """How many annotators a row wants that has these answers; no more than there are once it is decided."""
        return self.least if len(said) < self.least else len(said) + self.wants_more(said)

    def wants_more(self, said: Mapping[Who, int]) -> bool:
        """Whether these answers, of all who were asked, call for another annotator."""
        if len(said) >= self.cap:
            return False
        votes = _votes(said)
        return len(votes) < self.least or leading(list(votes.values()), self._weights(votes))[1] <= self.agree

    def vote(self, row: int, said: Mapping[Who, int]) -> int:
        """The label of the greatest weight together, or -2 where all skip."""
        votes = _votes(said)
        return vote(list(votes.values()), self._weights(votes), self.seed, row) if votes else SKIP

    def by_model(self, said: Sequence[Mapping[Who, int]], classes: int) -> list[int]:
        """Of every row the likeliest class by Dawid & Skene's model of all of them, or -2 where all skip."""
        who = {name: at for at, name in enumerate(dict.fromkeys(name for each in said for name in each))}
        table = np.full((len(said), len(who)), SKIP)
        for line, each in zip(table, said, strict=True):
            for name, label in each.items():
                line[who[name]] = label
        if not table.size:
            return [SKIP] * len(said)
        probs = dawid_skene(table, classes, smoothing=SMOOTHING).probs
        return np.where((table >= 0).any(axis=1), probs.argmax(axis=1), SKIP).tolist()  # type: ignore[no-any-return]

    def _weights(self, votes: Mapping[Who, int]) -> list[float]:
        weights = [1.0 if self.weights is None else self.weights.get(by, 1.0) for by in votes]
        return weights if any(weights) else [1.0] * len(weights)  # those of no weight decide where nobody else votes


def _votes(said: Mapping[Who, int]) -> dict[Who, int]:
    return {by: label for by, label in said.items() if label >= 0}
