from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from activeloop.errors import BadScores, ConfigError
from activeloop.geometry import clusters
from activeloop.geometry.clusters import NOISE, clustered, in_turns, warn_of_repeats

DIGITS = torch.from_numpy(load_digits().data).float()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(params=["scikit-learn", "faiss"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every fact holds in both."""
    if request.param == "faiss":
        monkeypatch.setattr(clusters, "SMALL", 0)
    return str(request.param)


def test_two_heaps_are_two_clusters_with_their_means_as_centres() -> None:
    points = torch.tensor([[0.0, 0.0], [0.0, 2.0], [9.0, 0.0], [9.0, 4.0]])

    found = clustered(points, 2, rng())

    low = int(found.assignment[0])
    assert found.assignment.tolist() == [low, low, 1 - low, 1 - low]
    torch.testing.assert_close(found.centres[[low, 1 - low]], torch.tensor([[0.0, 1.0], [9.0, 2.0]]))
    torch.testing.assert_close(found.distance, torch.tensor([1.0, 1.0, 2.0, 2.0]))


def test_inertia_is_that_of_scikit_learn_within_two_percent() -> None:
    ours = min(float(clustered(DIGITS, 10, rng(seed)).distance.square().sum()) for seed in range(3))
    theirs = KMeans(10, n_init=3, random_state=0).fit(DIGITS.numpy()).inertia_

    assert ours < 1.02 * theirs


def test_each_row_is_in_the_cluster_of_its_nearest_centre_at_that_distance() -> None:
    found = clustered(DIGITS, 20, rng(1))
    far = torch.cdist(DIGITS.double(), found.centres.double())

    torch.testing.assert_close(far[torch.arange(len(DIGITS)), found.assignment], far.amin(dim=1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.distance.double(), far.amin(dim=1), rtol=1e-4, atol=1e-4)


def test_restarts_never_end_worse() -> None:
    """The first of four fits is the single fit."""
    one, four = (float(clustered(DIGITS, 30, rng(2), restarts=n).distance.square().sum()) for n in (1, 4))

    assert four <= one


def test_the_seed_decides_and_the_number_of_threads_does_not() -> None:
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 1):
        torch.set_num_threads(threads)
        with threadpool_limits(threads):
            found.append(clustered(DIGITS, 40, rng(3)))
    torch.set_num_threads(before)

    for other in found[1:]:
        assert torch.equal(found[0].assignment, other.assignment)
        torch.testing.assert_close(found[0].centres, other.centres)


def test_it_stays_right_far_from_the_origin() -> None:
    near, far = (clustered(DIGITS[:500] + shift, 10, rng(4)) for shift in (0, 10_000))

    assert torch.equal(near.assignment, far.assignment)


@pytest.mark.parametrize("k", [1, 5, 7, 29, 30])
def test_fewer_distinct_rows_than_clusters_leave_some_empty_and_warn_of_nothing(
    k: int, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = torch.arange(5.0).repeat(6)[:, None].expand(30, 3)  # five values, six times each

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = clustered(rows, k, rng())

    assert len(found.assignment) == 30
    assert 0 <= int(found.assignment.min()) <= int(found.assignment.max()) < k
    assert len(found.assignment.unique()) == (k if k in (1, 5, 30) else 5)
    assert k == 1 or float(found.distance.max()) < 0.01  # faiss moves the centre of an empty cluster by a thousandth
    assert capfd.readouterr() == ("", "")


def test_bad_input_is_refused() -> None:
    with pytest.raises(ConfigError, match="6 clusters were asked for, of 5 rows: ask for 1 to 5."):
        clustered(torch.zeros(5, 2), 6, rng())
    with pytest.raises(ConfigError, match="restarts is 0"):
        clustered(DIGITS, 2, rng(), restarts=0)
    with pytest.raises(BadScores, match="the first is at position 1"):
        clustered(torch.tensor([[0.0], [torch.inf]]), 1, rng())


def test_clusters_take_turns_the_largest_first_and_one_with_a_label_later() -> None:
    #                         0  1  2  3  4  5  6  7  8
    assignment = torch.tensor([0, 0, 0, 1, 1, 2, 2, NOISE, NOISE])
    key = torch.tensor([3.0, 1.0, 2.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    labels = torch.tensor([-1, -1, -1, 0, -1, -1, -2, -1, 0])

    assert in_turns(assignment, key, labels, rng()).tolist() == [1, 5, 2, 4, 0, 7]


def test_turns_end_where_all_rows_are_noise_or_none_is_open() -> None:
    assert sorted(in_turns(torch.full((4,), NOISE), torch.zeros(4), torch.full((4,), -1), rng()).tolist()) == [
        0,
        1,
        2,
        3,
    ]
    assert in_turns(torch.zeros(3, dtype=torch.int64), torch.zeros(3), torch.tensor([0, -2, 1]), rng()).tolist() == []


def test_repeats_are_counted_against_labels_and_earlier_picks() -> None:
    features, labels = torch.tensor([[0.0], [0.0], [1.0], [1.0], [2.0]]), torch.tensor([0, -1, -1, -1, -1])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_repeats(features, labels, torch.tensor([2, 4]))
    with pytest.warns(UserWarning, match="2 of 4 picks"):
        warn_of_repeats(features, labels, torch.tensor([1, 2, 3, 4]))
