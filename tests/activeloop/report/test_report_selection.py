from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop.report.selection import Selection, entropy, nearest, nmi, share_of, summarise, text, write

LINE = torch.tensor([[0.0], [1.0], [2.0], [6.0], [10.0]])


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def on_the_line(rows: Sequence[int], held: Sequence[int] = (), **more: Any) -> Selection:
    mask = np.zeros(5, dtype=np.bool_)
    mask[list(held)] = True
    return Selection("k-center", "a line", np.array(rows, dtype=np.int64), LINE, mask, **more)


def pool(**more: Any) -> Selection:
    """60 rows of two blobs with everything known of them; ten picked, just behind the hardest tenth."""
    rng = chance(4)
    truth = np.repeat([0, 1], 30)
    difficulty = rng.permutation(60).astype(np.float64)
    order = np.argsort(-difficulty)
    found = Selection(
        strategy="elfs",
        features_from="two blobs, 4 dimensions",
        rows=order[6:16],
        features=torch.from_numpy(rng.normal(size=(60, 4)) + 5 * truth[:, None]).float(),
        held=np.isin(np.arange(60), order[[0, 40]]),
        classes=("cat", "dog"),
        reference=1 - truth,
        difficulty=difficulty,
        cutoff=0.1,
        notes={"reference": {"sizes": [30, 30], "occupied": 2}, "difficulty": {"what": "a made-up order"}},
        truth=truth,
        images=images,
    )
    return replace(found, **more)


def images(rows: Sequence[int]) -> Tensor:
    return torch.stack([torch.full((1, 6, 8), row / 60) for row in rows])


