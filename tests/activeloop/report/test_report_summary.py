from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from activeloop.report.curves import Point
from activeloop.report.summary import Saving, StrategySummary, Summary, summarise, write_json
from activeloop.report.table import table


def points(strategy: str, seed: int, curve: Mapping[int, float], metric: str = "accuracy") -> list[Point]:
    return [Point(strategy, seed, i, labels, metric, value) for i, (labels, value) in enumerate(curve.items())]


def named(summary: Summary, strategy: str) -> StrategySummary:
    return next(each for each in summary.strategies if each.strategy == strategy)


def saving(summary: Summary, strategy: str) -> Saving:
    against = named(summary, strategy).against
    assert against is not None
    return against.saving


RANDOM = [points("random", seed, {10: 0.5, 20: 0.6 + seed / 100, 30: 0.7}) for seed in range(4)]
ENTROPY = [points("entropy", seed, {10: 0.5, 20: 0.8 + seed / 50, 30: 0.9}) for seed in range(4)]
COMPARISON = [point for run in RANDOM + ENTROPY for point in run]


def test_a_strategy_above_the_baseline_at_every_seed_is_better() -> None:
    summary = summarise(COMPARISON, target=0.65)

    against = named(summary, "entropy").against

    assert [each.strategy for each in summary.strategies] == ["entropy", "random"]
    assert named(summary, "random").against is None
    assert against is not None
    assert against.verdict == "better"
    # at 20 labels 0.2, 0.21, 0.22, 0.23 above, at 30 labels 0.2: areas differ by half of that, plus 0.05
    assert against.area is not None
    assert against.area.mean == pytest.approx(0.215 / 2 + 0.05)


def test_swapping_the_baseline_turns_better_into_worse() -> None:
    against = named(summarise(COMPARISON, baseline="entropy"), "random").against

    assert against is not None
    assert against.verdict == "worse"


def test_less_loss_is_better() -> None:
    losses = [Point(p.strategy, p.seed, p.round, p.labels, "loss", 1 - p.value) for p in COMPARISON]

    summary = summarise(losses, metric="loss", target=0.35)

    assert [each.strategy for each in summary.strategies] == ["entropy", "random"]
    against = named(summary, "entropy").against
    assert against is not None
    assert against.verdict == "better"
    assert named(summary, "entropy").reached[0] == pytest.approx(15)


def test_one_seed_tells_nothing_apart_and_has_no_interval() -> None:
    summary = summarise(RANDOM[0] + ENTROPY[0])

    entropy = named(summary, "entropy")

    assert entropy.final.low is None
    assert entropy.against is not None
    assert (entropy.against.p, entropy.against.p_holm) == (None, None)
    assert entropy.against.verdict == "cannot be told apart"
    assert "0.900 ± –" in table(summary)


def test_only_seeds_that_both_have_are_paired() -> None:
    summary = summarise([point for run in RANDOM[:2] + ENTROPY[1:] for point in run])

    assert saving(summary, "entropy").pairs == 1


def test_areas_are_compared_over_the_labels_that_both_runs_saw() -> None:
    # up to 20 labels the two are equal; what random reached later must not count against entropy
    random_run, entropy_run = {10: 0.5, 20: 0.6, 30: 0.9}, {10: 0.5, 20: 0.6}

    summary = summarise(points("random", 0, random_run) + points("entropy", 0, entropy_run))

    against = named(summary, "entropy").against
    assert against is not None
    assert against.area is not None
    assert against.area.mean == pytest.approx(0.0)
    assert not summary.is_even


def test_labels_saved_are_paired_by_seed() -> None:
    runs = points("random", 0, {10: 0.5, 30: 0.7}) + points("random", 1, {10: 0.5, 50: 0.7})
    runs += points("entropy", 0, {10: 0.5, 20: 0.7}) + points("entropy", 1, {10: 0.5, 20: 0.7})

    saved = saving(summarise(runs, target=0.7), "entropy")

    assert saved.labels is not None
    assert (saved.labels.mean, saved.reached_both, saved.at_least) == (20, 2, None)


