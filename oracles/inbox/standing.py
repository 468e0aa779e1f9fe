"""What stands in an inbox at a moment: reads only, changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from sqlite3 import Row
from typing import TypeAlias

from oracles.inbox.ledger import Ledger

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"


def rows_of(ledger: Ledger, ticket: str) -> list[int]:
    """In the order posted."""
    found = ledger.select("SELECT row FROM rows WHERE ticket = :ticket ORDER BY position", {"ticket": ticket})
    return [each["row"] for each in found]


def collected(ledger: Ledger, ticket: str) -> dict[int, int]:
    """Row -> label, of what has gone to the run."""
    found = ledger.select("SELECT row, label FROM collected WHERE ticket = :ticket", {"ticket": ticket})
    return {each["row"]: each["label"] for each in found}


def decided(ledger: Ledger, ticket: str, panel: int) -> dict[int, int]:
    """Row -> label: the latest revision, else that of most of the panel once all of it has answered."""
    votes: dict[int, list[int]] = {}
    for said in ledger.select(
        "SELECT row, label FROM standing WHERE ticket = :ticket AND kind <> 'unsure' ORDER BY id", {"ticket": ticket}
    ):
        votes.setdefault(said["row"], []).append(said["label"])
    most = {row: Counter(labels).most_common(1)[0][0] for row, labels in votes.items() if len(labels) >= panel}
    revised = ledger.select(
        "SELECT row, label FROM events WHERE ticket = :ticket AND kind = 'revise' ORDER BY id", {"ticket": ticket}
    )
    return {**most, **{said["row"]: said["label"] for said in revised}}  # of equals the one given first is most common


def said_of(ledger: Ledger, ticket: str, row: int) -> list[Row]:
    """The answers and skips that stand on a row, oldest first."""
    return ledger.select(
        "SELECT * FROM standing WHERE ticket = :ticket AND row = :row AND kind <> 'unsure' ORDER BY id",
        {"ticket": ticket, "row": row},
    )


def is_revised(ledger: Ledger, ticket: str, row: int) -> bool:
    return bool(
        ledger.select(
            "SELECT 1 FROM events WHERE ticket = :ticket AND row = :row AND kind = 'revise'",
            {"ticket": ticket, "row": row},
        )
    )


def guess_of(ledger: Ledger, ticket: str, row: int) -> int | None:
    found = ledger.select(
        "SELECT guess FROM rows WHERE ticket = :ticket AND row = :row", {"ticket": ticket, "row": row}
    )
    return found[0]["guess"] if found else None


def notes_of(ledger: Ledger, ticket: str) -> dict[int, dict[str, JSON]]:
    """Of every row collected: who, when, in how many seconds, at what cost, shown what; `answers` has each of several.

    Only what was said before it was collected: so they stay as they are.
    """
    said = ledger.select(
        "SELECT events.* FROM events JOIN collected USING (ticket, row) WHERE ticket = :ticket AND id <= upto"
        " AND kind IN ('answer', 'skip', 'revise')"
        " AND NOT EXISTS (SELECT 1 FROM events AS undo WHERE undo.undoes = events.id) ORDER BY id",
        {"ticket": ticket},
    )
    of: dict[int, list[dict[str, JSON]]] = {}
    for event in said:
        of.setdefault(event["row"], []).append(_note(event))
    return {row: notes[0] if len(notes) == 1 else _together(notes) for row, notes in of.items()}


def _note(event: Row) -> dict[str, JSON]:
    note: dict[str, JSON] = {
        "annotator": event["annotator"],
        "date": date_of(event["time"]),
        "label": event["label"],
        "seconds": event["seconds"],
        "shown": event["shown"],
        "cost": event["cost"],
        "why": event["note"],
    }
    return {name: value for name, value in note.items() if value is not None}


def _together(notes: Sequence[Mapping[str, JSON]]) -> dict[str, JSON]:
    costs = [cost for note in notes if isinstance(cost := note.get("cost"), (int, float))]
    names = ", ".join(dict.fromkeys(str(note["annotator"]) for note in notes))
    return {"annotator": names, "date": notes[-1]["date"], "cost": sum(costs), "answers": notes}


def date_of(time: float) -> str:
    """ISO 8601 in UTC, of seconds since 1970."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")
