"""Coverage-centric selection."""

from __future__ import annotations

import torch
from numpy.random import Generator
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.selectors.double_end import kept


def ccs(difficulty: Tensor, cutoff: Tensor, labels: Tensor, n: int, rng: Generator, *, strata: int = 50) -> Tensor:
    """Picks from all over the range of difficulty, but its hardest end: as many from rare strata as from common ones.

    The share `cutoff` of hardest rows is left out, the rest is cut into strata of equal width in difficulty, and the
    budget is shared out evenly among them; what a small stratum cannot use goes to the larger ones. Inside a stratum
    the draw is uniform. Labelled and skipped rows count in the cutoff, and in no stratum.

    difficulty: [m], high is hard.    cutoff: [], in [0, 1).    labels: [m], -1 open, -2 skipped.
    strata:     equal-width bins between the least and the greatest difficulty that is left; empty ones are no harm. Other
                scales of the same score give other strata: probabilities and logits do not agree.
    returns:    [n] positions, from the smallest stratum to the largest.
    raises:     ConfigError where fewer than `n` open rows are left, with the largest cutoff that leaves enough.
    source:     Zheng et al. 2023, arXiv:2210.15809, algorithm 1. The last stratum is closed here; in their code the
                easiest or hardest row falls out of it where scores are negative.
    """
    if strata < 1:
        raise ConfigError(f"strata is {strata}; at least 1 is needed.")
    left = kept(difficulty, cutoff, labels, n, rng)
    if not n:
        return left[:0]
    values = difficulty.cpu().double()[left]
    width = (values.max() - values.min()) / strata
    at = ((values - values.min()) / width).nan_to_num().long().clamp(max=strata - 1)  # 0 / 0 where all are equal
    sizes = at.bincount(minlength=strata)
    picks = []
    for stratum, share in shares(sizes, n):
        rows = left[at == stratum]
        picks.append(rows[torch.from_numpy(rng.permutation(len(rows))[:share])])
    return torch.cat(picks)


def shares(sizes: Tensor, n: int) -> list[tuple[int, int]]:
    """(bin, its share of n), from the smallest bin to the largest, empty ones left out. Sums to n if the sizes do."""
    bins = [(size, at) for at, size in enumerate(sizes.tolist()) if size]
    given, left = [], n
    for turn, (size, at) in enumerate(sorted(bins)):
        share = min(size, left // (len(bins) - turn))
        given.append((at, share))
        left -= share
    return given
