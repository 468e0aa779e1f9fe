from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from activeloop.errors import ConfigError
from activeloop.report.curves import by_cost, read_records
from activeloop.report.table import overview
from activeloop.report.write import write_report
from activeloop.store.journal import Journal

from .conftest import WriteRun, events


def write(folder: Path, strategy: str, seed: int, accuracies: dict[int, float], each: float | None) -> None:
    """A run whose answers cost `each`; those of the second query have it noted twice, the second time right."""
    with Journal(folder) as journal:
        for event in events(strategy, seed, accuracies):
            if event["event"] == "told" and each is not None:
                rows = list(event["answers"])  # type: ignore[call-overload]
                noted = {"event": "noted", "query": event["query"]}
                if event["query"] == "q0001":
                    journal.append({**noted, "notes": {row: {"cost": 99} for row in rows}})  # type: ignore[dict-item]
                journal.append({**noted, "notes": {row: {"cost": each} for row in rows}})  # type: ignore[dict-item]
            journal.append(event)  # type: ignore[arg-type]


def test_curves_over_cost_stand_where_the_answers_before_a_measure_had_been_paid(tmp_path: Path) -> None:
    write(tmp_path / "runs/a", "margin", 0, {10: 0.5, 20: 0.7}, 0.1)
    write(tmp_path / "runs/b", "random", 0, {10: 0.5, 20: 0.6}, 2)
    found = [(point.strategy, point.labels, point.value) for point in by_cost(read_records(tmp_path))
             if point.metric == "accuracy"]  # fmt: skip

    assert found == [("margin", 1, 0.5), ("margin", 2, 0.7), ("random", 20, 0.5), ("random", 40, 0.6)]


def test_a_report_over_cost_has_files_of_its_own_and_says_cost(tmp_path: Path) -> None:
    for seed in (0, 1):
        write(tmp_path / f"runs/a{seed}", "margin", seed, {10: 0.5, 20: 0.7, 30: 0.95}, 0.25)
        write(tmp_path / f"runs/b{seed}", "random", seed, {10: 0.5, 20: 0.6, 30: 0.7}, 0.25)
    write_report(tmp_path)
    before = (tmp_path / "summary.json").read_bytes()
    said = overview(write_report(tmp_path, x="cost"))

    assert "Accuracy at equal cost, on straight lines between measures" in said
    assert "cost 2.5" in said.splitlines()[1]
    assert "cost 3.75" in said.splitlines()[1]  # between measures: 0.6 and 0.55, on straight lines
    assert "0.600 ± 0.000" in said
    assert "0.550 ± 0.000" in said
    assert "cost to 0.9" in said
    assert "labels" not in said.replace("labels bought", "")
    with (tmp_path / "curves-by-cost.csv").open(newline="") as lines:
        assert [line["cost"] for line in csv.DictReader(lines)][:1] == ["2.5"]
    summary = json.loads((tmp_path / "summary-by-cost.json").read_text())
    assert summary["x"] == "cost"
    assert (tmp_path / "curves-by-cost.png").exists()
    assert (tmp_path / "summary.json").read_bytes() == before


def test_answers_without_a_cost_are_named(tmp_path: Path, write_journal: WriteRun) -> None:
    write_journal("random", 0, {10: 0.5})

    with pytest.raises(ConfigError, match="10 of 10 answers to q0000 of random-0 have no cost; the first is of row 0"):
        write_report(tmp_path, x="cost")
