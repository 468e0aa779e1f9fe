from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from activeloop.config import Config, load
from activeloop.errors import BadAnswer, ConfigError, StoreError
from activeloop.run import Run
from activeloop.store.confusion import read_confusion
from activeloop.types import OPEN, SKIP, Loaded, Query

Configure = Callable[..., Config]


def answers(query: Query, data: Loaded) -> dict[int, int]:
    assert data.truth is not None
    return {row: int(data.truth[row]) for row in query.rows}


def ask(run: Run) -> Query:
    query = run.ask()
    assert query is not None
    return query


@pytest.fixture
def run(tmp_path: Path, quick: Configure, digits: Loaded) -> Run:
    return Run(tmp_path, quick(), digits.data, digits.test)


def test_asking_again_gives_the_same_query_and_writes_nothing(run: Run) -> None:
    first = ask(run)
    size = run._journal.path.stat().st_size

    assert run.ask() == first
    assert run._journal.path.stat().st_size == size


def test_told_twice_is_told_once(run: Run, digits: Loaded) -> None:
    query = ask(run)
    run.tell(query.id, answers(query, digits))
    size = run._journal.path.stat().st_size

    assert run.tell(query.id, answers(query, digits)) == ()
    assert run._journal.path.stat().st_size == size


def test_some_answers_leave_the_query_open_for_the_others(run: Run, digits: Loaded) -> None:
    query = ask(run)
    first = dict(list(answers(query, digits).items())[:5])

    assert run.tell(query.id, first) == query.rows[5:]
    assert ask(run).unanswered == query.rows[5:]
    assert run.state.told == 5


def test_the_order_of_answers_does_not_matter(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    for name, step in (("forth", 1), ("back", -1)):
        with Run(tmp_path / name, quick(), digits.data, digits.test) as run:
            query = ask(run)
            run.tell(query.id, dict(list(answers(query, digits).items())[::step]))
            ask(run)

    assert (tmp_path / "forth/journal.jsonl").read_bytes() == (tmp_path / "back/journal.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (lambda q: {q.rows[0]: 10}, "got the label 10; allowed are 0…9, or -2"),
        (lambda q: {q.rows[0]: -1}, "got the label -1; allowed"),
        (lambda q: {q.rows[0]: 1, 10**6: 1}, "row 1000000 was not asked in q0000"),
    ],
)
def test_a_bad_answer_is_refused_and_nothing_is_taken(
    run: Run, told: Callable[[Query], dict[int, int]], message: str
) -> None:
    query = ask(run)

    with pytest.raises(BadAnswer, match=message):
        run.tell(query.id, told(query))
    assert run.state.told == 0


def test_a_changed_answer_is_refused_and_named(run: Run, digits: Loaded) -> None:
    query = ask(run)
    told = answers(query, digits)
    run.tell(query.id, told)
    row = query.rows[3]

    with pytest.raises(BadAnswer, match=f"row {row} was told as '{told[row]}'.*`revise`"):
        run.tell(query.id, {row: (told[row] + 1) % 10})


def test_an_unknown_query_is_refused_with_the_latest(run: Run) -> None:
    ask(run)

    with pytest.raises(BadAnswer, match="no query is called 'q9'.*the latest is q0000"):
        run.tell("q9", {})


def test_closing_opens_the_unanswered_rows_again_and_keeps_the_others(run: Run, digits: Loaded) -> None:
    query = ask(run)
    told = answers(query, digits)
    run.tell(query.id, {row: told[row] for row in query.rows[:6]})
    run.close(query.id)
    run.close(query.id)

    assert run.state.told == 6
    assert (run.state.labels[list(query.rows[6:])] == OPEN).all()
    with pytest.raises(BadAnswer, match="q0000 is closed.*open again"):
        run.tell(query.id, {query.rows[6]: told[query.rows[6]]})
    assert ask(run).id == "q0001"