def test_where_the_baseline_never_arrives_the_saving_is_a_bound() -> None:
    summary = summarise(COMPARISON, target=0.85)

    saved = saving(summary, "entropy")

    assert (saved.labels, saved.pairs, saved.reached_both, saved.reached_alone) == (None, 4, 0, 4)
    # seeds reach 0.85 between 20 and 30 labels; random's runs end at 30
    reached = [labels for labels in named(summary, "entropy").reached.values() if labels is not None]
    assert saved.at_least == pytest.approx(30 - sum(reached) / 4)
    assert named(summary, "random").median_labels is None
    assert "> 30" in table(summary)
    assert "≥ " in table(summary)


def test_a_pair_where_only_the_baseline_arrived_gives_no_bound() -> None:
    runs = points("random", 0, {10: 0.5, 30: 0.7}) + points("entropy", 0, {10: 0.5, 30: 0.6})

    saved = saving(summarise(runs, target=0.7), "entropy")

    assert (saved.labels, saved.at_least, saved.missed_alone) == (None, None, 1)


def test_curves_measured_at_other_label_counts_meet_on_straight_lines() -> None:
    runs = points("random", 0, {10: 0.4, 30: 0.8}) + points("random", 1, {10: 0.4, 20: 0.4, 30: 0.8})

    curve = named(summarise(runs), "random").curve

    assert [(point.labels, point.seeds) for point in curve] == [(10, 2), (20, 2), (30, 2)]
    assert curve[1].mean == pytest.approx((0.6 + 0.4) / 2)


def test_a_seed_that_got_less_far_is_missing_from_the_mean_there() -> None:
    runs = points("random", 0, {10: 0.4, 20: 0.6, 30: 0.8}) + points("random", 1, {10: 0.4, 20: 0.5})

    random_ = named(summarise(runs), "random")

    assert [point.seeds for point in random_.curve] == [2, 2, 1]
    assert random_.final.labels == 20
    assert random_.final.mean == pytest.approx(0.55)


def test_the_later_round_counts_where_two_have_equally_many_labels() -> None:
    run = [*points("random", 0, {10: 0.4, 20: 0.8}), Point("random", 0, 2, 20, "accuracy", 0.7)]

    assert named(summarise(run), "random").final.mean == 0.7


def test_order_of_points_is_irrelevant() -> None:
    shuffled = random.Random(0).sample(COMPARISON, len(COMPARISON))

    assert summarise(shuffled) == summarise(COMPARISON)


def test_without_the_baseline_nothing_is_compared() -> None:
    summary = summarise([point for run in ENTROPY for point in run])

    assert named(summary, "entropy").against is None
    assert "entropy" in table(summary)


def test_nothing_measured_yet_is_said() -> None:
    assert table(summarise([])) == "No model has been measured by accuracy yet."


def test_table_fits_120_columns_and_its_columns_line_up() -> None:
    names = ["a-strategy-with-a-very-long-name-indeed", "random", "b"]
    runs = [
        points(name, s, {k: 0.5 + k / 1e5 + s / 100 for k in range(10, 20010, 1000)}) for name in names for s in (0, 1)
    ]

    lines = table(summarise([point for run in runs for point in run])).splitlines()

    assert max(map(len, lines)) <= 120
    assert len({len(line) for line in lines[1:5]}) == 1
    assert "10 labels" in lines[1]
    assert "19010 labels" in lines[1]


def test_json_holds_null_for_what_is_not_known(tmp_path: Path) -> None:
    write_json(summarise(RANDOM[0]), tmp_path / "summary.json")

    read = json.loads((tmp_path / "summary.json").read_text())

    assert read["strategies"][0]["final"]["low"] is None
    assert read["strategies"][0]["reached"] == {"0": None}
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]
