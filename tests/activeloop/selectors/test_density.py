from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.cluster import DBSCAN
from sklearn.datasets import load_digits, make_moons
from torch import Tensor

from activeloop.errors import BadScores, ConfigError
from activeloop.geometry.balls import Distances
from activeloop.geometry.clusters import NOISE
from activeloop.selectors import density
from activeloop.selectors.density import dbscan, optics

HEAPS, SIZES = torch.tensor([0.0, 10.0, 20.0]), (20, 12, 8)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def heaps() -> Tensor:
    """Three heaps of 20, 12 and 8 rows, a tenth apart in each, then four rows far from all."""
    lines = [middle + 0.1 * torch.arange(size) for middle, size in zip(HEAPS, SIZES, strict=True)]
    return torch.cat([*lines, torch.tensor([50.0, 60.0, 70.0, 80.0])])[:, None]


def heap_of(picks: Tensor) -> list[int]:
    return np.searchsorted(np.cumsum(SIZES), picks.numpy(), side="right").tolist()


@pytest.mark.parametrize("selector", [dbscan, optics])
def test_heaps_take_turns_the_largest_first_and_noise_comes_last(selector: Callable[..., Tensor]) -> None:
    picks = selector(heaps(), torch.full((44,), -1), 44, rng(), eps=0.5)

    assert heap_of(picks)[:6] == [0, 1, 2, 0, 1, 2]
    assert heap_of(picks)[-4:] == [3, 3, 3, 3]
    assert sorted(picks.tolist()) == list(range(44))


@pytest.mark.parametrize("selector", [dbscan, optics])
def test_a_heap_that_holds_a_label_takes_a_later_turn(selector: Callable[..., Tensor]) -> None:
    labels = torch.full((44,), -1)
    labels[[3, 43]], labels[25] = 0, -2

    assert heap_of(selector(heaps(), labels, 4, rng())) == [1, 2, 0, 1]


@pytest.mark.parametrize("points", ["moons", "digits"])
def test_clusters_and_cores_are_those_of_scikit_learn(points: str) -> None:
    """A row that two clusters reach may be in either: there scikit-learn goes by the order of rows."""
    if points == "moons":
        features, eps = make_moons(400, noise=0.08, random_state=0)[0].astype(np.float32), 0.12
    else:
        features, eps = load_digits().data.astype(np.float32), 21.0
    theirs = DBSCAN(eps=eps, min_samples=5).fit(features)
    ours = density._dense(Distances(torch.from_numpy(features)), eps, 5).numpy()

    cores = theirs.core_sample_indices_
    pairs = set(zip(ours[cores].tolist(), theirs.labels_[cores].tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) == theirs.labels_.max() + 1 > 1
    np.testing.assert_array_equal(ours == NOISE, theirs.labels_ == NOISE)


def test_balls_found_again_give_the_clusters_that_kept_balls_give(monkeypatch: pytest.MonkeyPatch) -> None:
    distances = Distances(torch.from_numpy(load_digits().data).float())
    kept = density._dense(distances, 21.0, 5)
    monkeypatch.setattr(density, "MEMBERS", 3000)

    assert torch.equal(density._dense(distances, 21.0, 5), kept)


def test_a_row_between_two_clusters_joins_the_nearer() -> None:
    left, right = torch.arange(5) * 0.1, 2.27 + torch.arange(5) * 0.1
    between = torch.tensor([1.35])  # 0.95 from one end, 0.92 from the other, and no core

    cluster = density._dense(Distances(torch.cat([left, right, between])[:, None]), 1.0, 5)

    assert cluster[10] == cluster[5] != cluster[0]


def test_the_elbow_lies_where_the_distances_begin_to_grow() -> None:
    eps = density._elbow(Distances(heaps()), 5, rng())

    assert 0.2 <= eps <= 0.4 + 1e-4  # the fifth row of an end is 0.4 away, that of a stray row 30 and more


def test_optics_gives_each_other_row_the_cluster_of_its_nearest_drawn_row() -> None:
    picks = optics(heaps(), torch.full((44,), -1), 9, rng(1), rows=30)

    assert heap_of(picks) == [0, 1, 2] * 3


def test_noise_alone_and_one_cluster_are_warned_of_with_numbers() -> None:
    apart = 2.0 ** torch.arange(12)[:, None]

    with pytest.warns(UserWarning, match="dbscan with eps 0.5 and min_rows 5: 0 clusters, 12 of 12 rows are noise"):
        dbscan(apart, torch.full((12,), -1), 3, rng(), eps=0.5)
    with pytest.warns(UserWarning, match="1 clusters, 0 of 12 rows are noise"):
        dbscan(apart, torch.full((12,), -1), 3, rng(), eps=5000)
    with pytest.warns(UserWarning, match="optics with min_rows 5 and eps 0.5: 0 clusters"):
        optics(apart, torch.full((12,), -1), 3, rng(), eps=0.5)


@pytest.mark.parametrize("selector", [dbscan, optics])
@pytest.mark.parametrize("rows", [3, 40])
def test_equal_rows_still_give_picks(selector: Callable[..., Tensor], rows: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", RuntimeWarning)
        picks = selector(torch.full((rows, 3), 7.0), torch.full((rows,), -1), rows, rng())

    assert sorted(picks.tolist()) == list(range(rows))


def test_bad_input_is_refused() -> None:
    labels = torch.full((44,), -1)
    with pytest.raises(ConfigError, match="eps is -1 and min_rows is 5"):
        dbscan(heaps(), labels, 1, rng(), eps=-1)
    with pytest.raises(ConfigError, match="min_rows is 1"):
        optics(heaps(), labels, 1, rng(), min_rows=1)
    with pytest.raises(ConfigError, match="xi is 1.5"):
        optics(heaps(), labels, 1, rng(), xi=1.5)
    with pytest.raises(BadScores, match="position 0"):
        optics(heaps() * torch.nan, labels, 1, rng())
