from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from activeloop.errors import ConfigError
from activeloop.report.curves import Point, points_of, read_records, write_csv
from activeloop.report.files import read_lines
from activeloop.store.journal import Journal

WriteRun = Callable[..., Path]


def test_curves_are_what_the_journals_measured_in_order(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("random", 1, {10: 0.5})
    write_journal("random", 0, {10: 0.5, 20: 0.75})
    write_journal("entropy", 0, {10: 0.5})

    accuracies = [point for point in points_of(read_records(tmp_path)) if point.metric == "accuracy"]

    assert accuracies == [
        Point("entropy", 0, 0, 10, "accuracy", 0.5),
        Point("random", 0, 0, 10, "accuracy", 0.5),
        Point("random", 0, 1, 20, "accuracy", 0.75),
        Point("random", 1, 0, 10, "accuracy", 0.5),
    ]


def test_a_folder_that_is_itself_a_run_has_one_curve(write_journal: WriteRun) -> None:
    run = write_journal("random", 0, {10: 0.5})

    assert {point.strategy for point in points_of(read_records(run))} == {"random"}


def test_a_torn_journal_counts_as_far_as_it_is_whole(write_journal: WriteRun, tmp_path: Path) -> None:
    run = write_journal("random", 0, {10: 0.5})
    with (run / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"event":"measured","rou')

    assert [point.labels for point in points_of(read_records(tmp_path))] == [10, 10]


def test_the_later_measure_counts_where_an_audit_changed_labels(write_journal: WriteRun, tmp_path: Path) -> None:
    run = write_journal("random", 0, {10: 0.5})
    with Journal(run) as journal:
        journal.append({"event": "revised", "answers": {"3": 0}, "why": "audit"})
        journal.append({"event": "measured", "round": 0, "labels": 10, "metrics": {"accuracy": 0.4}})

    assert points_of(read_records(tmp_path)) == (Point("random", 0, 0, 10, "accuracy", 0.4),)


def test_a_run_that_wrote_nothing_yet_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "journal.jsonl").touch()

    assert points_of(read_records(tmp_path)) == ()


def test_runs_that_start_otherwise_say_so(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("random", 0, {10: 0.5}, name="a")
    write_journal("random", 0, {10: 0.5}, name="b", start="typiclust")

    assert {point.strategy for point in points_of(read_records(tmp_path))} == {"random", "random after typiclust"}


def test_two_runs_of_one_name_and_seed_are_refused(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("random", 0, {10: 0.5}, name="a")
    write_journal("random", 0, {10: 0.6}, name="b")

    with pytest.raises(ConfigError, match="2 runs are called 'random' with seed 0: a, b"):
        points_of(read_records(tmp_path))


def test_csv_gives_back_every_digit(tmp_path: Path) -> None:
    points = (Point("a,b", 0, 0, 10, "accuracy", 1 / 3), Point("random", 1, 2, 20, "loss", 1e-17))

    write_csv(points, tmp_path / "curves.csv")

    with (tmp_path / "curves.csv").open(newline="") as file:
        header, *lines = csv.reader(file)
    assert header == ["strategy", "seed", "round", "labels", "metric", "value"]
    assert [(line[0], float(line[-1])) for line in lines] == [("a,b", 1 / 3), ("random", 1e-17)]


def test_torn_and_glued_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "timings.jsonl"
    path.write_text('{"round":0}\n{"round":1,"fi{"round":1}\n[3]\n{"round":2}\n{"rou')

    assert read_lines(path) == ({"round": 0}, {"round": 2})
    assert read_lines(tmp_path / "missing.jsonl") == ()
