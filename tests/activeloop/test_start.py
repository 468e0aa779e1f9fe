from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from activeloop import start as starting
from activeloop.config import Config
from activeloop.drive import drive
from activeloop.errors import ConfigError, MissingEvidence
from activeloop.run import Run
from activeloop.types import SKIP, Loaded
from oracles import Simulated

Configure = Callable[..., Config]


def start_of(folder: Path, config: Config, data: Loaded) -> list[int]:
    """Rows that the start asked for, in their order."""
    assert data.truth is not None
    with Run(folder, config, data.data, data.test) as run:
        for _ in drive(run, Simulated(data.truth)):
            if run.state.round:
                break
        return [row for query in run.state.queries if query.use == "start" for row in query.rows]


def test_balanced_gives_every_class_k_labels_and_counts_every_answer(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    assert digits.truth is not None
    rows = start_of(tmp_path, quick("start.strategy=balanced:2", "budget=120"), digits)

    counts = np.bincount(digits.truth[rows], minlength=10)
    assert counts.min() == 2
    assert 20 < len(rows) < 120
    last = digits.truth[rows[-1]]
    assert counts[last] == 2, "the last row asked was needed, as it would be when asked one by one"


def test_balanced_that_the_budget_cannot_reach_is_refused_before_a_label_is_bought(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    for settings in (
        ("start.strategy=balanced:10", "budget=45"),
        ("start.strategy=balanced:4", "budget=45", "validation=10"),
    ):
        with pytest.raises(ConfigError, match="balanced:.* is out of budget"):
            Run(tmp_path / "never", quick(*settings), digits.data, digits.test)
    assert not (tmp_path / "never").exists()


def test_rows_of_which_all_are_skipped_end_with_the_next_step_and_no_empty_query(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    file = tmp_path / "rows.csv"
    assert digits.data.source_rows is not None
    file.write_text(f"row\n{digits.data.source_rows[0]}\n{digits.data.source_rows[1]}\n")
    with Run(tmp_path / "run", quick(f"start.strategy=rows:{file}"), digits.data, digits.test) as run:
        query = run.ask()
        assert query is not None
        run.tell(query.id, dict.fromkeys(query.rows, SKIP))

        with pytest.raises(ConfigError, match="was skipped, so there is nothing to train on: label some by `revise`"):
            run.ask()


def test_balanced_says_which_classes_the_budget_did_not_reach(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    with pytest.raises(ConfigError, match="balanced:4 is out of budget with too few labels"):
        start_of(tmp_path, quick("start.strategy=balanced:4", "budget=45"), digits)


def test_rows_come_from_a_file_in_its_order(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("row\n" + "".join(f"{row}\n" for row in range(40, 10, -1)))
    data = replace(digits, data=replace(digits.data, source_rows=None))

    assert start_of(tmp_path / "run", quick(f"start.strategy=rows:{file}"), data) == list(range(40, 10, -1))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("row\n1\n1\n", "2 rows, 1 different"),
        ("row\n99999\n", "1 outside the pool .first 99999"),
        ("id\n1\n", "column row"),
        ("row\n", "0 rows"),
    ],
)
def test_a_file_of_rows_that_cannot_be_is_refused(
    tmp_path: Path, quick: Configure, digits: Loaded, lines: str, message: str
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(lines)

    with pytest.raises(ConfigError, match=message):
        start_of(tmp_path / "run", quick(f"start.strategy=rows:{file}"), digits)


def test_rows_of_a_file_are_those_of_the_source_though_a_test_set_was_held_out(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    """digits.data is what a seed left of all 1,797 rows; its row 5 is another in the source."""
    source = digits.data.source_rows
    assert source is not None
    assert source[-1] > len(source)
    file = tmp_path / "rows.csv"
    file.write_text("\ufeffrow\n" + "".join(f"{row}\n" for row in source[[5, 700, 3]]), encoding="utf-8")

    assert start_of(tmp_path / "run", quick(f"start.strategy=rows:{file}"), digits) == [5, 700, 3]

    held_out = next(row for row in range(len(source)) if row not in source)
    file.write_text(f"row\n{held_out}\n")
    with pytest.raises(ConfigError, match=f"1 outside the pool .first {held_out}.*--test-fraction"):
        Run(tmp_path / "never", quick(f"start.strategy=rows:{file}"), digits.data, digits.test)
    assert not (tmp_path / "never").exists(), "refused before a folder is made"


def test_a_run_goes_on_without_what_only_its_start_needed(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    """Neither the file of a start that is done, nor known labels that the journal holds, are asked for again."""
    assert digits.truth is not None
    assert digits.data.source_rows is not None
    file = tmp_path / "rows.csv"
    file.write_text("row\n" + "".join(f"{row}\n" for row in digits.data.source_rows[:20]))
    known = np.where(np.arange(len(digits.data)) < 300, digits.truth, -1)
    for name, start in (("rows", f"rows:{file}"), ("balanced", "balanced:3")):
        held = known if name == "balanced" else None
        config = quick(f"start.strategy={start}", "budget=25")
        with Run(tmp_path / name, config, digits.data, digits.test, held) as run:
            query = run.ask()
            assert query is not None
            run.tell(query.id, {row: int(digits.truth[row]) for row in query.rows})
    file.unlink()

    for name in ("rows", "balanced"):
        with Run(tmp_path / name, None, digits.data, digits.test) as run:
            query = run.ask()
            assert query is not None
            assert query.use == "acquire"


def test_a_start_that_needs_a_model_is_refused_before_anything_is_written(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    with pytest.raises(MissingEvidence, match="nothing is labelled yet.*k-center"):
        Run(tmp_path / "run", quick("start.strategy=entropy"), digits.data)
    assert not (tmp_path / "run").exists()


def test_a_start_of_which_everything_is_skipped_goes_on_asking(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    with Run(tmp_path, quick(), digits.data, digits.test) as run:
        first = run.ask()
        assert first is not None
        run.tell(first.id, dict.fromkeys(first.rows, SKIP))
        second = run.ask()

        assert second is not None
        assert second.use == "start"
        assert not set(first.rows) & set(second.rows)


def test_missing_classes_warn_or_are_refused_if_all_are_required(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    with pytest.warns(UserWarning, match=r"no label of \d of 10 classes.*balanced:K"):
        start_of(tmp_path / "warned", quick("start.size=5"), digits)
    with pytest.raises(ConfigError, match="start.all_classes is set"):
        start_of(tmp_path / "refused", quick("start.size=5", "start.all_classes=true"), digits)


def test_no_labels_at_all_is_refused(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    with pytest.raises(ConfigError, match="--initial. is 0 and no label is known"):
        start_of(tmp_path, quick("start.size=0"), digits)


def test_runs_that_start_alike_pick_once_and_start_as_if_alone(
    tmp_path: Path, quick: Configure, digits: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    settings = ("start.strategy=k-center", "start.size=15")
    alone = start_of(tmp_path / "alone", quick(*settings), digits)
    asked: list[str] = []
    choose = starting.choose
    monkeypatch.setattr(starting, "SHARED", 0)
    monkeypatch.setattr(starting, "choose", lambda plan, *given: (asked.append(plan.strategy), choose(plan, *given))[1])
    strategies = ("acquire.strategy=random", "acquire.strategy=margin")
    together = [start_of(tmp_path / name, quick(*settings, name), digits) for name in strategies]
    other = start_of(tmp_path / "other", quick(*settings, "seed=1"), digits)

    assert together == [alone, alone]
    assert other != alone
    assert asked == ["k-center", "k-center"], "once for both strategies, and once for another seed"
