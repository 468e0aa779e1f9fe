"""Batches chosen by what their labels say together about the model."""

from __future__ import annotations

import heapq

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.special import entr

from activeloop.acquisitions.uncertainty import entropy
from activeloop.errors import BadScores, ConfigError

PRODUCTS = 1 << 23  # joint probabilities held at a time: 32 MB
FIRST = 64  # rows looked at anew before a pick; twice as many each time that these do not settle it
SURE = 6.0  # standard errors, 3 of the gain then and 3 of the gain now, by which a gain may have been underestimated
ROUNDING = 1e-5  # of a gain, in nats


def batch_bald(samples: Tensor, n: int, rng: Generator, *, joint_samples: int = 10_000) -> Tensor:
    """The batch whose labels together say most about the model's weights: greedily, each row adds what is new.

    `bald` of one row is high for each of many look-alikes; here the second of them adds nothing. The entropy of the labels
    of a batch is exact while all their combinations fit `joint_samples`, and beyond that estimated from as many
    combinations, drawn so that each stands for an equal share of probability. Every pass must be the same network for all
    rows, as it is with samples from here. Costs more than `badge` and gains little once the batch exceeds log K / log C
    rows by much: K passes tell at most K models apart.

    The greedy is lazy: what a row adds can only shrink as the batch grows, so a row is looked at anew only while its last
    gain, with its error, reaches the best one found. That holds for exact joints to rounding; for estimated ones by six
    standard errors.

    samples:       [m, K, C], probabilities of K passes.    joint_samples: combinations of labels, 1 or more.
    returns:       [n] positions, in the order picked; of equal gains, one drawn by `rng`.
    cost:          2 m K C J operations a pick at worst, for J combinations, and a tenth of that as a rule; J C K numbers.
    raises:        BadScores for n; ConfigError for joint_samples.
    source:        Kirsch et al. 2019, arXiv:1906.08158, algorithm 1 and section 3.3; laziness is ours (Minoux 1978).
    """
    rows = len(samples)
    if not 0 <= n <= rows:
        raise BadScores(f"{n:,} picks were asked for, but {rows:,} rows are open: ask for 0 to {rows:,}.")
    if joint_samples < 1:
        raise ConfigError(f"joint_samples is {joint_samples}; it must be 1 or more combinations of labels.")
    joint, turn = Joint(samples, joint_samples, rng), rng.permutation(rows).tolist()
    first = joint.gains(torch.arange(rows))
    waiting = [(-float(gain), turn[row], row) for row, gain in enumerate(first[0].tolist())]
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
    fresh: list[tuple[float, int, int]] = []
    best, size = (np.inf, 0, -1), FIRST
    while waiting and waiting[0][0] <= best[0] + ROUNDING:
        rows = [heapq.heappop(waiting)[2] for _ in range(min(size, len(waiting)))]
        gains, errors = joint.gains(torch.tensor(rows))
        for row, gain, error in zip(rows, gains.tolist(), errors.tolist(), strict=True):
            best = min(best, (-gain, turn[row], row))
            fresh.append((-gain - SURE * error, turn[row], row))
        size *= 2
    for each in fresh:
        if each[2] != best[2]:
            heapq.heappush(waiting, each)
    return best[2]


class Joint:
    """What the labels of a batch say together, given as its combinations of labels by passes.

    `table` [J, K] holds, for J combinations, the probability of each and of pass k: it sums to 1.
    """

    def __init__(self, samples: Tensor, limit: int, rng: Generator) -> None:
        self._samples, self._limit, self._rng = samples.float(), limit, rng
        self._doubt = torch.cat([entropy(part).mean(dim=1) for part in torch.split(samples, 8192)])
        passes = samples.shape[1]
        self.table = torch.full((1, passes), 1 / passes, device=samples.device)
        self.is_exact = True

    def gains(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """[k], [k], float64: what each row's label would add, in nats, and the standard error of that."""
        found = [self._gains(part) for part in torch.split(rows.to(self._samples.device), self._step)]
        return torch.cat([gain for gain, _ in found]), torch.cat([error for _, error in found])

    def add(self, row: int) -> None:
        """Make this row one of the batch."""
        longer = (self.table[:, None] * self._samples[row].T[None]).flatten(0, 1)  # [J C, K]
        if len(longer) > self._limit:
            longer, self.is_exact = self._drawn(longer), False
        self.table = longer

    @property
    def _step(self) -> int:
        return max(1, PRODUCTS // (len(self.table) * self._samples.shape[2]))

    def _gains(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        k, passes, classes = len(rows), *self._samples.shape[1:]
        by_pass = self._samples[rows].transpose(0, 1).reshape(passes, k * classes)
        joint = (self.table @ by_pass).view(-1, k, classes)
        shares = self.table.sum(dim=1)  # [J], of each combination
        added = entr(joint).sum(dim=2) - entr(shares)[:, None]  # [J, k], its part of the entropy of the row's label
        gain = added.sum(dim=0, dtype=torch.float64) - self._doubt[rows]
        if self.is_exact:
            return gain, torch.zeros_like(gain)
        return gain, added.std(dim=0).double() * len(added) ** 0.5

    def _drawn(self, longer: Tensor) -> Tensor:
        """As many combinations as the limit, drawn in proportion, with equal shares: evenly spaced draws from one start."""
        shares = longer.sum(dim=1)
        ends = shares.double().cumsum(dim=0)
        at = (torch.arange(self._limit, dtype=torch.float64) + self._rng.random()) / self._limit * float(ends[-1])
        drawn = torch.searchsorted(ends, at.to(ends.device), right=True).clamp(max=len(longer) - 1)
        return longer[drawn] / (shares[drawn, None] * self._limit)
