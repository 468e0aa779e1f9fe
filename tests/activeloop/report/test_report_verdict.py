"""Every sentence from hand-made numbers: what they bear is said, and what they do not bear is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from activeloop.report.conditions import conditions
from activeloop.report.forecast import Forecast
from activeloop.report.pairs import Pair, SeedsNeeded
from activeloop.report.ranks import Ranking
from activeloop.report.statistics import Estimate
from activeloop.report.study import Needed, study
from activeloop.report.summary import Saving, Verdict
from activeloop.report.table import overview
from activeloop.report.verdict import Goal, ahead, how_many, noise, of_ranking, saves

WriteRun = Callable[..., Path]
ACCURACY = Goal("accuracy", 0.9)
NO_SAVING = Saving(None, None, 5, 0, 0)


def needed(
    reached: Mapping[int, float | None],
    mean: Estimate | None = None,
    enough: float | None = None,
    median: float | None = None,
    saving: Saving | None = None,
    strategy: str = "margin",
) -> Needed:
    return Needed(strategy, reached, median, None, None, mean, enough, saving)


def pair(first: str, second: str, seeds: int | None, verdict: Verdict = "cannot be told apart") -> Pair:
    area = Estimate(0.01, -0.01, 0.03, 5)
    return Pair(first, second, area, 0.2, 0.2, NO_SAVING, verdict, SeedsNeeded(seeds, 5, None))


def predicted(labels: float | None, low: float | None, high: float | None, trust: str | None = None) -> Forecast:
    return Forecast("margin", 1.0, 0.5, 0.0, labels, low, high, False, None, (), None, trust)


RANDOM = needed({0: 390.0, 1: 410.0}, mean=Estimate(400.0, 380.0, 420.0, 2), strategy="random")


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        (Goal("accuracy", 0.9), "90 % accuracy"),
        (Goal("accuracy", 0.955), "95.5 % accuracy"),
        (Goal("balanced_accuracy", 0.8), "80 % balanced accuracy"),
        (Goal("loss", 0.35), "a loss of 0.35"),
        (Goal("error", 0.1), "an error of 0.1"),
    ],
)
def test_a_target_in_words(goal: Goal, said: str) -> None:
    assert str(goal) == said


def test_labels_and_costs_and_ranges_in_words() -> None:
    assert ACCURACY.many(1234.4) == "1,234 labels"
    assert Goal("accuracy", 0.9, "cost").many(12.34) == "a cost of 12.3"
    assert ACCURACY.between(80.2, 140.4) == "80–140"
    assert ACCURACY.between(80.2, 80.4) == "80"
    assert ACCURACY.between(80.0, None) == "80 or more"


def test_what_is_saved_of_what_the_baseline_needs() -> None:
    saving = Saving(Estimate(110.0, 80.0, 140.0, 5), None, 5, 0, 0)

    assert saves(needed({}, saving=saving), RANDOM, ACCURACY) == [
        "With 95 % confidence margin saves 80–140 of the 400 labels that random needs to reach 90 % accuracy."
    ]
    assert saves(needed({}, saving=saving), RANDOM, Goal("accuracy", 0.9, "cost")) == [
        "With 95 % confidence margin saves 80–140 of the cost of 400 that random needs to reach 90 % accuracy."
    ]


def test_what_is_needed_more_and_what_is_open() -> None:
    more = Saving(Estimate(-30.0, -50.0, -10.0, 5), None, 5, 0, 0)
    open_ = Saving(Estimate(10.0, -20.0, 40.0, 5), None, 5, 0, 0)

    assert saves(needed({}, saving=more), RANDOM, ACCURACY) == [
        "With 95 % confidence margin needs 10–50 labels more than the 400 labels of random to reach 90 % accuracy."
    ]
    assert saves(needed({}, saving=open_), RANDOM, ACCURACY) == [
        "Whether margin saves labels is open: to reach 90 % accuracy it may take 40 less than random or 20 more"
        " (95 % confidence)."
    ]


def test_as_many_labels_at_every_seed_save_nothing() -> None:
    even = Saving(Estimate(0.0, 0.0, 0.0, 5), None, 5, 0, 0)

    assert saves(needed({}, saving=even), RANDOM, ACCURACY) == [
        "margin saves nothing to reach 90 % accuracy: at every seed it got there with as many labels as random."
    ]


def test_one_seed_has_no_confidence() -> None:
    one = Saving(Estimate(29.0, None, None, 1), None, 1, 0, 0)

    assert saves(needed({}, saving=one), RANDOM, ACCURACY) == [
        "With the one seed that both have, margin needed 29 labels fewer than random."
    ]


def test_censored_savings_are_a_bound_or_nothing() -> None:
    bound, mixed = Saving(None, 63.0, 5, 2, 0), Saving(Estimate(20.0, 5.0, 35.0, 2), None, 5, 1, 1)

    assert saves(needed({}, saving=bound), RANDOM, ACCURACY) == [
        "margin saves at least 63 labels on average to reach 90 % accuracy: random did not get there with 2 of 5 seeds."
    ]
    assert saves(needed({}, saving=mixed), RANDOM, ACCURACY) == [
        "What is saved to reach 90 % accuracy cannot be said: margin got there with 3 of 5 seeds, random with 3."
    ]
    assert saves(needed({}, saving=NO_SAVING), RANDOM, ACCURACY) == [
        "Neither margin nor random reached 90 % accuracy, so that nothing is known of what is saved."
    ]
    assert saves(needed({}), RANDOM, ACCURACY) == []


def test_what_to_buy_on_average_and_to_be_sure() -> None:
    all_there = needed({0: 60.0, 1: 94.0}, Estimate(77.0, 56.0, 98.0, 2), 116.0)

    assert how_many("margin", all_there, None, ACCURACY, 150) == [
        "To reach 90 % accuracy, margin needs 77 labels on average (56–98); to be 95 % sure of it in a single run, plan 116"
        " labels."
    ]
    assert how_many("margin", needed({0: 60.0}), None, ACCURACY, 150) == [
        "The one run of margin reached 90 % accuracy after 60 labels; another may need more."
    ]


def test_what_some_or_none_reached_is_forecast_with_its_doubts() -> None:
    some = needed({0: 60.0, 1: 94.0, 2: None}, median=94.0)
    none = needed({0: None, 1: None})

    assert how_many("margin", some, predicted(180, 120, 300), ACCURACY, 150) == [
        "2 of 3 runs of margin reached 90 % accuracy within 150 labels, half of all by 94 labels.",
        "By the forecast margin would need about 180 labels (120–300).",
    ]
    assert how_many("margin", none, predicted(900, 400, None, "it lies far out"), ACCURACY, 150) == [
        "None of the 2 runs of margin reached 90 % accuracy within 150 labels.",
        "By the forecast margin would need about 900 labels (400 or more). Do not rely on it: it lies far out.",
    ]
    assert how_many("margin", needed({0: None}), predicted(None, None, None, "too few"), ACCURACY, 150) == [
        "The one run of margin did not reach 90 % accuracy within 150 labels.",
        "How many it would need cannot be forecast: too few.",
    ]


def test_a_forecast_of_what_was_reached_is_not_told() -> None:
    there = Forecast("margin", 1.0, 0.5, 0.0, 60.0, 50.0, 70.0, True, None, (), None, None)

    assert ahead("margin", there, ACCURACY) == []


def test_noise_names_the_seeds_that_would_tell() -> None:
    pairs = [pair("margin", "bald", 14), pair("margin", "random", 9, "better"), pair("bald", "entropy", 18),
             pair("bald", "random", None), pair("entropy", "random", 7), pair("entropy", "el2n", 8)]  # fmt: skip

    assert noise(pairs, "margin") == [
        "Seeds that would be needed to tell margin apart: about 14 from bald.",
        "bald and entropy cannot be told apart with 5 seeds: about 18 would be needed.",
        "bald and random cannot be told apart with 5 seeds: if they differ at all, more than 1,000 would be needed.",
        "Nor can 2 other pairs.",
    ]
    assert noise([], "margin") == []


def test_ranks_that_differ_and_ranks_that_may_be_chance() -> None:
    found = Ranking("conditions", 12, ("a", "b", "c"), (1.1, 1.5, 2.4), 0.001, 0.6, (("a", "b"),), (), None)
    chance = Ranking("conditions", 2, ("a", "b"), (1.0, 2.0), 0.2, 1.4, (("a", "b"),), (), "2 conditions are few")

    assert of_ranking(found) == [
        "Over 12 conditions strategies differ by more than chance (Friedman test, p = 0.001). a ranks first and clearly before"
        " c; from b it cannot be told apart."
    ]
    assert of_ranking(chance) == [
        "Over 2 conditions the ranks of the strategies may differ by chance alone (Friedman test, p = 0.2; 2 conditions are"
        " few)."
    ]
    assert of_ranking(None) == []


def curve(at_20: float) -> dict[int, float]:
    return {10: 0.5, 20: at_20, 30: 0.9, 40: 0.92}


def test_a_clear_winner_is_called_one(write_journal: WriteRun, tmp_path: Path) -> None:
    for seed in range(5):
        write_journal("margin", seed, curve(0.85 + seed / 100))
        write_journal("random", seed, curve(0.60 + seed / 200))

    said = study(conditions([tmp_path]), target=0.7).verdict

    assert said[0] == (
        "margin is the best of 2 strategies: over the whole budget it lies above the other by more than chance explains (5"
        " seeds)."
    )
    assert said[2].startswith("With 95 % confidence margin saves")
    assert said[-1] == "10 runs are not finished: this is as of now."


def test_one_strategy_one_seed_and_nothing_measured(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("margin", 0, {})
    assert study(conditions([tmp_path])).verdict == ("No model has been measured by accuracy yet.",)

    write_journal("margin", 0, curve(0.7))
    assert study(conditions([tmp_path])).verdict[0] == "Only margin was run: there is nothing to compare it with."

    write_journal("random", 0, curve(0.6))
    assert study(conditions([tmp_path])).verdict[0] == (
        "margin did best over the whole budget, but with one seed that may be chance: run 5 or more."
    )


@pytest.fixture
def two_starts(write_journal: WriteRun, tmp_path: Path) -> Path:
    for start, best in (("random", "margin"), ("k-center", "random")):
        for seed in range(3):
            for strategy in ("margin", "random"):
                at_20 = (0.8 if strategy == best else 0.6) + seed / 100
                write_journal(strategy, seed, curve(at_20), f"{strategy}-{start}-{seed}", start=start)
    return tmp_path


def test_over_conditions_a_winner_that_depends_is_said_to(two_starts: Path) -> None:
    said = study(conditions([two_starts]), target=0.7).verdict

    assert said[0] == (
        "Which strategy did best depends on the condition: margin in 1 (start random) and random in 1 (start k-center) of 2."
    )
    assert said[1] == "Within a condition that lead is more than chance in 2 of 2 (start k-center; start random)."
    assert said[-1].startswith("start random: To reach 70 % accuracy, margin needs 16 labels on average")


def test_the_overview_has_a_line_per_strategy_and_fits_120_columns(two_starts: Path) -> None:
    lines = overview(study(conditions([two_starts]), target=0.7)).splitlines()

    assert max(map(len, lines)) <= 120
    assert [line.split()[0] for line in lines[2:6]] == ["start", "margin", "start", "random"]
    assert lines[0] == "Accuracy in 2 conditions, against random"


def test_the_overview_of_one_condition_is_its_table(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("margin", 0, curve(0.7))

    assert overview(study(conditions([tmp_path]))).startswith("Accuracy after so many labels")
