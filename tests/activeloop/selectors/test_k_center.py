from __future__ import annotations

import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop.errors import BadScores, ConfigError
from activeloop.selectors import farthest, k_center

LINE = torch.tensor([[0.0], [1.0], [2.0], [10.0]])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(rng(seed).normal(size=shape)).float()


def opened(count: int, held: int = 0, seed: int = 7) -> Tensor:
    """Labels of so many rows, some of them labelled and as many skipped, by chance."""
    labels, order = torch.full((count,), -1), torch.from_numpy(rng(seed).permutation(count))
    labels[order[:held]], labels[order[held : 2 * held]] = 1, -2
    return labels


def plain(features: Tensor, labels: Tensor, n: int, metric: str = "euclidean", seed: int = 0) -> list[int]:
    """The greedy as the paper has it, by differences in float64; of equally far rows, the first in an order by `rng`."""
    points, order = features.double(), torch.from_numpy(rng(seed).permutation(len(features))).argsort()
    if metric == "cosine":
        points = points / points.norm(dim=1, keepdim=True)
    nearest, free, picks = torch.full((len(points),), torch.inf).double(), labels == -1, []

    def approach(centre: int) -> None:
        torch.minimum(nearest, (points - points[centre]).square().sum(dim=1), out=nearest)

    for centre in (labels >= 0).nonzero().flatten().tolist():
        approach(centre)
    for _ in range(n):
        picks.append(int(order[nearest.masked_fill(~free, -1)[order].argmax()]))
        free[picks[-1]] = False
        approach(picks[-1])
    return picks


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks, slabs and blocks so small that a few hundred rows go through every branch many times."""
    for name, value in {"AT_ONCE": 64, "FIRST": 6, "SLAB": 10, "MERGED": 3}.items():
        monkeypatch.setattr(farthest, name, value)
    module = import_module("activeloop.selectors.k_center")  # the name alone is the function
    for name, value in {"AT_ONCE": 64, "LEAST": 2, "MOST": 8, "SHARE": 9, "CROWD": 1}.items():
        monkeypatch.setattr(module, name, value)


def test_k_center_takes_the_row_farthest_from_what_is_labelled_then_from_its_picks() -> None:
    assert k_center(LINE, torch.tensor([0, -1, -1, -1]), 3, rng()).tolist() == [3, 2, 1]


def test_k_center_passes_over_skipped_rows_which_are_no_centres_either() -> None:
    assert k_center(LINE, torch.tensor([0, -1, -1, -2]), 2, rng()).tolist() == [2, 1]


def test_k_center_takes_the_direction_farthest_from_what_is_labelled_under_cosine() -> None:
    rays = torch.tensor([[1.0, 0.0], [100.0, 1.0], [0.0, 1.0], [-0.01, 0.0], [1.0, 1.0]])

    assert k_center(rays, torch.tensor([0, -1, -1, -1, -1]), 3, rng(), metric="cosine").tolist() == [3, 2, 4]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(
    ("rows", "width", "held", "n"),
    [(200, 5, 2, 20), (400, 2, 0, 300), (300, 40, 60, 100), (90, 7, 9, 72), (50, 1, 0, 9)],
)
def test_k_center_agrees_with_the_plain_greedy(rows: int, width: int, held: int, n: int, metric: str) -> None:
    features, labels = normal(rows, rows, width), opened(rows, held)
    if metric == "cosine" and width == 1:
        features = normal(rows, rows, 3)

    assert k_center(features, labels, n, rng(), metric=metric).tolist() == plain(features, labels, n, metric)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(
    ("rows", "width", "held", "n"),
    [(200, 5, 2, 60), (300, 2, 0, 300), (300, 40, 50, 150), (90, 7, 9, 72), (60, 99, 0, 9)],
)
def test_blocks_change_no_pick(rows: int, width: int, held: int, n: int, metric: str) -> None:
    features, labels = normal(rows + 1, rows, width), opened(rows, held)

    assert k_center(features, labels, n, rng(), metric=metric).tolist() == plain(features, labels, n, metric)


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("held", [0, 5])
def test_ties_go_by_rng_and_to_nothing_else(small: bool, held: int, request: pytest.FixtureRequest) -> None:
    if small:
        request.getfixturevalue("tiny")
    lattice = torch.from_numpy(rng(3).integers(0, 3, size=(150, 3))).float()  # 27 places for 150 rows
    labels = opened(150, held)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        picked = [k_center(lattice, labels, 100, rng(seed)).tolist() for seed in range(4)]

    assert picked == [plain(lattice, labels, 100, seed=seed) for seed in range(4)]
    assert len({tuple(picks) for picks in picked}) == 4


def test_k_center_breaks_ties_by_rng_and_never_takes_a_duplicate_twice() -> None:
    same = torch.zeros(6, 2)

    with pytest.warns(UserWarning, match="5 of 6 picks duplicate"):
        orders = [k_center(same, torch.full((6,), -1), 6, rng(seed)).tolist() for seed in range(5)]

    assert all(sorted(order) == list(range(6)) for order in orders)
    assert len({tuple(order) for order in orders}) > 1


def test_duplicates_come_last_and_are_counted() -> None:
    twice = LINE.repeat(2, 1)

    with pytest.warns(UserWarning, match="3 of 6 picks .* no more than 3 new rows"):
        picks = k_center(twice, torch.tensor([0, -1, -1, -1, -2, -1, -1, -1]), 6, rng())

    assert sorted(twice[picks[:3], 0].tolist()) == sorted(twice[picks[3:], 0].tolist()) == [1.0, 2.0, 10.0]


def test_no_warning_where_all_picks_are_new() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        k_center(LINE, torch.full((4,), -1), 4, rng())


def test_k_center_is_exact_far_from_the_origin() -> None:
    points = torch.from_numpy(rng(1).normal(size=(300, 3))).float()

    near, far = (k_center((points + shift).float(), torch.full((300,), -1), 20, rng()) for shift in (0, 1000))

    assert near.tolist() == far.tolist()


@pytest.mark.parametrize("scale", [1e-42, 1e-25, 1.0, 1e25], ids="{:g}".format)
def test_k_center_is_exact_where_float32_cannot_square(scale: float) -> None:
    features, labels = (normal(4, 200, 6).double() * scale).float(), opened(200, 3)

    assert k_center(features, labels, 60, rng()).tolist() == plain(features, labels, 60)


def test_k_center_is_exact_in_tight_clusters_far_apart_where_products_cancel() -> None:
    middles = 1e4 * normal(5, 8, 12)
    features, labels = middles.repeat_interleave(40, dim=0) + 0.01 * normal(6, 320, 12), opened(320, 4)

    assert k_center(features, labels, 100, rng()).tolist() == plain(features, labels, 100)


def test_k_center_is_exact_where_torch_may_round_products_coarsely(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_bfloat16(self: farthest.Space, points: farthest.Points, centres: farthest.Points) -> Tensor:
        rounded = (farthest.Points(each.centred.bfloat16().float(), each.squares) for each in (points, centres))
        return floor(self, *rounded)

    floor = farthest.Space.floor
    monkeypatch.setattr(farthest, "_coarse", lambda: True)
    monkeypatch.setattr(farthest.Space, "floor", in_bfloat16)
    features, labels = normal(8, 300, 30), opened(300, 5)

    assert k_center(features, labels, 120, rng()).tolist() == plain(features, labels, 120)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.uint8, torch.int64], ids=str)
def test_k_center_takes_features_of_any_number_type(dtype: torch.dtype) -> None:
    features, labels = (40 * normal(9, 150, 8).abs()).to(dtype), opened(150, 4)

    assert k_center(features, labels, 30, rng()).tolist() == plain(features, labels, 30)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_memory_map_gives_the_picks_of_the_array(tmp_path: Path, metric: str) -> None:
    features, labels = normal(10, 500, 16), opened(500, 10)
    np.save(tmp_path / "features.npy", features.numpy())
    mapped = torch.from_numpy(np.load(tmp_path / "features.npy", mmap_mode="r+"))

    picks = [k_center(each, labels, 80, rng(), metric=metric).tolist() for each in (features, mapped)]

    assert picks[0] == picks[1]


def test_k_center_radius_is_within_twice_the_best() -> None:
    corners = torch.tensor([[0.0, 0.0], [0.0, 9.0], [9.0, 0.0], [9.0, 9.0]])
    points = (corners[:, None] + torch.from_numpy(rng(2).uniform(-1, 1, size=(4, 25, 2))).float()).reshape(-1, 2)

    picks = k_center(points, torch.full((100,), -1), 4, rng())

    assert set((picks // 25).tolist()) == {0, 1, 2, 3}


def test_no_picks_of_no_or_some_rows_are_none() -> None:
    assert k_center(LINE, torch.full((4,), -1), 0, rng()).tolist() == []
    assert k_center(torch.empty(0, 3), torch.empty(0, dtype=torch.int64), 0, rng()).tolist() == []


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_refused_with_the_first_position(bad: float, metric: str) -> None:
    features = normal(11, 30, 4)
    features[[17, 20], 2] = bad

    with pytest.raises(BadScores, match="position 17"):
        k_center(features, opened(30, 2), 3, rng(), metric=metric)


def test_zero_vectors_have_no_direction() -> None:
    features = normal(12, 30, 4)
    features[[5, 9]] = 0

    with pytest.raises(BadScores, match="2 of 30 rows are zero vectors.*position 5"):
        k_center(features, opened(30), 3, rng(), metric="cosine")


def test_an_unknown_metric_and_too_many_picks_are_refused() -> None:
    with pytest.raises(ConfigError, match="metric is 'manhattan'; allowed are 'euclidean' and 'cosine'"):
        k_center(LINE, torch.full((4,), -1), 1, rng(), metric="manhattan")
    with pytest.raises(BadScores, match="5 picks were asked for, but 4 rows are open"):
        k_center(LINE, torch.full((4,), -1), 5, rng())
