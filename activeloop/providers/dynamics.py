"""How training went for each row, kept as running sums: N numbers a score, never a log of epochs by rows by classes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from activeloop.errors import BadScores, ConfigError, UnknownName, nearest
from activeloop.types import JSON

Hard: TypeAlias = Literal["low", "high"]  # the end of a score at which hard rows are
RISING = ("dual", "dyn-unc")  # scores by how much a probability moved, which at first is most for easy rows
HARDEST = 1.0  # above every deviation of probabilities, which is at most 0.71


class Dynamics:
    """Watches a training, or several whole looks at a pool, against a fixed label a row.

    Every row must be shown once an epoch, in any order and in mini-batches of any size.

    reference: [N], class ids, on the device of the logits.
    early:     epochs, from the first, that EL2N and GraNd average over.
    window:    epochs that the deviations of DUAL and Dyn-Unc are taken over; 2 or more.
    cost:      O(N) memory, N * window for the last probabilities of the reference label.
    """

    def __init__(self, reference: Tensor, *, early: int = 10, window: int = 10) -> None:
        if early < 1 or window < 2:
            raise ConfigError(f"early is {early} and window {window}; they must be 1 and 2 epochs, or more.")
        self.reference, self.early, self.window = reference, early, window
        self._shown, self.has_norms = 0, False
        rows, device = len(reference), reference.device

        def zeros(kind: torch.dtype, *more: int) -> Tensor:
            return torch.zeros(rows, *more, dtype=kind, device=device)

        self.margin, self.logit_margin = zeros(torch.float64), zeros(torch.float64)
        self.error, self.gradient = zeros(torch.float64), zeros(torch.float64)
        self.deviation, self.dual = zeros(torch.float64), zeros(torch.float64)
        self.forgotten, self.flips, self.right_since = zeros(torch.int64), zeros(torch.int64), zeros(torch.int64)
        self.right, self.ever_right, self.predicted = zeros(torch.bool), zeros(torch.bool), zeros(torch.int64)
        self._last = zeros(torch.float32, window)

    @property
    def epochs(self) -> int:
        """Epochs that were seen whole."""
        return self._shown // max(1, len(self.reference))

    def see(self, at: Tensor, logits: Tensor, norms: Tensor | None = None) -> None:
        """Rows as the model sees them now.

        at: [n] positions.    logits: [n, C].    norms: [n], lengths of what the last layer saw, which GraNd needs.
        """
        epoch = self.epochs  # from 0, and the same for the whole mini-batch
        self._shown += len(at)
        reference = self.reference[at, None]
        probs = logits.softmax(dim=1)
        own = probs.gather(1, reference)[:, 0]
        self.margin[at] += _margin(probs, reference)
        self.logit_margin[at] += _margin(logits, reference)
        if epoch < self.early:
            error = probs.scatter_add(1, reference, -torch.ones_like(reference, dtype=probs.dtype)).norm(dim=1)
            self.error[at] += error
            if norms is not None:
                self.has_norms = True
                self.gradient[at] += error * (1 + norms.square()).sqrt()
        self._count(at, logits.argmax(dim=1), epoch)
        self._last[at, epoch % self.window] = own
        if epoch + 1 >= self.window:
            last = self._last[at].double()
            deviation = last.std(dim=1)
            self.deviation[at] += deviation
            self.dual[at] += deviation * (1 - last.mean(dim=1))

    def _count(self, at: Tensor, predicted: Tensor, epoch: int) -> None:
        right, was = predicted == self.reference[at], self.right[at]
        if epoch:
            self.forgotten[at] += was & ~right
            self.flips[at] += predicted != self.predicted[at]
        since = torch.where(was & right, self.right_since[at], epoch + 1)
        self.right_since[at] = torch.where(right, since, 0)  # 0: wrong now
        self.ever_right[at] |= right
        self.right[at], self.predicted[at] = right, predicted


def _margin(values: Tensor, reference: Tensor) -> Tensor:
    """[n], float64: the value of the reference class less the highest of the others."""
    others = values.scatter(1, reference, -torch.inf).amax(dim=1)
    return values.gather(1, reference)[:, 0].double() - others.double()


def _forgetting(seen: Dynamics) -> Tensor:
    return seen.forgotten.double().masked_fill(~seen.ever_right, seen.epochs)


def _learning_time(seen: Dynamics) -> Tensor:
    return seen.right_since.double().masked_fill(~seen.right, seen.epochs + 1)


def _grand(seen: Dynamics) -> Tensor:
    if not seen.has_norms:
        raise ConfigError("'grand' needs the lengths of the last layer's inputs, and this training showed none.")
    return seen.gradient / min(seen.early, seen.epochs)


def _windows(total: Tensor, seen: Dynamics) -> Tensor:
    if seen.epochs < seen.window:
        raise ConfigError(
            f"'dual' and 'dyn-unc' look at {seen.window} epochs at a time, and there were {seen.epochs}: train for more"
            " (epochs), or take a smaller window."
        )
    return (total / (seen.epochs - seen.window + 1)).masked_fill(~seen.ever_right, HARDEST)


@dataclass(frozen=True)
class Score:
    """One way to read a training.

    read: [N], float64.    hard: the end at which hard rows are.    line: what it is.    source: where it is from.
    """

    read: Callable[[Dynamics], Tensor]
    hard: Hard
    line: str
    source: str


SCORES = {
    "aum": Score(
        lambda seen: seen.margin / seen.epochs,
        "low",
        "mean margin of the reference label over the best other class, of probabilities",
        "arXiv:2001.10528, in the form of CCS and ELFS (which sum instead of averaging: the same ranks)",
    ),
    "aum-logits": Score(
        lambda seen: seen.logit_margin / seen.epochs,
        "low",
        "mean margin of the reference label over the best other class, of logits",
        "Pleiss et al. 2020, arXiv:2001.10528 (there with a constant learning rate: give schedule='constant')",
    ),
    "forgetting": Score(
        _forgetting,
        "high",
        "times that a row was right and, at its next showing, wrong; as many as epochs where it was never right",
        "Toneva et al. 2019, arXiv:1812.05159, definition 1; CCS and ELFS let a row never learnt count as never forgotten",
    ),
    "el2n": Score(
        lambda seen: seen.error / min(seen.early, seen.epochs),
        "high",
        "mean length of the error vector over the early epochs",
        "Paul et al. 2021, arXiv:2107.07075, definition 2.2, in the form of CCS: one model, several epochs",
    ),
    "grand": Score(
        _grand,
        "high",
        "mean length of the last layer's gradient over the early epochs",
        "Paul et al. 2021, arXiv:2107.07075, definition 2.1, last layer; a row at a time, so no batch size scales it",
    ),
    "dual": Score(
        lambda seen: 10 * _windows(seen.dual, seen),
        "high",
        "deviation times one less the mean of the reference label's probability, ten times, averaged over windows; 10 where"
        " it was never right",
        "DUAL, Cho et al. 2025, arXiv:2502.06905; deviations divide by window - 1, as in Dyn-Unc; there a row that is wrong"
        " throughout, and so never moves, counts as easy",
    ),
    "dyn-unc": Score(
        lambda seen: _windows(seen.deviation, seen),
        "high",
        "deviation of the reference label's probability, averaged over windows; 1 where it was never right",
        "He et al. 2023, arXiv:2306.05175 (deviations divide by window - 1); there a row wrong throughout counts as easy",
    ),
    "learning-time": Score(
        _learning_time,
        "high",
        "first epoch from which a row stays right for good; one more than there are where it ends wrong",
        "first-split learning time, Maini et al. 2022, arXiv:2210.15031",
    ),
    "flips": Score(
        lambda seen: seen.flips.double(),
        "high",
        "times that the predicted class changed: forgetting without a label",
        "the label-free forgetting events of FALSE, 2022",
    ),
}


def score_called(name: str) -> Score:
    """The entry of `SCORES`. raises: UnknownName."""
    if name not in SCORES:
        raise UnknownName(f"no score is called {name!r}{nearest(name, SCORES)} Allowed: {', '.join(SCORES)}.")
    return SCORES[name]


def difficulty(seen: Dynamics, score: str) -> Tensor:
    """How hard each row is by this score, turned so that high is hard, whatever end the score has.

    Equal rows get equal numbers: whoever ranks them breaks ties by chance, never by position.

    returns: [N], float64, finite.
    raises:  BadScores where training diverged or the score says nothing; ConfigError where epochs were too few.
    """
    kind = score_called(score)
    if not seen.epochs or seen.epochs * len(seen.reference) != seen._shown:
        raise ConfigError(
            f"{seen._shown} rows were shown of a pool of {len(seen.reference)}: show every row once an epoch, and whole"
            " epochs only."
        )
    if not bool(seen.logit_margin.isfinite().all()):
        raise BadScores(
            f"training diverged: {int((~seen.logit_margin.isfinite()).sum()):,} of {len(seen.reference):,} rows have"
            " logits that are nan or infinite. Lower the learning rate (lr), or look for huge inputs."
        )
    found = kind.read(seen).double()
    if score in RISING and _correlation(found, -seen.margin) < 0:
        warnings.warn(
            f"by {score!r} the rows that were learnt first are the hard ones: training ended while predictions still rose, and"
            f" reference labels were right for {float(seen.right.double().mean()):.0%} of rows. Train for more epochs or faster"
            " (epochs, lr), or take the score 'aum'.",
            stacklevel=2,
        )
    return refuse_constant(-found if kind.hard == "low" else found, f"score {score!r}")


def _correlation(one: Tensor, other: Tensor) -> float:
    """Of ranks; equal values are ranked by position."""
    ranks = torch.stack([each.argsort(stable=True).argsort().double() for each in (one, other)])
    return float(ranks.corrcoef()[0, 1]) if len(one) > 1 else 0.0


def refuse_constant(difficulty: Tensor, what: str) -> Tensor:
    """`difficulty` as it is, if it is finite and tells any row from another. raises: BadScores."""
    bad = (~difficulty.isfinite()).nonzero().flatten()
    if len(bad):
        raise BadScores(
            f"{len(bad):,} of {len(difficulty):,} rows have a {what} that is nan or infinite; the first is position"
            f" {int(bad[0])}. Look at the inputs of that row."
        )
    if len(difficulty) > 1 and bool((difficulty == difficulty[0]).all()):
        raise BadScores(
            f"all {len(difficulty):,} rows have the same {what} ({float(difficulty[0]):.4g}), so it tells none from"
            " another: train for more epochs, take another score, or look whether all inputs are equal."
        )
    return difficulty


def classes_in(reference: Tensor, rows: int, classes: int) -> int:
    """How many classes a net for these pseudo-labels needs: `classes`, or more where there are more clusters.

    raises: BadScores for a reference that nothing can be trained on.
    """
    if len(reference) != rows:
        raise BadScores(f"the reference has {len(reference):,} entries, but the pool has {rows:,} rows.")
    bad = (reference < 0).nonzero().flatten()
    if len(bad):
        raise BadScores(
            f"{len(bad):,} of {rows:,} reference labels are no class; the first is {int(reference[bad[0]])} at position"
            f" {int(bad[0])}. Each row needs a class id of 0 or more: bind 'reference' to 'clusters'."
        )
    occupied = int((reference.bincount() > 0).sum())
    if occupied < 2:
        raise BadScores(
            f"the reference puts all {rows:,} rows into {occupied} class, so there is nothing to learn: use features"
            " that tell rows apart, or more clusters."
        )
    return max(classes, int(reference.max()) + 1)


def notes(seen: Dynamics, score: str, what: str) -> dict[str, JSON]:
    """What a report says of difficulty read this way, without any label. what: what it is, in words."""
    kind = SCORES[score]
    return {
        "score": score,
        "what": what,
        "reads": kind.line,
        "source": kind.source,
        "hard_end": kind.hard,
        "accuracy_on_reference": float(seen.right.double().mean()),
        "never_learnt": int((~seen.ever_right).sum()),
        "rows": len(seen.reference),
        "classes_without_rows": int((seen.reference.bincount() == 0).sum()),
    }
