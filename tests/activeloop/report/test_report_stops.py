from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from activeloop.cli.main import main
from activeloop.report.curves import read_records
from activeloop.report.stops import Replay, replays
from activeloop.store import watched
from activeloop.store.journal import Journal, read

from .conftest import WriteRun, events

RISING = {10: 0.5, 20: 0.7, 30: 0.8, 40: 0.9}
LEVEL = {10: 0.5, 20: 0.8, 30: 0.8, 40: 0.801, 50: 0.8, 60: 0.8, 70: 0.802, 80: 0.95}


def replayed(folder: Path, target: float = 0.75, metric: str = "accuracy", sign: float = 1.0) -> Mapping[str, Replay]:
    found = replays(read_records(folder), ["margin"], metric, target, sign)
    return {replay.rule.split(" ")[0]: replay for replay in found}


def test_a_target_ends_a_run_at_its_first_measure_there(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("margin", 0, RISING)
    write_journal("margin", 1, {10: 0.5, 20: 0.6, 30: 0.7, 40: 0.74})

    found = replayed(tmp_path)["target"]

    assert (found.rule, found.stopped, len(found.runs)) == ("target 0.75", 1, 2)
    assert (found.runs[0].labels, found.runs[0].value, found.runs[0].end_labels) == (30, 0.8, 40)
    assert (found.runs[1].labels, found.runs[1].value, found.runs[1].end_value) == (None, None, 0.74)
    assert found.labels is not None
    assert found.labels.mean == 35  # 30, and the end of the run that it would not have ended
    assert found.lost is not None
    assert found.lost.mean == pytest.approx(0.05)


def test_of_a_loss_less_is_reached_and_lost(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("margin", 0, RISING)  # losses 0.5, 0.3, 0.2, 0.1

    found = replayed(tmp_path, 0.25, "loss", -1.0)["target"]

    assert found.runs[0].labels == 30
    assert found.lost is not None
    assert found.lost.mean == pytest.approx(0.1)


def test_a_plateau_takes_a_slow_stretch_for_the_end(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("margin", 0, LEVEL)

    found = replayed(tmp_path)["plateau"]

    assert found.rule == "plateau (window 5, gain 0.005)"
    assert (found.runs[0].labels, found.runs[0].value) == (70, 0.802)
    assert found.lost is not None
    assert found.lost.mean == pytest.approx(0.148)


def test_rules_of_predictions_are_left_out_where_none_are_kept_and_replayed_where_they_are(
    write_journal: WriteRun, tmp_path: Path
) -> None:
    folder = write_journal("margin", 0, LEVEL)
    write_journal("margin", 1, LEVEL)
    assert set(replayed(tmp_path)) == {"target", "plateau"}

    # after 10 and 20 labels two models of 100 rows disagree on half of them; from 20 on nothing changes
    keys = watched.keys(list(read(folder / "journal.jsonl")))
    first, then = np.arange(100) % 2, (np.arange(100) // 2) % 2
    for round, key in enumerate(keys):
        watched.append(folder, key, then if round else first)

    found = replayed(tmp_path)
    assert len(keys) == len(LEVEL)
    assert [stop.seed for stop in found["stabilising"].runs] == [0]
    assert found["stabilising"].runs[0].labels == 50  # three pairs that agree: 20, 30, 40 and 50 labels
    assert found["classification-change"].runs[0].labels == 40


def test_predictions_of_other_events_are_not_replayed(write_journal: WriteRun, tmp_path: Path) -> None:
    folder = write_journal("margin", 0, LEVEL)
    other = tmp_path / "other"
    with Journal(other) as journal:
        for event in events("margin", 1, LEVEL):
            journal.append(event)  # type: ignore[arg-type]
    for key in watched.keys(list(read(other / "journal.jsonl"))):
        watched.append(folder, key, np.zeros(10, dtype=np.int64))

    assert set(replayed(tmp_path)) == {"target", "plateau"}


def test_stops_have_a_cost_where_answers_do(tmp_path: Path) -> None:
    with Journal(tmp_path / "runs" / "a") as journal:
        for event in events("margin", 0, RISING):
            if event["event"] == "told":
                notes = {row: {"cost": 0.5} for row in event["answers"]}  # type: ignore[attr-defined]
                journal.append({"event": "noted", "query": event["query"], "notes": notes})  # type: ignore[dict-item]
            journal.append(event)  # type: ignore[arg-type]

    found = replayed(tmp_path)["target"]

    assert (found.runs[0].labels, found.runs[0].cost, found.runs[0].end_cost) == (30, 15, 20)
    assert found.cost is not None
    assert found.cost.mean == 15


def test_report_replay_trains_finished_runs_again_and_leaves_their_journals(
    tmp_path: Path, quick: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    given = [
        "--strategies",
        "random",
        "--seeds",
        "1",
        "--budget",
        "40",
        "--learner",
        "sklearn:sklearn.naive_bayes.GaussianNB",
    ]
    assert main(["compare", "--data", "digits", "--out", str(out), *given]) == 0
    journal = out / "runs" / "random-s0" / "journal.jsonl"
    before = journal.read_bytes()

    assert main(["report", str(out), "--replay"]) == 0

    assert "random-s0: 2 models on 1,000 rows" in capsys.readouterr().err
    assert journal.read_bytes() == before
    found = replays(read_records(out), ["random"], "accuracy", 0.9, 1.0)
    assert {replay.rule.split(" ")[0] for replay in found} == {
        "target",
        "plateau",
        "stabilising",
        "classification-change",
    }
