from __future__ import annotations

import warnings
from importlib import import_module

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from activeloop.errors import BadScores
from activeloop.geometry.clusters import clustered
from activeloop.selectors.typiclust import typiclust

module = import_module("activeloop.selectors.typiclust")  # the package gives the function under that name


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def heap(middle: float, size: int) -> Tensor:
    """Rows on a line that lie closer together towards the first: 0, 1, 3, 6, 10, … from the middle."""
    return middle + torch.arange(size).cumsum(0).float()[:, None]


def naive(features: Tensor, labels: Tensor, n: int, seed: int) -> list[int]:
    """One cluster after the other, every distance anew: the definition, with no ties in the data."""
    points, state = features.double().numpy(), labels.numpy().copy()
    k, chance = min(n + int((state >= 0).sum()), module.MOST_CLUSTERS), rng(seed)
    cluster = clustered(features, k, chance).assignment.numpy()
    sizes = np.bincount(cluster, minlength=k)
    held, tie = np.bincount(cluster[state >= 0], minlength=k), chance.permutation(k)
    order = [c for c in sorted(range(k), key=lambda c: (held[c], -sizes[c], tie[c])) if sizes[c] > 5]
    picks: list[int] = []
    while len(picks) < n:
        for c in order:
            rows = np.flatnonzero((cluster == c) & (state < 0))
            if not (state[rows] == -1).any() or len(picks) == n:
                continue
            distance = np.linalg.norm(points[rows, None] - points[None, rows], axis=2)
            near = max(1, min(20, len(rows) // 2))
            typicality = 1 / (np.sort(distance, axis=1)[:, 1 : near + 1].mean(axis=1) if len(rows) > 1 else np.ones(1))
            pick = max(np.flatnonzero(state[rows] == -1), key=lambda at: typicality[at])
            picks.append(int(rows[pick]))
            state[rows[pick]] = 9
    return picks


def test_the_most_typical_row_of_each_cluster_the_largest_first() -> None:
    """Mean distances to the three nearest of 0, 1, 3, 6, 10, 15: 10/3, 8/3, 8/3 … so 1 or 3; of seven rows likewise."""
    picks = typiclust(torch.cat([heap(0, 6), heap(1000, 7)]), torch.full((13,), -1), 2, rng())

    assert 7 <= int(picks[0]) <= 8
    assert 1 <= int(picks[1]) <= 2


def test_a_cluster_that_holds_a_label_comes_after_those_that_hold_none() -> None:
    features = torch.cat([heap(0, 9), heap(1000, 8), heap(2000, 7)])
    labels = torch.full((24,), -1)
    labels[0] = 1

    picks = typiclust(features, labels, 2, rng())

    assert 9 <= int(picks[0]) < 17 <= int(picks[1])


def test_clusters_of_five_rows_or_fewer_are_left_out_until_the_others_are_used_up() -> None:
    features = torch.cat([heap(0, 6), heap(1000, 5)])
    labels = torch.full((11,), -1)

    few, all_ = (typiclust(features, labels, n, rng()).tolist() for n in (2, 11))

    assert all(pick < 6 for pick in few)
    assert sorted(all_) == list(range(11))


@pytest.mark.parametrize(("n", "clusters"), [(12, 500), (150, 500), (150, 12)])
@pytest.mark.parametrize("listed", [1 << 23, 1500])
def test_picks_are_those_of_the_naive_loop(n: int, clusters: int, listed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cycling through twelve clusters as well, and where neighbours must be searched again since lists ran out."""
    monkeypatch.setattr(module, "LISTED", listed)
    monkeypatch.setattr(module, "MOST_CLUSTERS", clusters)
    features = torch.from_numpy(load_digits().data + rng(5).normal(0, 0.01, size=(1797, 64))).float()[:900]
    labels = torch.full((900,), -1)
    labels[rng(1).choice(900, 20, replace=False)] = 3
    labels[rng(2).choice(np.flatnonzero(labels == -1), 30, replace=False)] = -2

    assert typiclust(features, labels, n, rng(3)).tolist() == naive(features, labels, n, 3)


def test_equal_rows_all_come_in_an_order_drawn_by_the_seed_and_are_warned_of() -> None:
    labels = torch.tensor([0] + [-1] * 9)

    with pytest.warns(UserWarning, match="9 of 9 picks have the same features"):
        orders = {tuple(typiclust(torch.zeros(10, 2), labels, 9, rng(seed)).tolist()) for seed in range(4)}

    assert len(orders) > 1
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(1, 10))}


def test_none_is_asked_for_and_one_row_alone() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert typiclust(heap(0, 6), torch.full((6,), -1), 0, rng()).tolist() == []
        assert typiclust(heap(0, 1), torch.full((1,), -1), 1, rng()).tolist() == [0]


def test_nan_is_refused() -> None:
    with pytest.raises(BadScores, match="the first is at position 0"):
        typiclust(heap(torch.nan, 4), torch.full((4,), -1), 1, rng())
