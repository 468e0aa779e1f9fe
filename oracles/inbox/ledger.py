"""One SQLite file that is only ever appended to: opened, checked, and each change on disk before it is acknowledged."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

APPLICATION, VERSION = 0x616C6962, 1  # "alib", so that `file` and we tell an inbox from another database
WAIT_S = 5.0  # for another process that writes; a commit takes milliseconds

TABLES = """
CREATE TABLE about (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE tickets (number INTEGER PRIMARY KEY, ticket TEXT NOT NULL UNIQUE, posted REAL NOT NULL);
CREATE TABLE rows (
  ticket TEXT NOT NULL REFERENCES tickets (ticket), row INTEGER NOT NULL, position INTEGER NOT NULL, guess INTEGER,
  PRIMARY KEY (ticket, row)
);
CREATE INDEX rows_by_row ON rows (row);
CREATE INDEX rows_in_order ON rows (ticket, position);
CREATE TABLE events (
  id INTEGER PRIMARY KEY, ticket TEXT NOT NULL, row INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('answer', 'skip', 'unsure', 'undo', 'revise')),
  label INTEGER, annotator TEXT NOT NULL, time REAL NOT NULL, seconds REAL, shown INTEGER, cost REAL, note TEXT,
  undoes INTEGER UNIQUE REFERENCES events (id), request TEXT NOT NULL UNIQUE,
  FOREIGN KEY (ticket, row) REFERENCES rows (ticket, row)
);
CREATE INDEX events_of_row ON events (ticket, row);
CREATE INDEX events_of_annotator ON events (annotator, time);
CREATE TABLE collected (
  ticket TEXT NOT NULL, row INTEGER NOT NULL, label INTEGER NOT NULL, upto INTEGER NOT NULL, time REAL NOT NULL,
  PRIMARY KEY (ticket, row), FOREIGN KEY (ticket, row) REFERENCES rows (ticket, row)
);
CREATE TABLE closed (ticket TEXT NOT NULL PRIMARY KEY REFERENCES tickets (ticket), time REAL NOT NULL);
CREATE TABLE passed_on (event INTEGER NOT NULL PRIMARY KEY REFERENCES events (id), time REAL NOT NULL);
CREATE TABLE leases (
  ticket TEXT NOT NULL, row INTEGER NOT NULL, annotator TEXT NOT NULL, until REAL NOT NULL,
  PRIMARY KEY (ticket, row, annotator)
);
CREATE VIEW standing AS
  SELECT * FROM events AS said WHERE kind IN ('answer', 'skip', 'unsure')
  AND NOT EXISTS (SELECT 1 FROM events AS undo WHERE undo.undoes = said.id);
"""
KEPT = ("about", "tickets", "rows", "events", "collected", "closed", "passed_on")  # leases are nobody's record
TRIGGERS = "".join(
    f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}"
    f" BEGIN SELECT RAISE(ABORT, '{table} is only ever appended to'); END;\n"
    for table in KEPT
    for verb in ("UPDATE", "DELETE")
)  # fmt: skip
OVERWRITES = """
CREATE TRIGGER events_no_replace BEFORE INSERT ON events WHEN EXISTS (
  SELECT 1 FROM events WHERE id = NEW.id OR request = NEW.request OR (NEW.undoes IS NOT NULL AND undoes = NEW.undoes))
  BEGIN SELECT RAISE(ABORT, 'events is only ever appended to'); END;
"""  # INSERT OR REPLACE deletes without asking the trigger above


class InboxError(Exception):
    """The inbox's file cannot be read or written; the message says why, what is safe and what to do."""


class Ledger:
    """The file, shared by the threads of this process and with other processes; one change at a time.

    A transaction that has ended survives a power cut (WAL, synchronous FULL).
    raises: InboxError for a file that is no inbox, is torn, is of another version, is locked, or cannot be written.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._depth = 0
        try:
            self._db = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise self._says(error) from error
        try:
            with self._told():
                self._open()
        except BaseException:
            self._db.close()
            raise

    def _open(self) -> None:
        self._db.row_factory = sqlite3.Row
        application, version = self._pragma("application_id"), self._pragma("user_version")
        is_new = self._pragma("schema_version") == 0
        if not is_new and application != APPLICATION:
            raise InboxError(f"{self.path} is a database of something else: move it away, or name another inbox.")
        if not is_new and version != VERSION:
            raise InboxError(
                f"{self.path} is an inbox of version {version}, and this program writes version {VERSION}: use the release"
                " that made it, export its answers there, and import them here."
            )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA recursive_triggers = ON")
        if is_new:
            self._create()
        elif (found := self._db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise self._torn(str(found))

    def _create(self) -> None:
        with self.transaction() as db:
            if self._pragma("schema_version"):  # another process was faster
                return
            for statement in _statements(TABLES + TRIGGERS + OVERWRITES):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION}")
            db.execute(f"PRAGMA user_version = {VERSION}")
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the file's name, not only its content
        finally:
            os.close(folder)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of what happens inside, on disk once this ends, or nothing of it. Inside another it is part of that."""
        with self._lock, self._told():
            if self._depth:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def aggregate(self, name: str, arguments: int, make: Callable[[], object]) -> None:
        """Let queries call this; see `sqlite3.Connection.create_aggregate`."""
        with self._lock, self._told():
            self._db.create_aggregate(name, arguments, make)  # type: ignore[arg-type]

    def select(self, query: str, values: dict[str, object] | None = None) -> list[sqlite3.Row]:
        with self._lock, self._told():
            return self._db.execute(query, values or {}).fetchall()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._says(error) from error

    def _says(self, error: sqlite3.Error) -> InboxError:
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & 0xFF
        if primary is None or primary == sqlite3.SQLITE_CONSTRAINT:
            return InboxError(f"{self.path} refused a change: {error}. Nothing was taken.")
        reasons: dict[int, Callable[[], InboxError]] = {
            sqlite3.SQLITE_NOTADB: lambda: InboxError(
                f"{self.path} is no SQLite file, or its beginning is torn: move it away, or bring it back from a copy."
            ),
            sqlite3.SQLITE_CORRUPT: lambda: self._torn(str(error)),
            sqlite3.SQLITE_BUSY: lambda: InboxError(
                f"{self.path} has been locked by another process for {WAIT_S:g} s; nothing was taken. Close what holds it"
                " open (a database browser, a backup), and answer again."
            ),
            sqlite3.SQLITE_FULL: lambda: self._not_written("the disk is full"),
            sqlite3.SQLITE_READONLY: lambda: self._not_written("it may not be written"),
            sqlite3.SQLITE_CANTOPEN: lambda: InboxError(
                f"{self.path} cannot be opened: the folder is missing or may not be written. Make it, or name another."
            ),
        }
        say = reasons.get(primary)
        return say() if say else self._not_written(f"the disk answered {error}")

    def _torn(self, what: str) -> InboxError:
        return InboxError(
            f"{self.path} is damaged ({what}). Bring it back from a copy, or save what is left with the `.recover` of the"
            " sqlite3 program; labels that were told are in the run's journal, which is another file."
        )

    def _not_written(self, why: str) -> InboxError:
        return InboxError(
            f"{self.path}: {why}, and the change was not taken. What was acknowledged before is safe; mend this, and answer"
            " again."
        )


def _statements(script: str) -> Iterator[str]:
    """One by one, inside our own transaction: sqlite3's executescript would commit it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
