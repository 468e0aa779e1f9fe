"""What stands in an inbox at a moment: reads only, changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from sqlite3 import Row
from typing import TypeAlias

from oracles.inbox.ledger import Ledger
from oracles.rule import Rule

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"


def rows_of(ledger: Ledger, ticket: str) -> list[int]:
    """In the order posted."""
    found = ledger.select("SELECT row FROM rows WHERE ticket = :ticket ORDER BY position", {"ticket": ticket})
    return [each["row"] for each in found]


def collected(ledger: Ledger, ticket: str) -> dict[int, int]:
    """Row -> label, of what has gone to the run."""
    found = ledger.select("SELECT row, label FROM collected WHERE ticket = :ticket", {"ticket": ticket})
    return {each["row"]: each["label"] for each in found}


class Wanted:
    """The rule, for SQL: `wanted(annotator, label)` over the answers and skips that stand on a row; NULL of none."""

    def __init__(self, rule: Rule[str]) -> None:
        self._rule, self._said = rule, dict[str, int]()

    def step(self, annotator: str, label: int) -> None:
        self._said[annotator] = label

    def finalize(self) -> int:
        return self._rule.wanted(self._said)


def votes_of(ledger: Ledger, ticket: str) -> dict[int, dict[str, int]]:
    """Row -> annotator -> class id or -2, of the answers and skips that stand, oldest first."""
    votes: dict[int, dict[str, int]] = {}
    for said in ledger.select(
        "SELECT row, annotator, label FROM standing WHERE ticket = :ticket AND kind <> 'unsure' ORDER BY id",
        {"ticket": ticket},
    ):
        votes.setdefault(said["row"], {})[said["annotator"]] = said["label"]
    return votes


def revised(ledger: Ledger, ticket: str) -> dict[int, int]:
    """Row -> label, of the latest revision."""
    found = ledger.select(
        "SELECT row, label FROM events WHERE ticket = :ticket AND kind = 'revise' ORDER BY id", {"ticket": ticket}
    )
    return {said["row"]: said["label"] for said in found}


def settled(ledger: Ledger, ticket: str, rule: Rule[str]) -> set[int]:
    """Rows about which nobody is asked any more: collected, revised, or answered by as many as the rule wants."""
    votes = votes_of(ledger, ticket).items()
    whole = {row for row, said in votes if len(said) >= rule.wanted(said)}
    return whole | collected(ledger, ticket).keys() | revised(ledger, ticket).keys()


def decided(ledger: Ledger, ticket: str, rule: Rule[str], classes: int) -> dict[int, int]:
    """Row -> label: the latest revision, else what was collected, else what the answers come to by the rule.

    By "dawid-skene" nothing until the whole ticket is settled, and then from all answers up to it and none later.
    """
    whole = settled(ledger, ticket, rule)
    if rule.merge != "dawid-skene":
        labels = {row: rule.vote(row, said) for row, said in votes_of(ledger, ticket).items() if row in whole}
    elif whole >= set(rows_of(ledger, ticket)):
        before = ledger.select(
            "SELECT ticket FROM tickets WHERE number <= (SELECT number FROM tickets WHERE ticket = :ticket)",
            {"ticket": ticket},
        )
        lines = [(each["ticket"], *line) for each in before for line in votes_of(ledger, each["ticket"]).items()]
        merged = rule.by_model([said for _, _, said in lines], classes)
        labels = {row: label for (of, row, _), label in zip(lines, merged, strict=True) if of == ticket}
    else:
        labels = {}
    return {**labels, **collected(ledger, ticket), **revised(ledger, ticket)}


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
