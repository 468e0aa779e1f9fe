from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from oracles import Inbox
from oracles.inbox import InboxError, ledger

from .conftest import Open

FILE = "inbox.sqlite"


@pytest.mark.parametrize("table", ledger.KEPT)
@pytest.mark.parametrize(
    "change", ["DELETE FROM {}", "UPDATE {} SET rowid = 99", "INSERT OR REPLACE INTO {} SELECT * FROM {}"]
)
def test_what_is_kept_is_only_ever_appended_to(inbox: Inbox, table: str, change: str) -> None:
    inbox.post("q0", [1, 2])
    inbox.answer("q0", 1, 1, "ada")
    inbox.answer("q0", 2, 1, "ada")
    inbox.undo("ada")
    inbox.collect("q0")
    inbox.revise("q0", 1, 2, "eve", "no")
    inbox.pass_on(inbox.revisions()[0].event)
    inbox.close_ticket("q0")
    before = inbox.ledger.select(f"SELECT * FROM {table}")

    with pytest.raises(InboxError, match=f"{table} is only ever appended to"):
        with inbox.ledger.transaction() as db:
            db.execute(change.format(table, table))

    assert before
    assert inbox.ledger.select(f"SELECT * FROM {table}") == before


def test_commits_are_synced_and_the_log_is_written_ahead(inbox: Inbox) -> None:
    assert inbox.ledger.select("PRAGMA journal_mode")[0][0] == "wal"
    assert inbox.ledger.select("PRAGMA synchronous")[0][0] == 2


def test_a_full_disk_is_said_and_what_was_acknowledged_stays(inbox: Inbox) -> None:
    inbox.post("q0", range(2000))
    inbox.ledger.select("PRAGMA max_page_count = 1")  # SQLite takes the pages in use, and answers as a full disk does

    with pytest.raises(
        InboxError, match=r"the disk is full, and the change was not taken\. What was acknowledged before"
    ):
        _answer_all(inbox, 2000)
    taken = inbox.last_event()
    inbox.ledger.select("PRAGMA max_page_count = 100000")
    inbox.answer("q0", taken, 1, "ada")

    assert len(inbox.collect("q0")) == taken + 1


def _answer_all(inbox: Inbox, rows: int) -> None:
    for row in range(rows):
        inbox.answer("q0", row, 1, "ada", note="x" * 200)


def test_a_locked_file_is_said(inbox: Inbox, open_inbox: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.post("q0", [1])
    monkeypatch.setattr(ledger, "WAIT_S", 0.05)
    other = open_inbox()
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    with pytest.raises(InboxError, match="has been locked by another process for .* nothing was taken"):
        other.answer("q0", 1, 1, "ada")
    holder.execute("ROLLBACK")
    holder.close()

    assert other.answer("q0", 1, 1, "ada") == 1


def test_a_torn_beginning_and_a_torn_middle_are_said(open_inbox: Open, tmp_path: Path) -> None:
    inbox = open_inbox()
    inbox.post("q0", range(5000))
    inbox.close()
    whole = (tmp_path / FILE).read_bytes()

    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InboxError, match="is damaged .*Bring it back from a copy"):
        open_inbox()
    (tmp_path / FILE).write_bytes(b"\0" * 4096 + whole[4096:])
    with pytest.raises(InboxError, match="is no SQLite file, or its beginning is torn"):
        open_inbox()


@pytest.mark.parametrize(
    ("pragma", "message"),
    [("user_version = 2", "is an inbox of version 2, and this program writes version 1"),
     ("application_id = 7", "is a database of something else")],
)  # fmt: skip
def test_another_version_and_another_database_are_refused(
    open_inbox: Open, tmp_path: Path, pragma: str, message: str
) -> None:
    open_inbox().close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute(f"PRAGMA {pragma}")
    db.close()

    with pytest.raises(InboxError, match=message):
        open_inbox()


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InboxError, match="cannot be opened: the folder is missing or may not be written"):
        Inbox(tmp_path / "none" / FILE, 2, lambda: 0.0)


KILLED = """
import os, sys
from oracles import Inbox
inbox = Inbox(sys.argv[1], 10, lambda: 0.0)
inbox.post("q0", range(100))
for row in range(100):
    print(inbox.answer("q0", row, row % 10, "ada") - 1, flush=True)
    if row == int(sys.argv[2]):
        os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("at", [0, 1, 40])
def test_what_a_killed_process_acknowledged_is_there(open_inbox: Open, tmp_path: Path, at: int) -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / FILE), str(at)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )

    acknowledged = [int(line) for line in done.stdout.split()]
    assert acknowledged == list(range(at + 1)), done.stderr
    assert open_inbox().collect("q0") == {row: row % 10 for row in acknowledged}
