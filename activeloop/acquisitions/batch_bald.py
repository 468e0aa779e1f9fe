"""Batches chosen by what their labels say together about the model."""

from __future__ import annotations

import copy
import heapq

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from activeloop.acquisitions.uncertainty import entropy, p_log_p
from activeloop.errors import BadScores, ConfigError

PRODUCTS = 1 << 23  # joint probabilities held at a time: 32 MB
FIRST = 64  # rows looked at anew before a pick; twice as many each time that these do not settle it
ROUGH = 500  # combinations by which rows are told that have no chance, where all of them are many more
SURE = 6.0  # standard errors, 3 of the gain then and 3 of the gain now, by which a gain may have been underestimated
ROUNDING = 1e-5  # of a gain, in nats


def batch_bald(samples: Tensor, n: int, rng: Generator, *, joint_samples: int = 10_000) -> Tensor:
    """The batch whose labels together say most about the model's weights: greedily, each row adds what is new.

    `bald` of one row is high for each of many look-alikes; here the second of them adds nothing. What a batch tells is exact
    while all combinations of its labels fit `joint_samples`, and beyond that estimated from as many combinations, drawn so
    that each stands for an equal part of what is left to be told. Every pass must be the same network for all rows, as it is
    with samples from here. Costs more than `badge` and gains little once the batch exceeds log K / log C rows by much: K
    passes tell at most K models apart.

    The greedy is lazy: what a row adds can only shrink as the batch grows, so a row is looked at anew only while its last
    gain, with its error, reaches the best one found; and closely only if a rough look leaves it a chance. That holds for
    exact joints to rounding; for estimated ones by six standard errors.

    samples:       [m, K, C], probabilities of K passes.    joint_samples: combinations of labels, 1 or more.
    returns:       [n] positions, in the order picked; of equal gains, one drawn by `rng`.
    cost:          2 m K C J operations a pick at worst, for J combinations, and a hundredth of that as a rule; J C K numbers.
    raises:        BadScores for n and for nan; ConfigError for joint_samples.
    source:        Kirsch et al. 2019, arXiv:1906.08158, algorithm 1 and section 3.3. Ours are the laziness (Minoux 1978), and
                   that combinations are weighed by what each leaves open, where the paper draws them by probability.
    """
    rows = len(samples)
    if not 0 <= n <= rows:
        raise BadScores(f"{n:,} picks were asked for, but {rows:,} rows are open: ask for 0 to {rows:,}.")
    if joint_samples < 1:
        raise ConfigError(f"joint_samples is {joint_samples}; it must be 1 or more combinations of labels.")
    joint, turn = Joint(samples, joint_samples, rng), rng.permutation(rows).tolist()
    first, _ = joint.gains(torch.arange(rows))
    bad = first.isnan().nonzero().flatten()
    if len(bad):
        raise BadScores(
            f"{len(bad):,} of {rows:,} rows have samples that are nan; the first is at position {int(bad[0])}. Repair or drop"
            " those rows; a diverged model is the usual cause."
        )
    waiting = [(-gain, turn[row], row) for row, gain in enumerate(first.tolist())]
    heapq.heapify(waiting)
    picks: list[int] = []
    while len(picks) < n:
        if picks:
            joint.add(picks[-1])
            picks.append(_best(waiting, joint, turn))
        else:
            picks.append(heapq.heappop(waiting)[2])
    return torch.tensor(picks, dtype=torch.int64)


def _best(waiting: list[tuple[float, int, int]], joint: Joint, turn: list[int]) -> int:
    """The row that adds most, taken off the heap of (- the most that a row can add, turn, row)."""
    rough = joint.rough()
    fresh: list[tuple[float, int, int]] = []
    best, size = (np.inf, 0, -1), FIRST
    while waiting and waiting[0][0] <= best[0] + ROUNDING:
        at_most = {row: most for most, _, row in (heapq.heappop(waiting) for _ in range(min(size, len(waiting))))}
        if rough is not None:
            _tighten(at_most, rough, list(at_most))
        close = [row for row, most in at_most.items() if most <= best[0] + ROUNDING]
        for row, gain in _tighten(at_most, joint, close).items():
            best = min(best, (-gain, turn[row], row))
        fresh += [(most, turn[row], row) for row, most in at_most.items()]
        size *= 2
    for each in fresh:
        if each[2] != best[2]:
            heapq.heappush(waiting, each)
    return best[2]


