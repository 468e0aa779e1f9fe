"""How many of the hardest rows to leave out: set by hand, by what others found, or by trying."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.learners.loop import Batches, Recipe, seeded, train
from activeloop.learners.model import NetModel
from activeloop.learners.supervised import Supervised
from activeloop.providers.dynamics import classes_in, refuse_constant
from activeloop.providers.probe import LR, NO_INPUTS, ROWS, Heads
from activeloop.rng import derive, rng
from activeloop.selectors.double_end import checked, window
from activeloop.types import JSON, OPEN, Data, Noted

# Share of the pool picked -> share of the cutoff at a tenth. In the middle of what was published for ELFS's scores (by
# SemiPrune's scripts: .7 -> 0 to .3, .5 -> .1 to .4, .3 -> .2 to .6, .2 -> .3 to .7, .1 -> .4 to .8).
PRIOR = ((0.1, 1.0), (0.2, 0.75), (0.3, 0.4), (0.5, 0.25), (0.7, 0.0))
NET_LR = 1e-3


def fixed(*, value: float = 0.0) -> Noted:
    """The cutoff that you give. returns: [], in [0, 1)."""
    return _chosen(checked(value), {"how": "fixed"})


def prior(n: int, data: Data, *, at_a_tenth: float = 0.4) -> Noted:
    """The cutoff by what others found for as large a share of the pool: nothing is trained.

    The fewer rows are picked, the more of the hardest are left out: none where 0.7 of the pool is picked, `at_a_tenth`
    where a tenth or less is, in between by straight lines through 0.75, 0.4 and 0.25 of it at 0.2, 0.3 and 0.5.

    at_a_tenth: 0.4 is what ELFS uses for CIFAR-10 with good features (ImageNet: 0.3); where pseudo-labels are noisier,
                up to 0.7 was found best.
    returns:    [], in [0, 1), never so high that the window passes the easiest row.
    source:     the README of ELFS (arXiv:2406.04273) and the cutoffs that SemiPrune (arXiv:2605.23198) runs with its scores.
    """
    rate = _rate(n, len(data))
    rates, shares = zip(*PRIOR, strict=True)
    cutoff = min(checked(at_a_tenth) * float(np.interp(rate, rates, shares)), 1 - rate)
    return _chosen(cutoff, {"how": "prior", "rate": rate})


def search(
    n: int, features: Tensor, reference: Tensor, difficulty: Tensor, data: Data, seed: int, *, how: str = "probe",
    grid: str = "0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8", halving: bool = False, holdout: float = 0.1, epochs: int = 30,
    batch: int = 128, lr: float = 0.0, hidden: int = 0, net: str = "cnn",
) -> Noted:  # fmt: skip
    """The cutoff whose window teaches the pseudo-labels best, by trying each on rows held out.

    A tenth of the pool is held out; of the rest, each cutoff's window, as large a share as will be picked, trains a
    model on pseudo-labels, and the cutoff wins whose model is right on most held-out pseudo-labels. Of equally good ones
    the one nearest to `prior` wins, then the lower. Held-out labels are pseudo-labels too, so an error that a clustering
    makes throughout, such as two classes in one cluster, goes unseen.

    how:     "probe": a model on the features, all cutoffs trained as one; or "proxy": `net` on the inputs, one after the
             other, as in the paper and some thousand times dearer; where a pool is features and no more, the probe
             takes over, and the notes say so.    hidden: of the probe, 0 for a linear one.
    lr:      0 is 0.03 for probes and 0.001 for nets.
    grid:    cutoffs to try, with commas; those whose window would pass the easiest row are left out.
    halving: try all with few epochs, and the better half again with twice as many, until `epochs` are reached.
    returns: [], one of the grid.
    source:  Zheng et al. 2025, arXiv:2406.04273; ties, halving and the probe are ours.
    """
    if how not in ("probe", "proxy") or not 0 < holdout < 1:
        raise ConfigError(
            f"how is {how!r} and holdout {holdout:g}; allowed are 'probe' and 'proxy', and between 0 and 1."
        )
    if data.inputs.dim() == 2 and how == "proxy":
        how, instead = "probe", {"instead_of_a_net": NO_INPUTS}
    else:
        instead = {}
    recipe = Supervised(lr=lr or (LR if how == "probe" else NET_LR), epochs=epochs, batch=batch, net=net)
    classes = classes_in(reference, len(data), len(data.classes))
    refuse_constant(difficulty, "difficulty")
    rate = _rate(n, len(data))
    cutoffs = [cutoff for cutoff in _grid(grid) if cutoff + rate <= 1 + 1e-9]
    if not cutoffs:
        raise ConfigError(
            f"{n:,} of {len(data):,} rows leave no room for any cutoff of {grid}: add one of at most {1 - rate:.2f}, or"
            " pick fewer rows."
        )
    trial = _Trial(features, reference, difficulty, data, rate, holdout, classes, recipe, hidden, how, seed)
    usual = float(prior(n, data).value)
    tried: dict[float, tuple[float, int]] = {}
    for few, left in _rungs(len(cutoffs), epochs, halving):
        for cutoff, right in zip(cutoffs, trial.accuracies(cutoffs, few), strict=True):
            tried[cutoff] = right, few
        best = sorted(cutoffs, key=lambda it: (-tried[it][0], round(abs(it - usual), 9), it))
        cutoffs = sorted(best[:left])
    report: list[JSON] = [
        {"cutoff": cutoff, "accuracy": right, "epochs": few} for cutoff, (right, few) in sorted(tried.items())
    ]
    notes: dict[str, JSON] = {"how": how, "rate": rate, "tried": report, "held_out": len(trial.held)}
    return _chosen(cutoffs[0], notes | instead)


class _Trial:
    """The split that cutoffs are tried on."""

    def __init__(
        self, features: Tensor, reference: Tensor, difficulty: Tensor, data: Data, rate: float, holdout: float,
        classes: int, recipe: Supervised, hidden: int, how: str, seed: int,
    ) -> None:  # fmt: skip
        self._features, self._reference, self._difficulty = features, reference, difficulty.cpu()
        self._data = replace(data, classes=tuple(map(str, range(classes))))
        self._recipe, self._hidden, self._how, self._seed = recipe, hidden, how, seed
        shuffled = torch.from_numpy(rng(seed, 0, "holdout").permutation(len(data)))
        held = max(1, round(holdout * len(data)))
        self.held, self._rest = shuffled[:held], shuffled[held:].sort().values
        self._n = max(1, math.floor(round(rate * len(self._rest), 6)))
        if self._n < 2:
            raise ConfigError(
                f"a window of {self._n} row teaches nothing, so no cutoff can be searched for {len(data):,} rows at this"
                " rate: bind 'cutoff' to 'prior' or 'fixed', or pick more rows."
            )

    def accuracies(self, cutoffs: Sequence[float], epochs: int) -> list[float]:
        """Of a model for each cutoff, on the held-out pseudo-labels."""
        windows = [self._window(cutoff) for cutoff in cutoffs]
        return (self._probes if self._how == "probe" else self._nets)(windows, epochs)

    def _window(self, cutoff: float) -> Tensor:
        """Rows of the same window of the rows that are not held out; ties fall alike for each cutoff."""
        free = torch.full((len(self._rest),), OPEN)
        return self._rest[window(self._difficulty[self._rest], cutoff, free, self._n, rng(self._seed, 0, "ties"))]

    def _probes(self, windows: list[Tensor], epochs: int) -> list[float]:
        device, seed = self._features.device, derive(self._seed, 0, "search")
        members = torch.zeros(len(self._features), len(windows), dtype=torch.bool, device=device)
        for at, rows in enumerate(windows):
            members[rows.to(device), at] = True
        reference = self._reference.to(device)
        heads = Heads(self._features, len(windows), len(self._data.classes), self._hidden, seed)
        recipe = Recipe(lr=self._recipe.lr, batch=self._recipe.batch, epochs=epochs, least_steps=0)
        heads.train(self._features, reference, members, recipe, seed, lambda _: None, "cutoffs")
        right = torch.zeros(len(windows), dtype=torch.float64)
        for chunk in torch.split(self.held.to(device), ROWS):
            for at in range(len(windows)):
                predicted = heads.of(at, self._features[chunk])[0].argmax(dim=1)
                right[at] += int((predicted == reference[chunk]).sum())
        return (right / len(self.held)).tolist()

    def _nets(self, windows: list[Tensor], epochs: int) -> list[float]:
        from tqdm import tqdm

        device, seed = self._data.mean.device, derive(self._seed, 0, "search")
        recipe, reference, right = replace(self._recipe, epochs=epochs), self._reference.to(device), []
        held = self.held.to(device)
        for rows in tqdm(windows, desc="cutoffs", unit="net", leave=False, disable=None):
            at = rows.to(device)
            with seeded(seed):  # the same weights at first
                net = recipe.tried(self._data)
                train(net, Batches(self._data, at, reference[at], recipe.batch, seed), recipe)
            predicted = NetModel(net, self._data).probs(held.cpu().numpy()).argmax(dim=1)
            right.append(float((predicted == reference[held]).double().mean()))
        return right


def _rungs(cutoffs: int, epochs: int, halving: bool) -> list[tuple[int, int]]:
    """(epochs of this rung, cutoffs that go on). Without halving, one rung, after which one is left."""
    if not halving:
        return [(epochs, 1)]
    left = [cutoffs]
    while left[-1] > 1:
        left.append(math.ceil(left[-1] / 2))
    rungs = max(1, len(left) - 1)
    return [
        (max(1, math.ceil(epochs / 2 ** (rungs - 1 - at))), left[min(at + 1, len(left) - 1)]) for at in range(rungs)
    ]


def _grid(text: str) -> list[float]:
    try:
        return sorted({checked(float(part)) for part in text.split(",")})
    except ValueError as error:
        raise ConfigError(
            f"grid is {text!r}; it must be cutoffs with commas, each 0 or more and less than 1, such as '0,0.2,0.4'."
        ) from error


def _rate(n: int, rows: int) -> float:
    if not 0 < n <= rows:
        raise ConfigError(f"{n:,} picks of {rows:,} rows have no cutoff: ask for 1 to {rows:,}.")
    return n / rows


def _chosen(cutoff: float, notes: dict[str, JSON]) -> Noted:
    return Noted(torch.tensor(cutoff, dtype=torch.float64), {"cutoff": cutoff, **notes})
