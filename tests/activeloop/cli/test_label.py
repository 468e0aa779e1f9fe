"""People answer in the terminal, and the loop goes round by itself."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from activeloop.cli.people import Loop, Wanted
from oracles.items import Image, Table, Text

from .conftest import CLASSES, Said, Team

Label = Callable[..., Said]


class Keys(io.StringIO):
    """What is typed; what was shown before is what the keys answer."""

    def isatty(self) -> bool:
        return False


@pytest.fixture
def label(team: Team, monkeypatch: pytest.MonkeyPatch) -> Label:
    def run(keys: str, *words: object) -> Said:
        monkeypatch.setattr(sys, "stdin", Keys(keys))
        return team.cli("label", "r", *words)

    return run


def events(team: Team, kind: str) -> list[dict[str, object]]:
    lines = map(json.loads, team.journal().splitlines())
    return [line for line in lines if line["event"] == kind]


def truth(team: Team) -> str:
    """Keys for any row: the colour in the file's name, as the journal asks."""
    files = sorted(path.name for path in (team.folder / "images").iterdir())
    rows = [row for event in events(team, "asked") for row in event["rows"]]  # type: ignore[attr-defined]
    return "".join(str(1 + CLASSES.index(files[row].partition("-")[0])) for row in rows)


def test_what_is_answered_is_kept_and_a_whole_query_is_told_with_its_notes(team: Team, label: Label) -> None:
    team.run()
    some = label("12", "--annotator", "ada")
    assert some.code == 3
    assert "q0000: 1 row left. What you answered is kept" in some.out
    assert "standard input is no terminal, and holds no more keys for these rows: run this in a terminal" in some.err
    assert events(team, "told") == []

    rest = label("3", "--annotator", "bob", "--rounds", 1)

    assert rest.code == 3
    assert "3 labels told. The next round: activeloop label r" in rest.out
    [told] = events(team, "told")
    assert list(told["answers"].values()) == [0, 1, 2]  # type: ignore[attr-defined]
    [noted] = events(team, "noted")
    assert [note["annotator"] for note in noted["notes"].values()] == ["ada", "ada", "bob"]  # type: ignore[attr-defined]


def test_the_loop_goes_round_until_the_run_is_done(team: Team, label: Label) -> None:
    team.run()
    said = label("1" * 16)

    assert said.code == 0
    assert "r: done (budget), 16 labels told" in said.out
    assert "the model trains and chooses" in said.err
    assert len(events(team, "asked")) == 4  # 3 to measure, 6 to start, 4 and 3 picked by a model
    assert team.cli("export", "r", "--labels-only").code == 0
    assert label("").code == 0


def test_files_are_shown_by_their_path_where_the_terminal_shows_no_images(team: Team, label: Label) -> None:
    team.run()

    assert f"{team.folder}/images/" in label("").out


def test_what_was_told_by_a_csv_is_not_asked_again(team: Team, label: Label) -> None:
    team.run()
    label("1")
    team.cli("tell", "r", "q0000", team.answer("q0000", slice(0, 2)))
    said = label("3", "--rounds", 1)

    assert said.out.count(" left: ") == 1
    assert [len(told["answers"]) for told in events(team, "told")] == [2, 1]  # type: ignore[arg-type]


def test_a_kill_between_collecting_and_telling_loses_and_doubles_nothing(team: Team, label: Label) -> None:
    team.run()
    with Loop(team.folder / "r", Wanted()) as loop:
        query = loop.run.ask()
        assert query is not None
        loop.inbox.post(query.id, query.rows)
        for row in query.rows:
            loop.inbox.answer(query.id, row, 1, "ada")
        loop.inbox.collect(query.id)

    assert label("", "--rounds", 1).code == 3
    assert [list(told["answers"].values()) for told in events(team, "told")] == [[1, 1, 1]]  # type: ignore[attr-defined]


def test_a_query_closed_by_command_is_asked_no_more(team: Team, label: Label) -> None:
    team.run()
    label("1")
    team.cli("close", "r", "q0000")
    label("1" * 7, "--rounds", 1)

    assert [event["query"] for event in events(team, "told")] == ["q0001"]