def part(summary: Mapping[str, object], name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", summary[name])


def test_coverage_is_the_distance_to_the_nearest_row_picked_or_labelled() -> None:
    coverage = part(summarise(on_the_line([0, 4])), "coverage")

    assert coverage == {"radius": 4, "mean": (0 + 1 + 2 + 4 + 0) / 5, "duplicates": 0}
    assert part(summarise(on_the_line([0, 4], held=[3])), "coverage")["radius"] == 2


def test_distances_agree_with_all_pairs_far_from_the_origin() -> None:
    points = torch.from_numpy(chance().normal(size=(5000, 3)) + 1000).float()
    centres = chance(1).permutation(5000)[:40]

    expected = torch.cdist(points.double(), points[torch.from_numpy(centres)].double()).amin(dim=1)

    np.testing.assert_allclose(nearest(points, centres), expected.numpy(), atol=1e-3)


def test_distances_go_on_over_blocks_of_centres(monkeypatch: pytest.MonkeyPatch) -> None:
    points, centres = torch.from_numpy(chance().normal(size=(50, 3))).float(), np.arange(0, 50, 3)
    whole = nearest(points, centres)

    monkeypatch.setattr("activeloop.report.selection.CENTRE_BLOCK", 4)
    monkeypatch.setattr("activeloop.report.selection.ROW_BLOCK", 7)

    np.testing.assert_allclose(nearest(points, centres), whole, rtol=1e-6)
    assert (whole[centres] == 0).all()


def test_a_pick_is_a_duplicate_of_an_earlier_pick_or_of_a_labelled_row() -> None:
    same = torch.tensor([[1.0], [1.0], [2.0], [2.0], [3.0]])

    duplicates = part(summarise(replace(on_the_line([1, 2, 3, 4], held=[0]), features=same)), "coverage")["duplicates"]

    assert duplicates == 2  # row 1 repeats the labelled row 0, and row 3 the pick before it


def test_entropy_is_one_where_even_and_zero_where_all_are_of_one_class() -> None:
    assert entropy(np.array([7, 7, 7])) == pytest.approx(1)
    assert entropy(np.array([9, 0, 0])) == 0
    quarter = 0.25 * math.log(4) + 0.75 * math.log(4 / 3)
    assert entropy(np.array([1, 3])) == pytest.approx(quarter / math.log(2))
    assert entropy(np.array([5])) is None


def test_classes_of_the_picks_are_counted_and_the_unknown_are_not() -> None:
    truth = np.array([0, 0, 1, -1, 2])

    found = part(summarise(on_the_line([0, 1, 3, 4], truth=truth, classes=("a", "b", "c"))), "true_classes")

    assert found["picks_per_class"] == [2, 0, 1]
    assert found["note"] == "seen by this report alone"


def test_clusters_that_are_the_classes_under_other_names_agree_wholly() -> None:
    truth = np.array([0, 0, 1, 1, -1])

    assert nmi(np.array([5, 5, 2, 2, 0]), truth) == pytest.approx(1)
    assert nmi(np.array([0, 1, 0, 1, 0]), truth) == pytest.approx(0, abs=1e-9)


def test_the_window_tells_ranks_from_the_hard_end() -> None:
    difficulty = np.array([0.1, 0.5, 0.9, 0.5, 0.3])

    window = part(summarise(on_the_line([1, 4], difficulty=difficulty, cutoff=0.2)), "window")

    assert (window["hardest_rank"], window["easiest_rank"], window["rows"]) == (2, 4, 3)  # row 3 lies in it, not picked
    assert (window["hardest"], window["easiest"], window["dropped"]) == (0.5, 0.3, 1)


def test_a_cutoff_drops_the_whole_part_that_is_meant() -> None:
    assert [share_of(0.29, 100), share_of(0.1, 30), share_of(0.15, 10)] == [29, 3, 1]


def test_truth_changes_nothing_but_what_is_said_of_truth() -> None:
    with_truth, without = summarise(pool()), summarise(pool(truth=None))

    assert {name for name in with_truth if with_truth[name] != without[name]} == {"true_classes", "nmi"}


def test_the_text_is_at_most_100_columns_and_names_the_features_and_the_score() -> None:
    many = {f"0.{i}": i / 7 for i in range(30)}
    notes = {"difficulty": {"what": "the distance to a boundary " * 9}, "cutoff": {"grid": many, "by": None}}
    said = text(summarise(pool(notes=notes, strategy="someone:else " * 20)))

    assert max(map(len, said.splitlines())) <= 100
    assert "two blobs, 4 dimensions" in said
    assert "the distance to a boundary" in said


def test_the_text_says_what_is_known_and_no_more() -> None:
    bare = Selection("random", "pixels", np.array([2]), None, np.zeros(5, dtype=np.bool_))

    assert text(summarise(bare)) == "random: 1 of 5 rows picked, seed 0\nfeatures      pixels"


def test_all_is_written_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    paths = write(pool(), tmp_path)
    before = {path: path.read_bytes() for path in paths}

    assert write(pool(), tmp_path) == paths
    assert {path: path.read_bytes() for path in paths} == before
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(paths)
    assert {path.name for path in tmp_path.iterdir()} == {
        "selection.json", "projection.png", "sheet.png", "difficulty.png", "classes.png", "tb",
    }  # fmt: skip
    assert paths[-1].name == "selection.json"


def test_the_json_has_no_nan(tmp_path: Path) -> None:
    notes = {"cutoff": {"grid": {"0.1": math.nan, "0.2": math.inf}, "seen": np.float64(0.5), "by": (1, math.nan)}}
    write(pool(notes=notes, images=None), tmp_path)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = json.loads((tmp_path / "selection.json").read_text(), parse_constant=refuse)
    assert found["notes"]["cutoff"] == {"grid": {"0.1": None, "0.2": None}, "seen": 0.5, "by": [1, None]}


def test_a_picture_that_the_new_selection_has_not_is_taken_away(tmp_path: Path) -> None:
    write(pool(), tmp_path)

    write(pool(images=None, features=None), tmp_path)

    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        "selection.json", "difficulty.png", "classes.png",
    }  # fmt: skip


def test_nothing_is_written_where_a_picture_cannot_be_drawn(tmp_path: Path) -> None:
    def broken(rows: Sequence[int]) -> Tensor:
        raise OSError("no such image")

    with pytest.raises(OSError, match="no such image"):
        write(pool(images=broken), tmp_path / "report")

    assert not (tmp_path / "report").exists()
