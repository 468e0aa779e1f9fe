"""Difficulty by distance from what is typical."""

from __future__ import annotations

from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.geometry.clusters import clustered
from activeloop.providers.dynamics import refuse_constant
from activeloop.rng import rng
from activeloop.types import JSON, Data, Noted


def prototypicality(features: Tensor, data: Data, seed: int, *, clusters: int = 0, restarts: int = 1) -> Noted:
    """Distance to the nearest centre of k-means: high for rows unlike all prototypes. No label, and nothing is trained.

    Cheap, and a weak guide: in ELFS's tables, what it selects is worse than random rows where little may be kept.

    features: [N, D], Euclidean.    clusters: 0 stands for the number of classes.
    returns:  [N], float64, 0 or more.
    source:   Sorscher et al. 2022, arXiv:2206.14486 (the self-supervised metric).
    """
    k = clusters or len(data.classes)
    if not 1 <= k <= len(features):
        raise ConfigError(
            f"{k} clusters were asked for of {len(features):,} rows: set evidence.difficulty.clusters to 1 or more, and"
            " no more than there are rows."
        )
    found = clustered(features, k, rng(seed, 0, "prototypicality"), restarts=restarts)
    sizes = found.assignment.bincount(minlength=k).tolist()
    notes: dict[str, JSON] = {"score": "prototypicality", "what": "distance to the own k-means centre", "hard_end": "high",
             "clusters": k, "cluster_sizes": sizes}  # fmt: skip
    return Noted(refuse_constant(found.distance.double(), "distance to the own centre").to(features.device), notes)