def test_a_revision_of_a_told_row_goes_to_the_journal_with_its_reason(team: Team, label: Label) -> None:
    team.run()
    label("111", "--rounds", 1)
    with Loop(team.folder / "r", Wanted()) as loop:
        row = loop.run.state.queries[0].rows[0]
        loop.inbox.revise("q0000", row, 2, "eve", "seen twice")
        assert (loop.hand_on_revisions(), loop.hand_on_revisions()) == (1, 0)
        assert loop.run.state.labels[row] == 2

    [revised] = events(team, "revised")
    assert (revised["answers"], revised["why"]) == ({str(row): 2}, "seen twice")


def test_a_panel_asks_another_annotator_while_they_disagree_and_weights_decide(team: Team, label: Label) -> None:
    team.run()
    panel = ("--panel", 2, "--panel-most", 3, "--rounds", 1)
    assert label("111", "--annotator", "ada", *panel).code == 3
    some = label("122", "--annotator", "bob", *panel)
    assert "q0000: 2 rows left" in some.out
    assert label("22", "--annotator", "cy", *panel).out.endswith("3 labels told. The next round: activeloop label r\n")
    [told] = events(team, "told")
    assert list(told["answers"].values()) == [0, 1, 1]  # type: ignore[attr-defined]
    [noted] = events(team, "noted")
    assert [note["cost"] for note in noted["notes"].values()] == [2, 3, 3]  # type: ignore[attr-defined]


def test_weights_and_the_model_of_annotators_merge_what_people_say(team: Team, label: Label) -> None:
    team.run()
    weighted = ("--panel", 2, "--merge", "weighted", "--weights", "bob=2", "--rounds", 1)
    label("111", "--annotator", "ada", *weighted)
    label("123", "--annotator", "bob", *weighted)
    model = ("--panel", 2, "--merge", "dawid-skene", "--rounds", 1)
    label("111111", "--annotator", "ada", *model)
    label("111111", "--annotator", "bob", *model)

    told = [list(each["answers"].values()) for each in events(team, "told")]  # type: ignore[attr-defined]
    assert told == [[0, 1, 2], [0] * 6]


def test_guesses_are_those_of_the_model_that_picked(team: Team, label: Label) -> None:
    team.run()
    label("1" * 3, "--rounds", 1)
    label(truth_of_next(team, label), "--rounds", 1)
    with Loop(team.folder / "r", Wanted(guesses=True)) as loop:
        query = next(loop.questions())
        assert query.use == "acquire"
        guesses = {each.row: each.guess for each in loop.inbox.lease("ada", 99)}
        # no label came since, so the model on all labels held is the one that picked
        expected = loop.run.model().probs(np.asarray(query.rows)).argmax(dim=1).tolist()

    assert guesses == dict(zip(query.rows, expected, strict=True))


def truth_of_next(team: Team, label: Label) -> str:
    label("")  # asks, and leaves
    return truth(team)[3:]


def test_an_inbox_is_exported_and_taken_in_elsewhere(team: Team, label: Label) -> None:
    team.run()
    assert "nobody has labelled there yet" in label("", "--export", "x.csv").err
    label("12")
    assert label("", "--export", "x.csv").out == "wrote x.csv\n"
    assert label("", "--export", "x.jsonl").code == 0
    (team.folder / "r/inbox.sqlite").unlink()
    said = label("", "--import", "x.jsonl")

    assert said.out.startswith("6 lines taken in")
    label("", "--export", "again.csv")
    assert (team.folder / "again.csv").read_bytes() == (team.folder / "x.csv").read_bytes()
    assert "holds tickets already" in label("", "--import", "x.csv").err
    assert label("", "--export", "x.txt").code == 2


def write_table(path: Path, columns: list[str], lines: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *lines])


def test_texts_and_tables_of_a_csv_are_shown_and_vectors_as_numbers(team: Team) -> None:
    team.run()
    files = sorted(path.name for path in (team.folder / "images").iterdir())
    write_table(team.folder / "text.csv", ["file", "words"], [[name, f"about {name}"] for name in files])
    write_table(team.folder / "cells.csv", ["row", "age", "town"], [[row, row + 1, "Köln"] for row in range(30)])

    shown = []
    for table in ("text.csv", "cells.csv", None):
        with Loop(team.folder / "r", Wanted(table=None if table is None else team.folder / table)) as loop:
            shown.append(loop.show(2))
            assert loop.caption(2) == files[2]
    assert shown[0] == Text(f"about {files[2]}")
    assert shown[1] == Table((("age", "3"), ("town", "Köln")))
    assert isinstance(shown[2], Image)
    assert (shown[2].pixels.shape, shown[2].path) == ((6, 6, 3), str(team.folder / "images" / files[2]))