def test_skipped_rows_are_never_asked_again_and_cost_nothing(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    asked: list[int] = []
    with Run(tmp_path, quick(), digits.data, digits.test) as run:
        while (query := run.ask()) is not None:
            asked += query.rows
            told = answers(query, digits)
            run.tell(query.id, {row: SKIP if at % 3 == 1 else told[row] for at, row in enumerate(query.rows)})

        assert len(asked) == len(set(asked))
        assert run.state.told == 40
        assert len(asked) > 40


def test_the_last_query_is_shortened_to_the_budget(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    with Run(tmp_path, quick("budget=27"), digits.data, digits.test) as run:
        sizes = []
        while (query := run.ask()) is not None:
            sizes.append(len(query.rows))
            run.tell(query.id, answers(query, digits))

    assert sizes == [20, 7]


def test_validation_labels_count_and_are_neither_trained_on_nor_picked(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    with Run(tmp_path, quick("validation=15", "budget=60"), digits.data) as run:
        first = ask(run)
        asked = list(first.rows)
        while (query := run.ask()) is not None:
            asked += query.rows
            run.tell(query.id, answers(query, digits))

        assert (first.use, len(first.rows)) == ("validation", 15)
        assert len(run.state.training[run.state.training >= 0]) == 45
        assert (run.state.training[list(first.rows)] < 0).all()
        assert len(set(asked[15:])) == 60
        assert set(run.state.measures[-1].metrics) == {"accuracy", "balanced_accuracy", "loss"}


def test_known_labels_train_and_the_budget_does_not_count_them(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    assert digits.truth is not None
    known = np.full(len(digits.data), OPEN)
    known[:30] = digits.truth[:30]
    with Run(tmp_path, quick("start.size=0", "budget=20"), digits.data, digits.test, known) as run:
        query = ask(run)

        assert (query.use, run.state.told) == ("acquire", 0)
        assert min(query.rows) >= 30
        assert run.state.measures[0].labels == 0


def test_a_target_ends_the_run_early(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    with Run(tmp_path, quick("stop.target=0.2", "budget=400"), digits.data, digits.test) as run:
        query = ask(run)
        run.tell(query.id, answers(query, digits))

        assert run.ask() is None
        assert run.state.stopped == "target"


def test_a_revision_changes_labels_keeps_the_reason_and_is_measured_anew(run: Run, digits: Loaded) -> None:
    while (query := run.ask()) is not None:
        run.tell(query.id, answers(query, digits))
    row = int(np.flatnonzero(run.state.labels >= 0)[0])
    other = (int(run.state.labels[row]) + 1) % 10
    measured = len(run.state.measures)

    run.revise({row: other}, "the second reader was right")

    assert run.state.labels[row] == other
    assert run.ask() is None
    assert len(run.state.measures) == measured + 1
    assert "the second reader was right" in run._journal.path.read_text()


def test_numbers_of_numpy_are_taken_as_what_they_are_and_fractions_refused(run: Run, digits: Loaded) -> None:
    query = ask(run)
    told = {np.int64(row): np.int64(label) for row, label in answers(query, digits).items()}
    with pytest.raises(BadAnswer, match="got the label 1.9; it is a whole number"):
        run.tell(query.id, {query.rows[0]: 1.9})  # type: ignore[dict-item]
    run.tell(query.id, told)  # type: ignore[arg-type]
    run.revise({np.int64(query.rows[0]): np.int64(3)}, "audit")  # type: ignore[dict-item]

    assert run.state.labels[query.rows[0]] == 3


def test_closing_a_validation_query_gives_its_rows_back_to_the_pool(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    with Run(tmp_path, quick("validation=6", "budget=60"), digits.data) as run:
        query = ask(run)
        run.tell(query.id, {query.rows[0]: 1})
        run.close(query.id)

        assert set(query.rows[1:]) <= set(run.state.pickable.tolist())
        assert run.state.validation[query.rows[0]] == 1


def test_another_test_set_in_the_same_folder_is_refused(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    assert digits.test is not None
    Run(tmp_path, quick(), digits.data, digits.test)._journal.close()
    other = replace(digits.test, labels=(digits.test.labels + 1) % 10)

    with pytest.raises(StoreError, match="test set is not that which"):
        Run(tmp_path, quick(), digits.data, other)


def test_labels_brought_along_or_tested_on_must_fit_before_anything_is_written(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    assert digits.test is not None
    known = np.full(len(digits.data), OPEN)
    known[4] = 57
    with pytest.raises(ConfigError, match="1 of the known labels are no class; the first is 57 of row 4"):
        Run(tmp_path / "a", quick(), digits.data, digits.test, known)
    with pytest.raises(ConfigError, match=r"the known labels have the shape \(3,\)"):
        Run(tmp_path / "a", quick(), digits.data, digits.test, known[:3])
    with pytest.raises(ConfigError, match="of the test labels are no class"):
        Run(tmp_path / "a", quick(), digits.data, replace(digits.test, labels=digits.test.labels + 9))
    assert not (tmp_path / "a").exists()


def test_a_resumed_run_fits_every_round_once_and_the_one_before_it_once(
    tmp_path: Path, digits: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    from activeloop import training

    config = load(
        None, ["budget=60", "start.size=20", "query=10", "acquire.strategy=forgetting", "learner.options.steps=5"]
    )
    fitted: list[int] = []
    request = training.request
    monkeypatch.setattr(training, "request", lambda *given: (fitted.append(given[3]), request(*given))[1])
    with Run(tmp_path, config, digits.data, digits.test) as run:
        for _ in range(3):
            query = ask(run)
            run.tell(query.id, answers(query, digits))
    assert fitted == [0, 1]
    fitted.clear()
    with Run(tmp_path, config, digits.data, digits.test) as run:
        while (query := run.ask()) is not None:  # type: ignore[assignment]
            run.tell(query.id, answers(query, digits))

    assert sorted(fitted) == [1, 2, 3, 4], "round 1 again, for what it says of round 2"


def test_a_revision_may_say_who_made_it(run: Run, digits: Loaded) -> None:
    query = ask(run)
    row = query.rows[0]
    told = answers(query, digits)
    run.tell(query.id, told, {row: {"annotator": "ada"}})
    run.revise({row: (told[row] + 1) % 10}, "audit", {row: {"annotator": "bob"}})

    assert run.state.notes[row] == {"annotator": "bob"}


def test_other_known_labels_in_the_same_folder_are_refused(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    known = np.full(len(digits.data), OPEN)
    known[3] = 1
    for _ in range(2):
        Run(tmp_path, quick(), digits.data, digits.test, known)._journal.close()
    known[4] = 1

    with pytest.raises(StoreError, match="labels brought along.*2 here.*`revise`"):
        Run(tmp_path, quick(), digits.data, digits.test, known)


def test_a_revision_needs_a_reason_and_a_row_that_exists(run: Run) -> None:
    with pytest.raises(BadAnswer, match="needs its reason"):
        run.revise({0: 1}, " ")
    with pytest.raises(BadAnswer, match="row -3 is not in the data"):
        run.revise({-3: 1}, "why")
    waiting = ask(run).rows[0]
    with pytest.raises(BadAnswer, match="`tell` it instead"):
        run.revise({waiting: 1}, "why")


def test_another_configuration_in_the_same_folder_is_refused_with_what_differs(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    Run(tmp_path, quick(), digits.data, digits.test)._journal.close()

    with pytest.raises(
        StoreError, match="another configuration.*they differ in budget .40 there, 50 here., acquire.strategy"
    ):
        Run(tmp_path, quick("budget=50", "acquire.strategy=entropy"), digits.data, digits.test)


def test_other_data_under_the_same_configuration_are_refused(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    Run(tmp_path, quick(), digits.data, digits.test)._journal.close()
    changed = digits.data.inputs.clone()
    changed[0] += 1

    with pytest.raises(StoreError, match="rows would mean other items"):
        Run(tmp_path, quick(), replace(digits.data, inputs=changed), digits.test)


def test_a_bad_configuration_leaves_no_folder_behind(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    with pytest.raises(ConfigError, match=r"budget is 5,000, but the pool has 1,4\d\d rows"):
        Run(tmp_path / "run", quick("budget=5000"), digits.data, digits.test)
    assert not (tmp_path / "run").exists()


def test_a_run_can_be_told_without_its_data_but_not_asked(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    with Run(tmp_path, quick(), digits.data, digits.test) as run:
        query = ask(run)

    with Run(tmp_path) as later:
        later.tell(query.id, answers(query, digits))
        with pytest.raises(ConfigError, match="without its data"):
            later.ask()


def test_times_go_beside_the_journal_and_come_from_the_clock_given(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    ticks = iter(range(1000))
    with Run(tmp_path, quick(), digits.data, digits.test, clock=lambda: float(next(ticks))) as run:
        query = ask(run)
        run.tell(query.id, answers(query, digits))
        ask(run)

    line = json.loads((tmp_path / "timings.jsonl").read_text())
    assert {name: line[name] for name in ("round", "labels", "fit_s", "look_s", "pick_s")} == {
        "round": 0, "labels": 20, "fit_s": 1.0, "look_s": 1.0, "pick_s": 1.0,
    }  # fmt: skip


def test_what_the_measured_model_confuses_goes_beside_the_journal(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    with Run(tmp_path, quick(), digits.data, digits.test) as run:
        query = ask(run)
        run.tell(query.id, answers(query, digits))
        ask(run)
        measured = run.state.measures[-1]

    confusion = read_confusion(tmp_path)
    assert confusion is not None
    assert (confusion.labels, confusion.on) == (measured.labels, "test")
    counts = confusion.counts(len(digits.data.classes))
    assert digits.test is not None
    assert counts.sum(axis=1).tolist() == np.bincount(digits.test.labels, minlength=10).tolist()
    assert np.trace(counts) / counts.sum() == measured.metrics["accuracy"]


def test_notes_are_kept_beside_answers_once(run: Run, digits: Loaded) -> None:
    query = ask(run)
    notes = {row: {"annotator": "ada"} for row in query.rows}
    run.tell(query.id, answers(query, digits), notes)
    size = run._journal.path.stat().st_size
    run.tell(query.id, answers(query, digits), notes)

    assert run.state.notes[query.rows[0]] == {"annotator": "ada"}
    assert run._journal.path.stat().st_size == size
