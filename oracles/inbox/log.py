"""What people said, one event after the other; a request that comes twice is one event."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from sqlite3 import Row

from oracles.inbox import checks
from oracles.inbox.checks import Refused
from oracles.inbox.ledger import Ledger


@dataclass(frozen=True)
class Said:
    """One thing that somebody said about a row.

    kind: "answer", "skip", "unsure", "undo" or "revise".    label: class id, -2 for a skip, None for unsure and undo.
    """

    ticket: str
    row: int
    kind: str
    label: int | None
    annotator: str

    @property
    def words(self) -> tuple[object, ...]:
        return self.ticket, self.row, self.kind, self.label, self.annotator


def request(ledger: Ledger, name: str | None) -> Row | None:
    """The event that a request made, if it came before. raises: Refused for what is no name."""
    if name is None:
        return None
    found = ledger.select("SELECT * FROM events WHERE request = :name", {"name": checks.name(name, "request")})
    return found[0] if found else None


def repeated(ledger: Ledger, said: Said, name: str | None) -> int | None:
    """The event that this very request made before; None if it is new. raises: Refused if it said something else."""
    before = request(ledger, name)
    if before is None:
        return None
    if tuple(before[part] for part in ("ticket", "row", "kind", "label", "annotator")) != said.words:
        raise Refused(f"request {name!r} was used for something else; choose a new one.")
    return int(before["id"])


def append(
    ledger: Ledger,
    said: Said,
    time: float,
    request: str | None,
    *,
    seconds: object = None,
    shown: int | None = None,
    cost: object = None,
    note: object = "",
    undoes: int | None = None,
) -> int:
    """Write the event; gives its number. The annotator lets go of the row. raises: Refused."""
    values = {
        "ticket": said.ticket,
        "row": said.row,
        "kind": said.kind,
        "label": said.label,
        "annotator": said.annotator,
        "time": time,
        "seconds": checks.amount(seconds, "seconds"),
        "shown": shown,
        "cost": checks.amount(cost, "cost"),
        "note": checks.note(note, "note") or None,
        "undoes": undoes,
        "request": secrets.token_hex(16) if request is None else checks.name(request, "request"),
    }
    with ledger.transaction() as db:
        marks = ", ".join(f":{name}" for name in values)
        made = db.execute(f"INSERT INTO events ({', '.join(values)}) VALUES ({marks})", values)
        db.execute("DELETE FROM leases WHERE ticket = :ticket AND row = :row AND annotator = :annotator", values)
        assert made.lastrowid is not None
        return made.lastrowid
