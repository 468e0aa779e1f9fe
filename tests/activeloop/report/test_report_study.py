from __future__ import annotations

import json
from pathlib import Path

import pytest

from activeloop.report.conditions import conditions
from activeloop.report.study import study, write_study


def test_a_study_of_journals_holds_the_summary_of_each_condition_and_is_json(
    write_journal: object, tmp_path: Path
) -> None:
    for seed in (0, 1, 2):
        write_journal("random", seed, {10: 0.5, 20: 0.6, 30: 0.7 + seed / 100})  # type: ignore[operator]
        write_journal("entropy", seed, {10: 0.5, 20: 0.8 + seed / 50, 30: 0.9})  # type: ignore[operator]

    found = study(conditions([tmp_path]), target=0.7)
    write_study(found, tmp_path / "study.json")

    assert [each.strategy for each in found.conditions[0].summary.strategies] == ["entropy", "random"]
    read = json.loads((tmp_path / "study.json").read_text())
    assert read["conditions"][0]["summary"]["strategies"][0]["final"]["mean"] == pytest.approx(0.9)
    assert read["across"] is None