def _tighten(at_most: dict[int, float], joint: Joint, rows: list[int]) -> dict[int, float]:
    """The gains of these rows; lowers what each is held to add at most, with the sign of the heap."""
    if not rows:
        return {}
    gains, errors = (found.tolist() for found in joint.gains(torch.tensor(rows, dtype=torch.int64)))
    for row, gain, error in zip(rows, gains, errors, strict=True):
        at_most[row] = max(at_most[row], -gain - SURE * error)
    return dict(zip(rows, gains, strict=True))


class Joint:
    """What the labels of a batch say together, given as its combinations of labels by passes.

    `table` [J, K] holds, for J combinations, the probability of each and of pass k. Where they are drawn, each is weighed by
    how many it stands for, and `times` [J] says how often it was drawn.
    """

    def __init__(self, samples: Tensor, limit: int, rng: Generator) -> None:
        self._samples, self._limit, self._rng = samples.float(), limit, rng
        self._doubts = torch.cat([entropy(part).float() for part in torch.split(samples, 8192)])  # [m, K]
        passes = samples.shape[1]
        self.table = torch.full((1, passes), 1 / passes, device=samples.device)
        self.times: Tensor | None = None

    @property
    def is_exact(self) -> bool:
        return self.times is None

    def gains(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """[k], [k], float64: what each row's label would add, in nats, and the standard error of that."""
        step = max(1, PRODUCTS // (len(self.table) * self._samples.shape[2]))
        found = [self._gains(part) for part in torch.split(rows.to(self._samples.device), step)]
        return torch.cat([gain for gain, _ in found]), torch.cat([error for _, error in found])

    def add(self, row: int) -> None:
        """Make this row one of the batch."""
        longer = (self.table[:, None] * self._samples[row].T[None]).flatten(0, 1)  # [J C, K]
        if len(longer) > self._limit or not self.is_exact:
            self.table, self.times = self._drawn(longer, self._limit)
        else:
            self.table = longer

    def rough(self) -> Joint | None:
        """The same by a few combinations; None where they are few already."""
        if len(self.table) <= 4 * ROUGH:
            return None
        few = copy.copy(self)
        few.table, few.times = self._drawn(self.table, ROUGH)
        return few

    def _gains(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        k, passes, classes = len(rows), *self._samples.shape[1:]
        by_pass = self._samples[rows].transpose(0, 1).reshape(passes, k * classes)
        joint = (self.table @ by_pass).view(-1, k, classes)
        shares = self.table.sum(dim=1)  # [J], of each combination
        # [J, k], the entropy of the row's label after a combination, less that which each pass has by itself: where one
        # pass alone is left standing it is 0 term by term, so what is drawn errs by little
        told = p_log_p(shares)[:, None] - p_log_p(joint).sum(dim=2) - self.table @ self._doubts[rows].T
        gain = told.sum(dim=0, dtype=torch.float64)
        if self.times is None:
            return gain, torch.zeros_like(gain)
        drawn = self.times.sum()
        squares = (told.double().square() / self.times[:, None]).sum(dim=0)
        return gain, ((drawn * squares - gain.square()) / (drawn - 1).clamp(min=1)).clamp(min=0).sqrt()

    def _drawn(self, longer: Tensor, limit: int) -> tuple[Tensor, Tensor]:
        """Combinations drawn in proportion to what each leaves to be told, and how often each was.

        What a row can add after a combination is at most the entropy of the passes that it leaves standing. Draws are evenly
        spaced from one start, so that a combination that stands for several of them is there as often.
        """
        shares = longer.sum(dim=1)
        left = (p_log_p(shares) - p_log_p(longer).sum(dim=1)).clamp(min=0).double()  # [J C], of its entropy of passes
        if not float(left.sum()) > 0:  # all is told
            left = shares.double()
        ends = left.cumsum(dim=0)
        at = (torch.arange(limit, dtype=torch.float64) + self._rng.random()) / limit * float(ends[-1])
        found = torch.searchsorted(ends, at.to(ends.device), right=True).clamp(max=len(longer) - 1)
        drawn, times = torch.unique_consecutive(found, return_counts=True)
        weights = times * (ends[-1] / limit) / left[drawn]
        return longer[drawn] * weights[:, None].float(), times.double()