def test_a_link_that_leads_out_of_the_folder_is_not_followed(team: Team) -> None:
    first = team.folder / "images/blue-02.png"
    first.rename(team.folder / "secret.png")
    first.symlink_to(team.folder / "secret.png")
    team.run()

    with Loop(team.folder / "r", Wanted()) as loop:
        item = loop.show(0)
    assert isinstance(item, Image)
    assert item.path is None  # the pixels that the model sees


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rounds", 0), "--rounds is 0; it must be 1 or more"),
        (("--panel", 0), "--panel is 0 and --panel-most 0; it must be 1 ≤ --panel ≤ --panel-most"),
        (("--panel", 3, "--panel-most", 2), "--panel is 3 and --panel-most 2; it must be"),
        (("--merge", "best"), "--merge is 'best'; it is majority, weighted, dawid-skene"),
        (("--merge", "weighted"), "--merge weighted needs --weights, such as ada=2,bob=0.5"),
        (("--weights", "ada=1"), "--merge weighted needs --weights"),
        (("--weights", "ada=-1"), "'ada=-1' is no NAME=WEIGHT, such as ada=2 or bob=0.5, 0 or more"),
        (("--annotator", "a\tb"), "holds signs that cannot be printed"),
        (("--show", "names.txt"), "names.txt has the columns red; it needs `row` or `file`, and what to show"),
        (("--show", "none.csv"), "none.csv cannot be read"),
    ],
)
def test_bad_wishes_are_refused(team: Team, label: Label, words: tuple[object, ...], message: str) -> None:
    team.run()
    said = label("", *words)

    assert said.code == 2
    assert message in said.err


def test_a_table_that_lacks_rows_is_refused(team: Team, label: Label) -> None:
    team.run()
    write_table(team.folder / "some.csv", ["row", "words"], [[0, "a"], [1, "b"]])

    assert "some.csv lacks 28 of the 30 rows; the first is 2" in label("", "--show", "some.csv").err


def test_an_inbox_of_another_run_and_a_damaged_one_are_refused(team: Team, label: Label) -> None:
    team.run()
    label("1")
    file = team.folder / "r/inbox.sqlite"
    file.write_bytes(b"\0" * 5000)

    said = label("")
    assert said.code == 2
    assert "is no SQLite file, or its beginning is torn" in said.err


COLOUR = """
import numpy as np

def colour(pixels):
    return ["red", "green", "blue"][pixels.mean(axis=(0, 1)).argmax()]

def number(pixels):
    return np.int64(0) if pixels.mean() > 0 else None

def wrong(pixels):
    return "mauve"

def broken(pixels):
    raise KeyError("no such thing")
"""


def test_a_function_of_ones_own_answers_until_the_run_is_done(team: Team, label: Label) -> None:
    team.run()
    (team.folder / "mine_colours.py").write_text(COLOUR)
    said = label("", "--with", "mine_colours:colour")

    assert said.code == 0, said.err
    files = sorted(path.name for path in (team.folder / "images").iterdir())
    told = {row: name for told in events(team, "told") for row, name in told["answers"].items()}  # type: ignore[attr-defined]
    assert len(told) == 16
    assert all(files[int(row)].startswith(CLASSES[name]) for row, name in told.items())
    assert label("", "--with", "mine_colours:number").code == 0


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        ("mine_colours:wrong", "answered 'mauve' for row 1; it gives the name of a class, its number 0…2, or None"),
        ("mine_colours:broken", "failed on row 1: KeyError: 'no such thing'. What it answered before is kept"),
        ("mine_colours:absent", "cannot be imported"),
        ("paper", "--with is 'paper'; it is console, web, label-studio, or module:function"),
    ],
)
def test_a_function_that_fails_or_answers_nonsense_is_said(team: Team, label: Label, tool: str, message: str) -> None:
    team.run()
    (team.folder / "mine_colours.py").write_text(COLOUR)
    said = label("", "--with", tool)

    assert said.code == 2
    assert message in said.err
    assert events(team, "told") == []
