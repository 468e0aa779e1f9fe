from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from activeloop.report.conditions import conditions
from activeloop.report.study import Needed, Study, study, write_study

WriteRun = Callable[..., Path]


def needed(found: Study, strategy: str, condition: int = 0, target: int = 0) -> Needed:
    return next(each for each in found.conditions[condition].targets[target].needed if each.strategy == strategy)


@pytest.fixture
def two_starts(write_journal: WriteRun, tmp_path: Path) -> Path:
    """random and entropy, three seeds, from two starts."""
    for start, gain in (("random", 0.0), ("k-center", 0.05)):
        for seed in (0, 1, 2):
            bend = {10: 0.5 + gain, 20: 0.6 + gain, 30: 0.7 + gain + seed / 100}
            write_journal("random", seed, bend, f"r-{start}-{seed}", start=start)
            bend = {10: 0.5 + gain, 20: 0.8 + gain + seed / 50, 30: 0.9}
            write_journal("entropy", seed, bend, f"e-{start}-{seed}", start=start)
    return tmp_path


def test_a_study_holds_every_condition_and_is_json(two_starts: Path) -> None:
    found = study(conditions([two_starts]), target=0.65, more_targets=(0.7, 0.99))
    write_study(found, two_starts / "study.json")

    assert [each.name for each in found.conditions] == ["start k-center", "start random"]
    assert [target.value for target in found.conditions[0].targets] == [0.65, 0.7, 0.99]
    read = json.loads((two_starts / "study.json").read_text())
    assert read["conditions"][0]["summary"]["strategies"][0]["final"]["mean"] == pytest.approx(0.9)
    assert read["conditions"][0]["targets"][2]["needed"][0]["median"] is None


def test_labels_to_a_target_by_hand(two_starts: Path) -> None:
    found = study(conditions([two_starts]), target=0.7)

    # random from a random start: 0.7, 0.71, 0.72 at 30 labels after 0.6 at 20
    random = needed(found, "random", condition=1)
    assert random.reached == pytest.approx({0: 30, 1: 20 + 10 / 1.1, 2: 20 + 10 / 1.2})
    assert random.median == pytest.approx(20 + 10 / 1.1)
    assert random.mean is not None
    assert random.mean.mean == pytest.approx((30 + 20 + 10 / 1.1 + 20 + 10 / 1.2) / 3)
    assert random.enough is not None
    assert random.enough > 30
    assert random.saving is None
    assert needed(found, "entropy", condition=1).saving is not None


def test_a_target_that_some_runs_missed_has_no_mean(two_starts: Path) -> None:
    missed = needed(study(conditions([two_starts]), target=0.715), "random", condition=1)

    assert missed.reached[0] is None
    assert (missed.mean, missed.enough, missed.median_high) == (None, None, None)


def test_one_condition_has_nothing_across(two_starts: Path) -> None:
    found = study(conditions([two_starts], ["start"]))

    assert len(found.conditions) == 1
    assert found.across is None


def test_across_conditions_penalties_add_up_and_shared_data_is_doubted(two_starts: Path) -> None:
    found = study(conditions([two_starts]))

    assert found.across is not None
    assert found.across.penalties.conditions == 2
    # of three budgets the first is equal; entropy wins at 20 and 30 labels of both starts
    assert found.across.penalties.matrix == ((None, pytest.approx(4 / 3)), (0.0, None))
    assert found.across.ranking is not None
    assert found.across.ranking.ranks == (1.0, 2.0)
    assert "they share data" in str(found.across.ranking.trust)


def test_where_the_baseline_has_several_lines_the_first_stands_for_it(two_starts: Path) -> None:
    found = study(conditions([two_starts], ["start"]))

    summary = found.conditions[0].summary
    assert summary.baseline == "random"
    assert sum(each.against is None for each in summary.strategies) == 1


def test_nothing_measured_yet_is_a_study_too(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("random", 0, {})

    found = study(conditions([tmp_path]))

    assert found.conditions[0].summary.strategies == ()
    assert found.conditions[0].pairs == ()
