"""Average ranks over seeds or data sets, and which of them cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from activeloop.report.statistics import friedman_p, nemenyi

FEW = 6  # blocks; below, the chi-square distribution is far from that of the statistic


@dataclass(frozen=True)
class Ranking:
    """Strategies by their average rank, best first; 1 is the best rank.

    blocks: seeds or conditions ranked within.    p: of the Friedman test that all are alike.
    critical: average ranks less far apart than this cannot be told apart (Nemenyi, level 0.05).
    cliques: groups of strategies within one such distance, each as long as can be and of two or more: the bars of a
    critical-difference diagram.    left_out: strategies that some block lacks.
    trust: why p and the distance should be doubted; None where nothing speaks against them.
    """

    over: Literal["seeds", "conditions"]
    blocks: int
    strategies: tuple[str, ...]
    ranks: tuple[float, ...]
    p: float
    critical: float
    cliques: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]
    trust: str | None


def ranking(
    scores: Sequence[Mapping[str, float]], over: Literal["seeds", "conditions"], sign: float, doubt: str | None = None
) -> Ranking | None:
    """Ranks within each block, averaged. None below two blocks, or two strategies that all blocks have.

    scores: strategy -> score, of every block.    sign: 1 where more is better, -1 where less is.
    doubt: a reason known to the caller why the blocks do not speak for themselves.
    source: Friedman 1937; Nemenyi 1963, both after Demsar 2006.
    """
    from scipy.stats import rankdata

    names = list(dict.fromkeys(name for block in scores for name in block))
    common = [name for name in names if all(name in block for block in scores)]
    if len(scores) < 2 or len(common) < 2:
        return None
    ranks = np.array([rankdata([-sign * block[name] for name in common]) for block in scores])
    mean = ranks.mean(axis=0)
    order = sorted(range(len(common)), key=lambda at: (mean[at], common[at]))
    strategies, sorted_ranks = tuple(common[at] for at in order), tuple(float(mean[at]) for at in order)
    critical = nemenyi(len(common), len(scores))
    reasons = [f"{len(scores)} {over} are few"] if len(scores) < FEW else []
    return Ranking(
        over=over,
        blocks=len(scores),
        strategies=strategies,
        ranks=sorted_ranks,
        p=friedman_p(ranks),
        critical=critical,
        cliques=tuple(tuple(strategies[a:b]) for a, b in cliques(sorted_ranks, critical)),
        left_out=tuple(name for name in names if name not in common),
        trust="; ".join([*reasons, *([doubt] if doubt else [])]) or None,
    )


def cliques(ranks: Sequence[float], critical: float) -> list[tuple[int, int]]:
    """The longest stretches [start, end) of these ascending ranks that span less than the critical distance.

    None lies within another, and each holds two or more.
    """
    found: list[tuple[int, int]] = []
    for start, rank in enumerate(ranks):
        end = sum(other - rank < critical for other in ranks[start:]) + start
        if end - start > 1 and (not found or end > found[-1][1]):
            found.append((start, end))
    return found
