"""Average ranks over seeds or data sets, and which of them cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
