"""Rules by hand; then live: the same stop whether the run was killed, its predictions lost, or those of another lie there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from activeloop.config import Config, as_json, load
from activeloop.drive import drive
from activeloop.errors import ConfigError
from activeloop.fold import fold
from activeloop.rounds import prepare
from activeloop.run import Run
from activeloop.stop import classification_change, kappa, plateau, stabilising
from activeloop.store.journal import read
from activeloop.store.watched import FILE
from activeloop.types import Loaded
from oracles import Simulated

Configure = Callable[..., Config]
Finish = Callable[[Path, Config, Loaded], Path]
EARLY = ("budget=200", "stop.rule=stabilising", "stop.options.agreement=0.8", "stop.options.window=2", "stop.watch=300")


def test_a_plateau_is_a_window_without_gain() -> None:
    values = [0.5, 0.7, 0.8, 0.801, 0.79, 0.804]

    assert [plateau(values[:n], window=2, gain=0.005) for n in range(len(values) + 1)] == [False] * 5 + [True, True]
    assert not plateau(values, window=2, gain=0.003)
    assert not plateau([0.5, 0.5], window=2)


def test_predictions_are_stable_where_kappa_averages_high_over_the_window() -> None:
    half = np.arange(100) % 2
    other = np.where(np.arange(100) < 10, 1 - half, half)  # 90 of 100 agree: kappa (0.9 - 0.5) / 0.5 = 0.8

    assert kappa(half, other) == pytest.approx(0.8)
    assert stabilising(np.stack([other, half, half]), window=2, agreement=0.9)
    assert not stabilising(np.stack([other, half, half]), window=2, agreement=0.91)
    assert not stabilising(np.stack([half, half]), window=2, agreement=0.0)


def test_kappa_is_scikit_learns_and_one_where_both_see_a_single_class() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 4, 200), rng.integers(0, 4, 200)

    assert kappa(one, other) == pytest.approx(cohen_kappa_score(one, other))
    assert kappa(np.zeros(5, dtype=int), np.zeros(5, dtype=int)) == 1.0
    assert kappa(np.zeros(5, dtype=int), np.ones(5, dtype=int)) == 0.0


def test_classification_change_wants_every_round_of_the_window_quiet() -> None:
    still = np.zeros(100, dtype=int)
    moved = np.where(np.arange(100) < 2, 1, 0)  # 2 of 100 changed

    assert classification_change(np.stack([still, moved, moved]), window=2, change=0.02)
    assert not classification_change(np.stack([still, moved, moved]), window=2, change=0.01)
    assert classification_change(np.stack([still, moved, moved]), window=1, change=0.0)
    assert not classification_change(np.stack([still]), window=1)


def test_a_configuration_without_a_rule_is_written_as_before_there_were_any(quick: Configure) -> None:
    assert as_json(quick())["stop"] == {"target": None, "metric": "accuracy"}
    assert as_json(quick("stop.rule=plateau"))["stop"] == {"target": None, "metric": "accuracy", "rule": "plateau"}


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (("stop.rule=plateau", "stop.options.windw=3"), "no option 'windw'; did you mean 'window'"),
        (("stop.rule=plateau", "stop.options.window=0"), "window is 0; it must be 1 or more"),
        (("stop.rule=plateau", "stop.options.window=2.5"), "takes int"),
        (("stop.options.window=3",), "without a rule"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_before_any_training(
    quick: Configure, digits: Loaded, sets: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        prepare(quick(*sets), digits.data, digits.test)


def test_a_plateau_of_nothing_measured_is_refused_and_one_of_predictions_is_not(
    quick: Configure, digits: Loaded
) -> None:
    with pytest.raises(ConfigError, match="looks at accuracy, and nothing is measured"):
        prepare(quick("stop.rule=plateau"), digits.data, None)
    prepare(quick("stop.rule=stabilising"), digits.data, None)


def test_unknown_rules_are_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="allowed are '', 'plateau', 'stabilising', 'classification-change'"):
        load(None, ["stop.rule=patience"])


@pytest.mark.parametrize(
    "rule",
    [
        ("stop.rule=plateau", "stop.options.window=2", "stop.options.gain=0.05"),
        ("stop.rule=stabilising", "stop.options.agreement=0.8"),
        ("stop.rule=classification-change", "stop.options.change=0.15"),
    ],
)
def test_a_rule_ends_a_run_before_its_budget(
    tmp_path: Path, quick: Configure, finish: Finish, digits: Loaded, rule: tuple[str, ...]
) -> None:
    state = fold(read(finish(tmp_path, quick("budget=300", *rule), digits)))

    assert state is not None
    assert state.stopped == rule[0].partition("=")[2]
    assert 20 < state.told < 300


def test_a_run_without_a_rule_watches_nothing(tmp_path: Path, quick: Configure, finish: Finish, digits: Loaded) -> None:
    finish(tmp_path, quick(), digits)

    assert not (tmp_path / FILE).exists()


def test_watching_changes_no_pick(tmp_path: Path, quick: Configure, finish: Finish, digits: Loaded) -> None:
    plain, watching = (
        [event for event in read(finish(tmp_path / name, quick(*sets), digits)) if event["event"] != "opened"]
        for name, sets in (("plain", ()), ("watching", ("stop.watch=100",)))
    )

    assert plain == watching
    assert len((tmp_path / "watching" / FILE).read_text().splitlines()) == 3  # rounds 0, 1 and the last


@pytest.mark.parametrize("start", ["scratch", "warm"])
@pytest.mark.parametrize("loss", ["kept", "lost", "torn"])
def test_a_run_cut_after_any_event_stops_where_it_would_have(
    tmp_path: Path, finish: Finish, digits: Loaded, start: str, loss: str
) -> None:
    net = (
        "learner.options.net=mlp",
        "learner.options.steps=60",
        f"learner.options.start={start}",
        "query=15",
        "start.size=30",
    )
    config = load(None, [*net, "budget=120", *EARLY[1:], "stop.options.agreement=0.3", "acquire.strategy=margin"])
    whole = finish(tmp_path / "whole", config, digits).read_bytes()
    lines = whole.splitlines(keepends=True)
    assert b'"stabilising"}' in lines[-1]

    for count in range(1, len(lines), 4):
        folder = tmp_path / f"cut-{count}"
        folder.mkdir()
        (folder / "journal.jsonl").write_bytes(b"".join(lines[:count]))
        if loss != "lost":
            watched = (tmp_path / "whole" / FILE).read_bytes()
            (folder / FILE).write_bytes(watched if loss == "kept" else watched[: len(watched) * 2 // 3])
        assert finish(folder, config, digits).read_bytes() == whole


def test_predictions_that_another_journal_left_behind_are_not_taken(
    tmp_path: Path, quick: Configure, finish: Finish, digits: Loaded
) -> None:
    config = quick(*EARLY)
    whole = finish(tmp_path / "whole", config, digits).read_bytes()
    other = finish(tmp_path / "other", quick(*EARLY, "seed=1"), digits)
    other.unlink()

    assert finish(tmp_path / "other", config, digits).read_bytes() == whole


def test_predictions_of_a_finished_run_come_back_without_the_file_and_the_journal_stays(
    tmp_path: Path, quick: Configure, finish: Finish, digits: Loaded
) -> None:
    journal = finish(tmp_path / "run", quick(*EARLY), digits)
    before = journal.read_bytes()
    shutil.copytree(tmp_path / "run", tmp_path / "bare")
    (tmp_path / "bare" / FILE).unlink()

    kept, again = (
        Run(tmp_path / name, data=digits.data, test=digits.test).predictions(300) for name in ("run", "bare")
    )

    assert np.array_equal(kept, again)
    assert len(kept) == len(fold(read(journal)).measures)  # type: ignore[union-attr]
    assert journal.read_bytes() == before


def test_a_revision_after_the_stop_is_judged_anew(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    assert digits.truth is not None
    with Run(tmp_path, quick(*EARLY), digits.data, digits.test) as run:
        list(drive(run, Simulated(digits.truth)))
        assert run.state.stopped == "stabilising"
        told = run.state.told
        row = next(iter(run.state.queries[0].answers))
        run.revise({row: (int(digits.truth[row]) + 1) % 10}, "an audit")
        assert run.state.stopped is None
        list(drive(run, Simulated(digits.truth)))

    assert run.state.stopped == "stabilising"
    assert run.state.told >= told
