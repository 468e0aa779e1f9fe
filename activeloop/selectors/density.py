"""Rows of density clusters: DBSCAN and OPTICS."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.geometry.balls import Balls, Distances
from activeloop.geometry.clusters import NOISE, in_turns, warn_of_repeats
from activeloop.geometry.neighbours import nearest_of, refuse_huge

MEMBERS = 100_000_000  # of balls, held at 4 bytes each
ELBOW_ROWS = 2000  # whose k-distance is measured: enough of a curve to see where it bends


def dbscan(features: Tensor, labels: Tensor, n: int, rng: Generator, *, eps: float = 0.0, min_rows: int = 5) -> Tensor:
    """Random rows of each dense region in turn, the largest first; noise last.

    A row with `min_rows` rows within `eps`, itself counted, is a core; cores within `eps` of one another are one
    cluster, and a row near a core joins the cluster of its nearest. Clusters that hold labels take later turns. On
    features of many dimensions, where all distances are much alike, this mostly finds one cluster or noise alone, and
    is then no better than random: it warns of that, with the numbers. Prefer `typiclust` there.

    features: [m, D], Euclidean.    labels: [m], -1 open, -2 skipped.
    eps:      0: where the sorted distances to the `min_rows`-th row, of 2,000 rows drawn by `rng`, bend the most.
    returns:  [n] positions, in random order within a cluster.
    cost:     2 m² D operations; as many again, if more than 100 million pairs lie within `eps`. Never m x m memory.
    raises:   ConfigError for options, BadScores for nan; warns of a poor clustering and of picks that equal one another.
    source:   Ester et al. 1996 (KDD); as a selector, "Sparse Label Learning" study, 2021, which found it poor.
    """
    _refuse_options(eps, min_rows)
    distances = Distances(features)
    radius = eps or _elbow(distances, min_rows, rng)
    cluster = _dense(distances, radius, min_rows)
    _warn(cluster, f"dbscan with eps {radius:.3g} and min_rows {min_rows}")
    return _picks(features, cluster, labels, n, rng)


def optics(
    features: Tensor, labels: Tensor, n: int, rng: Generator, *,
    eps: float = 0.0, min_rows: int = 5, xi: float = 0.05, rows: int = 5000,
) -> Tensor:  # fmt: skip
    """Random rows of each cluster of varying density in turn, the largest first; noise last.

    Unlike `dbscan`, it knows of no single density: clusters are valleys of the reachability plot. Its time grows with
    the square of the rows, so that clusters are found among `rows` of them, drawn by `rng`; each of the others joins the
    cluster, or the noise, of the nearest one. As poor as `dbscan` on features of many dimensions.

    features: [m, D], Euclidean.    labels: [m], -1 open, -2 skipped.
    eps:      0: valleys with walls steeper than `xi`, a share in (0, 1); else the plot is cut at this height.
    returns:  [n] positions, in random order within a cluster.
    cost:     of scikit-learn's OPTICS: for 5,000 rows 6 s at D = 64 and 28 s at D = 512 on one core.
    raises:   ConfigError for options, BadScores for nan; warns of a poor clustering and of picks that equal one another.
    source:   Ankerst et al. 1999 (SIGMOD); as a selector, "Sparse Label Learning" study, 2021, which found it poor.
    """
    _refuse_options(eps, min_rows)
    if not 0 < xi < 1 or rows < min_rows:
        raise ConfigError(
            f"xi is {xi} and rows is {rows}; xi lies between 0 and 1, rows is min_rows ({min_rows}) or more."
        )
    refuse_huge(features)
    m = len(features)
    few = torch.from_numpy(np.sort(rng.choice(m, rows, replace=False)) if m > rows else np.arange(m))
    points = features[few.to(features.device)].float().cpu()
    found = torch.from_numpy(_valleys(points.numpy(), eps, min_rows, xi))
    cluster = found
    if len(few) < m:
        cluster = found[nearest_of(features, points)]
        cluster[few] = found  # a duplicate of a drawn row may be as near
    _warn(cluster, f"optics with min_rows {min_rows}" + (f" and eps {eps:.3g}" if eps else f" and xi {xi}"))
    return _picks(features, cluster, labels, n, rng)


def _picks(features: Tensor, cluster: Tensor, labels: Tensor, n: int, rng: Generator) -> Tensor:
    picks = in_turns(cluster, torch.zeros(len(cluster)), labels, rng)[:n]
    warn_of_repeats(features, labels, picks)
    return picks


def _refuse_options(eps: float, min_rows: int) -> None:
    if not 0 <= eps < math.inf or min_rows < 2:
        raise ConfigError(
            f"eps is {eps} and min_rows is {min_rows}; eps is a distance, or 0 to find one, and min_rows is 2 or more."
        )


def _warn(cluster: Tensor, what: str) -> None:
    count, noise = int(cluster.max()) + 1, int((cluster == NOISE).sum())
    if count < 2:
        warnings.warn(
            f"{what}: {count} clusters, {noise:,} of {len(cluster):,} rows are noise, so that picks are random or nearly."
            " Set eps, use features of fewer dimensions, or another selector such as typiclust.",
            stacklevel=3,
        )


def _elbow(distances: Distances, min_rows: int, rng: Generator) -> float:
    """The k-distance at which its sorted curve lies farthest below the chord between its ends."""
    m = len(distances)
    drawn = rng.permutation(m)[:ELBOW_ROWS]
    nearest = min(min_rows, m)  # the row itself is one of them
    found = [
        distances.squared(part).topk(nearest, dim=1, largest=False).values[:, -1].cpu()  # sorted: the farthest of them
        for part in distances.parts(drawn)
    ]
    reach = torch.cat(found).sqrt().sort().values.double().numpy()
    if reach[-1] == reach[0]:
        return float(reach[0])
    chord = np.linspace(reach[0], reach[-1], len(reach))
    return float(reach[np.argmax(chord - reach)])


def _dense(distances: Distances, radius: float, min_rows: int) -> Tensor:
    """[m] clusters of DBSCAN, or NOISE."""
    m = len(distances)
    balls = Balls(distances, np.arange(m), radius, limit=MEMBERS)
    core = balls.sizes >= min_rows
    cluster = np.full(m, NOISE, np.int64)
    cores = np.flatnonzero(core)
    if not len(cores):
        return torch.from_numpy(cluster)
    cluster[cores] = np.unique(_connected(balls, core)[cores], return_inverse=True)[1]
    for part in distances.parts(np.flatnonzero(~core & (balls.counts > 1))):
        squared = distances.squared(part)
        least, at = squared.masked_fill_(torch.from_numpy(~core).to(squared.device), torch.inf).min(dim=1)
        joins = (least <= radius**2).cpu().numpy()
        cluster[part[joins]] = cluster[at.cpu().numpy()[joins]]
    return torch.from_numpy(cluster)


def _connected(balls: Balls, core: NDArray[np.bool_]) -> NDArray[np.int64]:
    """[m] component of every core among the cores; other rows are alone."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    cores, m = np.flatnonzero(core), len(core)
    component = np.arange(m)
    done = 0
    for lists in balls.lists(cores):
        rows = np.repeat(cores[done : done + len(lists)], [len(each) for each in lists])
        done += len(lists)
        columns = np.concatenate(lists)
        new = core[columns] & (component[rows] != component[columns])
        if new.any():
            pairs = (component[rows[new]], component[columns[new]])
            graph = coo_array((np.ones(len(pairs[0]), bool), pairs), shape=(m, m))
            component = connected_components(graph, directed=False)[1].astype(np.int64)[component]
    return component


def _valleys(points: NDArray[np.float32], eps: float, min_rows: int, xi: float) -> NDArray[np.int64]:
    from sklearn.cluster import OPTICS

    if len(points) < min_rows:
        return np.full(len(points), NOISE, np.int64)
    cut = {"cluster_method": "dbscan", "eps": eps} if eps else {"cluster_method": "xi", "xi": xi}
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # duplicates: reachabilities of 0 are divided by
        warnings.simplefilter("ignore")
        found: NDArray[np.int64] = OPTICS(min_samples=min_rows, **cut).fit(points).labels_.astype(np.int64)
    return found
