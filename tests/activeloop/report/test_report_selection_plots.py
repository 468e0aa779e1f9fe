from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.report import selection_plots as plots
from activeloop.report.selection import Selection
from activeloop.report.sheet import CELL, GAP, TOP, sheet, thumbnails


def blobs(n: int = 150, picks: int = 12, strategy: str = "k-means", classes: int = 3, seed: int = 0) -> Selection:
    """Far apart, as many as classes; picks drawn by the seed."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % classes
    return Selection(
        strategy=strategy,
        features_from="blobs, 6 dimensions",
        rows=rng.permutation(n)[:picks],
        features=torch.from_numpy(np.random.default_rng(9).normal(size=(n, 6)) + 20 * truth[:, None]).float(),
        held=np.zeros(n, dtype=np.bool_),
        classes=tuple(f"class {i}" for i in range(classes)),
        truth=truth,
    )


def size(png: bytes) -> tuple[int, int]:
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG"
    return picture.size


def test_all_picks_are_shown_among_rows_drawn_by_the_seed() -> None:
    selection = blobs()

    rows = plots.shown([selection], 50, 50)

    assert len(rows) == len(set(rows.tolist())) == 50
    assert set(selection.rows.tolist()) <= set(rows.tolist())
    assert rows.tolist() == sorted(rows.tolist()) == plots.shown([selection], 50, 50).tolist()
    assert rows.tolist() != plots.shown([replace(selection, seed=1)], 50, 50).tolist()


def test_of_many_picks_the_first_of_each_selection_are_shown() -> None:
    several = [blobs(picks=100, seed=seed) for seed in (0, 1)]

    rows = plots.shown(several, 60, 40)

    assert len(rows) == 60
    assert all(set(each.rows[:20].tolist()) <= set(rows.tolist()) for each in several)


def test_a_map_is_the_same_for_the_same_seed_and_keeps_blobs_together() -> None:
    selection = blobs()
    assert selection.features is not None
    assert selection.truth is not None
    rows = np.arange(150)

    found = plots.map_of(selection.features, rows, seed=3)

    np.testing.assert_array_equal(found.points, plots.map_of(selection.features, rows, seed=3).points)
    gaps = np.linalg.norm(found.points[:, None] - found.points[None], axis=2) + np.diag(np.full(150, np.inf))
    assert (selection.truth[gaps.argmin(axis=1)] == selection.truth).all()


def test_a_map_gives_points_in_the_order_asked_and_leaves_out_rows_that_it_has_not() -> None:
    found = plots.Map(np.array([1, 4, 9]), np.array([[1, 1], [4, 4], [9, 9]], dtype=np.float32), "")

    assert found.of(np.array([9, 0, 1, 12])).tolist() == [[9, 9], [1, 1]]


def test_two_features_are_mapped_by_a_rotation() -> None:
    points = torch.tensor([[3.0, 0.0], [0.0, 1.0], [-3.0, 0.0], [0.0, -1.0]])

    found = plots.map_of(points, np.arange(4), seed=0, method="pca").points

    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [3, 1, 3, 1], rtol=1e-5)


@pytest.mark.parametrize("features", [torch.zeros(30, 4), torch.arange(30.0)[:, None], torch.ones(1, 3)])
def test_features_that_span_no_plane_are_mapped_too(features: Tensor) -> None:
    rows = np.arange(len(features))

    assert np.isfinite(plots.map_of(features, rows, seed=0).points).all()


@pytest.mark.parametrize("picks", [0, 1, 12, 60])
def test_any_number_of_picks_can_be_drawn(picks: int) -> None:
    assert min(size(plots.projection(blobs(picks=picks), "pca"))) > 600


def test_several_selections_share_one_map(tmp_path: Path) -> None:
    several = [blobs(strategy=name, seed=seed) for seed, name in enumerate(("random", "k-means", "k-center", "elfs"))]

    plots.projections(several, tmp_path / "all.png", "pca")

    wide, high = size((tmp_path / "all.png").read_bytes())
    assert wide > 1200
    assert high > 1200


def test_selections_from_other_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="of the same rows"):
        plots.projections([blobs(), blobs(n=90, strategy="random")], tmp_path / "all.png")
    with pytest.raises(ConfigError, match="none of the selections has features"):
        plots.projections([replace(blobs(), features=None)], tmp_path / "all.png")


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_bars_can_be_drawn_for_few_and_many_classes(classes: int) -> None:
    selection = blobs(n=400, picks=100, classes=classes)

    one, two = (size(plots.classes(each)) for each in (selection, replace(selection, reference=selection.truth)))

    assert two[1] > one[1] > 400
    assert one[0] > (2000 if classes == 100 else 1000)


def hard(values: Sequence[float], picks: Sequence[int], cutoff: float | None, **more: object) -> Selection:
    found = replace(blobs(n=len(values)), rows=np.array(picks, dtype=np.int64), difficulty=np.array(values, float))
    return replace(found, cutoff=cutoff, **more)  # type: ignore[arg-type]


def test_the_hard_end_is_what_the_cutoff_drops_and_of_ties_what_was_not_picked() -> None:
    selection = hard([5, 9, 7, 7, 1], [2], 0.4)
    assert selection.difficulty is not None

    out, cut = plots._hard_end(selection, selection.difficulty)

    assert np.flatnonzero(out).tolist() == [1, 3]
    assert cut == 7


def test_with_a_quota_each_cluster_has_its_own_hard_end() -> None:
    selection = hard([9, 8, 7, 3, 2, 1], [1, 4], 1 / 3, reference=np.array([0, 0, 0, 1, 1, 1]))
    assert selection.difficulty is not None

    out, cut = plots._hard_end(selection, selection.difficulty)

    assert np.flatnonzero(out).tolist() == [0, 3]
    assert cut is None


def test_bins_have_an_edge_at_the_cutoff_and_hold_every_pick() -> None:
    values = np.r_[np.linspace(0, 1, 998), 50.0, 80.0]
    picked = values == 50

    edges = plots._edges(values, picked, 0.7)

    assert np.abs(edges - 0.7).min() < 1e-9
    assert edges[0] <= 0.01
    assert 50 <= edges[-1] < 60


@pytest.mark.parametrize(
    ("values", "picks", "cutoff"),
    [(range(50), [20, 21], 0.3), (range(50), [], 0.0), ([1] * 50, [20], 0.3), ([2**i for i in range(50)], [20], None)],
)
def test_any_difficulty_can_be_drawn(values: Sequence[float], picks: Sequence[int], cutoff: float | None) -> None:
    assert min(size(plots.difficulty(hard(values, picks, cutoff)))) > 600


def squares(rows: Sequence[int]) -> Tensor:
    """Two by two; the first pixel white, the others black."""
    found = torch.zeros(len(rows), 1, 2, 2)
    found[:, :, 0, 0] = 1
    return found


def test_pixels_of_the_sheet_stay_crisp() -> None:
    png = Image.open(io.BytesIO(sheet(replace(blobs(), images=squares))))

    cell = np.asarray(png)[TOP : TOP + CELL, GAP : GAP + CELL, 0]

    assert set(cell.flatten().tolist()) == {0, 255}
    assert (cell[: CELL // 2, : CELL // 2] == 255).all()
    assert cell.astype(int).sum() == 255 * CELL * CELL // 4


def test_a_sheet_shows_the_first_hundred_picks() -> None:
    asked: list[int] = []

    def watched(rows: Sequence[int]) -> Tensor:
        asked.extend(rows)
        return squares(rows)

    selection = replace(blobs(picks=120), images=watched)

    assert size(sheet(selection))[0] > 1000
    assert asked == selection.rows[:100].tolist()


def test_large_images_are_averaged_and_keep_their_shape() -> None:
    stripes = (torch.arange(200) % 2).float().expand(1, 3, 100, 200)

    (small,) = thumbnails(stripes, 50)

    assert small.shape == (25, 50, 3)
    assert set(small.flatten().tolist()) <= {127, 128}


def test_bytes_and_fractions_make_the_same_thumbnail() -> None:
    grey = torch.tensor([[[[0, 51], [102, 255]]]], dtype=torch.uint8)

    (left,), (right,) = thumbnails(grey, 4), thumbnails(grey.float() / 255, 4)

    assert left.tolist() == right.tolist()
    assert left[::2, ::2, 0].tolist() == [[0, 51], [102, 255]]


def test_what_a_selection_has_not_is_not_drawn() -> None:
    assert set(plots.pictures(replace(blobs(), features=None, truth=None))) == set()
    assert set(plots.pictures(blobs(), "pca")) == {"projection.png", "classes.png"}
