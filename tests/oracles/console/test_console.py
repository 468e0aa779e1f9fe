from __future__ import annotations

import io
import os
import pty
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from oracles import Inbox
from oracles.console import Question, Terminal, here, label
from oracles.inbox import SKIP
from oracles.items import Image, Item, Table, Text

NAMES = ("cat", "dog", "wild\x1b[2J cat")


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with Inbox(tmp_path / "inbox.sqlite", len(NAMES), iter(range(10**6)).__next__) as inbox:
        inbox.post("q0", [4, 5, 6], {4: 1})
        yield inbox


Labelled = Callable[..., tuple[bool, str]]


@pytest.fixture
def labelled(inbox: Inbox, tmp_path: Path) -> Labelled:
    """Types these keys; gives whether the ticket was decided, and what was printed. After the last key nobody types."""

    def run(keys: str, show: Callable[[int], Item] | None = None, *, guess: bool = False) -> tuple[bool, str]:
        said, left = io.StringIO(), iter(keys)
        question = Question(
            NAMES, show or (lambda row: Text(f"text {row}")), lambda row: f"row {row}", tmp_path / "shown", guess
        )

        def key(wait: float | None) -> str | None:
            return next(left, None if wait is not None else "")

        return label(inbox, "q0", "ada", question, Terminal(said.write, key)), said.getvalue()

    return run


def test_a_ticket_is_labelled_by_keys(inbox: Inbox, labelled: Labelled) -> None:
    done, said = labelled("1x2 ")

    assert done
    assert inbox.collect("q0") == {4: 0, 5: 1, 6: SKIP}
    assert "[1] cat  [2] dog  [3] wild\ufffd[2J cat" in said
    assert "text 4\nrow 4, 3 left: cat\n" in said
    assert [note["seconds"] for note in inbox.notes("q0").values()] == [1.0, 1.0, 1.0]  # the clock is read once between


def test_undo_shows_the_row_before_again_also_after_the_last(inbox: Inbox, labelled: Labelled) -> None:
    done, said = labelled("12\x7f31\x7f2")

    assert done
    assert inbox.collect("q0") == {4: 0, 5: 2, 6: 1}
    assert said.count("undone") == 2
    assert said.count("text 5") == 2
    assert said.count("text 6") == 3


@pytest.mark.parametrize("columns", [20, 30, 80])
def test_the_keys_fit_the_terminal_and_are_shown_again_when_asked_for(tmp_path: Path, columns: int) -> None:
    names = [f"class {at}" for at in range(50)]
    said = io.StringIO()
    with Inbox(tmp_path / "many.sqlite", len(names), lambda: 0.0) as inbox:
        inbox.post("q0", [0, 1])
        question = Question(names, lambda row: Text("text"), str, tmp_path)
        left = iter(",z/class 49\n")
        terminal = Terminal(said.write, lambda wait: next(left, None if wait is not None else ""), columns=columns)
        assert label(inbox, "q0", "ada", question, terminal)
        assert inbox.collect("q0") == {0: 35, 1: 49}

    helped = said.getvalue().splitlines()
    assert sum("[z] class 35" in line for line in helped) == 2
    assert sum("… 14 more by [/]" in line for line in helped) == 2
    assert all(len(line) < columns for line in helped if line.startswith("["))


def test_nothing_is_waited_for_where_keys_come_from_a_pipe_and_others_hold_the_rest(
    inbox: Inbox, tmp_path: Path
) -> None:
    inbox.lease("bob", 9)
    question = Question(NAMES, lambda row: Text(""), str, tmp_path)

    assert not label(inbox, "q0", "ada", question, Terminal(io.StringIO().write, lambda wait: "", is_typed=False))


def test_nothing_to_undo_is_said(labelled: Labelled) -> None:
    assert "ada has given no answer yet" in labelled("\x7f")[1]


def test_who_leaves_finds_the_rest_later(inbox: Inbox, labelled: Labelled) -> None:
    assert not labelled("1\x1b")[0]
    assert inbox.waiting("q0") == (5, 6)
    assert labelled("22")[0]


def test_search_chooses_the_only_match_or_the_very_name_and_lists_others(inbox: Inbox, labelled: Labelled) -> None:
    done, said = labelled("/do\n/ca\n/cat\n/wx\x7fild\n")

    assert done
    assert inbox.collect("q0") == {4: 1, 5: 0, 6: 2}
    assert "2 classes: cat, wild\ufffd[2J cat" in said


def test_unsure_comes_back_last(inbox: Inbox, labelled: Labelled) -> None:
    assert labelled("?123")[0]
    assert inbox.collect("q0") == {4: 2, 5: 0, 6: 1}


def test_a_guess_is_hidden_until_asked_for_and_then_recorded(inbox: Inbox, labelled: Labelled) -> None:
    done, said = labelled(".1.22", guess=True)

    inbox.collect("q0")
    assert done
    assert said.count("the model thinks dog") == 1
    assert [note.get("shown") for note in inbox.notes("q0").values()] == [1, None, None]
    assert "guess" not in labelled("")[1]


def test_a_table_is_printed_and_an_image_without_a_file_is_written(labelled: Labelled, tmp_path: Path) -> None:
    items = {
        4: Table((("age", "4\x1b"),)),
        5: Image(np.zeros((2, 2, 1), np.uint8)),
        6: Image(np.zeros((2, 2, 1), np.uint8), "/a/6.png"),
    }
    _, said = labelled("111", items.__getitem__)

    assert "  age: 4\ufffd\n" in said
    assert f"{tmp_path}/shown/5.png\n" in said
    assert (tmp_path / "shown/5.png").exists()
    assert "/a/6.png\n" in said


def test_what_somebody_else_answered_meanwhile_is_said(inbox: Inbox, tmp_path: Path) -> None:
    def key(wait: float | None) -> str | None:
        if inbox.waiting("q0"):
            with inbox.ledger.transaction() as db:
                db.execute("DELETE FROM leases")  # as if it had run out
            inbox.answer("q0", inbox.waiting("q0")[0], 2, "bob")
        return "1" if wait is None else None

    said = io.StringIO()
    question = Question(NAMES, lambda row: Text(""), str, tmp_path)
    assert label(inbox, "q0", "ada", question, Terminal(said.write, key))

    assert "not taken: row 4 of q0 was answered by somebody else meanwhile" in said.getvalue()
    assert inbox.collect("q0") == {4: 2, 5: 2, 6: 2}


def test_keys_of_a_real_terminal_come_one_at_a_time_and_arrows_are_none() -> None:
    ours, theirs = pty.openpty()
    with open(theirs, encoding="utf-8", closefd=True) as source, here(source, io.StringIO(), {}) as terminal:
        os.write(ours, b"9")
        terminal.forget()  # typed before there was anything to see
        os.write(ours, b"1")
        assert terminal.key(5) == "1"
        os.write(ours, b"\x1b[A")
        assert terminal.key(0.2) is None
        os.write(ours, "ü".encode())
        assert terminal.key(5) == "ü"
        writer = threading.Timer(0.1, os.write, (ours, b"\x7f"))
        writer.start()
        assert terminal.key(5) == "\x7f"
        writer.join()
    os.close(ours)
