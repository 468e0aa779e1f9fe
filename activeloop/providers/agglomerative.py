"""Many small groups of a pool."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.geometry.neighbours import nearest_of, neighbours, refuse_huge
from activeloop.rng import rng
from activeloop.types import JSON, Data, Noted


def agglomerative(
    features: Tensor, data: Data, seed: int, *, size: float = 20.0, near: int = 10, rows: int = 20_000
) -> Noted:
    """Clusters by merging the nearest pair, by average linkage, again and again, over links to near neighbours alone.

    Links keep it from the distances of all pairs, of which the full linkage of 50,000 rows holds 10 GB. Of a larger pool
    `rows` are drawn and clustered; each of the others joins the cluster of the nearest of them.

    size:    rows a cluster, on average; 1 or more.    near: neighbours that a row is linked to.
    returns: [N], cluster ids.
    cost:    of scikit-learn's AgglomerativeClustering: some minutes for 20,000 rows and 512 columns on one core.
    source:  Ward's and Lance & Williams' scheme with average linkage; over links as scikit-learn has it.
    """
    from scipy.sparse import coo_matrix
    from sklearn.cluster import AgglomerativeClustering

    if size < 1 or near < 1 or rows < 2:
        raise ConfigError(f"size is {size}, near {near} and rows {rows}; they must be 1, 1 and 2, or more.")
    refuse_huge(features)
    drawn = np.sort(rng(seed, 0, "agglomerative").choice(len(features), min(rows, len(features)), replace=False))
    some = features[torch.from_numpy(drawn).to(features.device)].float()
    count = max(1, round(len(some) / size))
    if len(some) < 3 or count == 1:
        return Noted(torch.zeros(len(features), dtype=torch.int64), {"clusters": 1})
    at, distance = neighbours(some, min(near, len(some) - 1))
    pairs = (np.repeat(np.arange(len(some)), at.shape[1]), at.flatten().cpu().numpy())
    links = coo_matrix((np.maximum(distance.flatten().cpu().numpy(), 1e-12), pairs), shape=(len(some), len(some)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # islands are linked up, which is what is wanted
        found = AgglomerativeClustering(count, linkage="average", connectivity=links.maximum(links.T).tocsr())
        label = torch.from_numpy(found.fit_predict(some.cpu().numpy()))
    cluster = label if len(some) == len(features) else label[nearest_of(features, some.cpu())]
    notes: dict[str, JSON] = {"clusters": int(label.max()) + 1, "drawn": len(some), "near": near}
    return Noted(cluster.to(data.inputs.device), notes)
