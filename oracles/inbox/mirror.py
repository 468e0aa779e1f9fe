"""What people answered in another tool, taken into the inbox, where it counts like any other answer."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from oracles.inbox import log, standing
from oracles.inbox.checks import SKIP
from oracles.inbox.inbox import Inbox
from oracles.inbox.log import Said


@dataclass(frozen=True)
class Elsewhere:
    """An answer in another tool.    label: class id or -2.    began, time: when it was first given, and last changed."""

    row: int
    label: int
    annotator: str
    began: float
    time: float
    seconds: float | None = None
    shown: int | None = None


def mirror(inbox: Inbox, ticket: str, tool: str, rows: Collection[int], said: Iterable[Elsewhere]) -> int:
    """Let what stands about these rows be what stands in the tool; gives how many changes that took.

    An answer that was changed or deleted there is undone here, as long as its row was not collected. Of several answers of
    one annotator the latest counts, of more annotators than the rule asks at most those who began first. What was answered by
    other ways stays. Again: no effect.

    rows: those about which `said` is complete.
    """
    wanted: dict[int, dict[str, Elsewhere]] = {row: {} for row in rows}
    for each in sorted(said, key=lambda each: each.time):
        wanted[each.row][each.annotator] = each
    changes = 0
    with inbox.ledger.transaction():
        gone = standing.collected(inbox.ledger, ticket)
        for row in standing.rows_of(inbox.ledger, ticket):
            if row in wanted and row not in gone and not standing.is_revised(inbox.ledger, ticket, row):
                changes += _mirror_row(inbox, ticket, tool, row, wanted[row])
    return changes


def _mirror_row(inbox: Inbox, ticket: str, tool: str, row: int, wanted: dict[str, Elsewhere]) -> int:
    stand = {each["annotator"]: each for each in standing.said_of(inbox.ledger, ticket, row)}
    gone = [
        event
        for name, event in stand.items()
        if event["request"].startswith(f"{tool}:") and (name not in wanted or wanted[name].label != event["label"])
    ]
    for event in gone:
        said = Said(ticket, row, "undo", None, event["annotator"])
        log.append(inbox.ledger, said, inbox.clock(), None, undoes=event["id"])
    names = stand.keys() - {event["annotator"] for event in gone}
    new = [
        each
        for each in sorted(wanted.values(), key=lambda each: (each.began, each.annotator))
        if each.annotator not in names
    ][: max(0, inbox.rule.cap - len(names))]
    for each in new:
        said = Said(ticket, row, "skip" if each.label == SKIP else "answer", each.label, each.annotator)
        request = f"{tool}:{secrets.token_hex(16)}"  # says for good which tool the answer came from
        log.append(inbox.ledger, said, each.time, request, seconds=each.seconds, shown=each.shown, cost=1.0)
    return len(gone) + len(new)
