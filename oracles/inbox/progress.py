"""What an owner wants to see of an inbox: who did how much, where people disagree, examples of every class."""

from __future__ import annotations

from dataclasses import dataclass

from oracles.inbox.inbox import Inbox
from oracles.inbox.standing import decided

RECENT_S = 300.0  # answers of the last five minutes make the rate

OF_ANNOTATORS = """
SELECT annotator, max(time) AS last,
  sum(kind = 'answer') AS answers, sum(kind = 'skip') AS skips, sum(kind = 'unsure') AS unsure,
  (SELECT count(*) FROM events AS undo WHERE undo.annotator = standing.annotator AND undo.kind = 'undo') AS undone,
  sum(kind <> 'unsure' AND time > :since) AS recent, min(CASE WHEN time > :since THEN time END) AS first,
  avg(CASE WHEN kind <> 'unsure' THEN seconds END) AS seconds
FROM standing GROUP BY annotator ORDER BY answers DESC, annotator
"""
OF_ONE = """
SELECT count(*) AS said, sum(time > :since) AS recent, min(CASE WHEN time > :since THEN time END) AS first
FROM standing WHERE annotator = :who AND kind <> 'unsure'
"""
OPEN_TICKETS = """
SELECT ticket, count(*) AS rows, sum(
  NOT EXISTS (SELECT 1 FROM collected WHERE collected.ticket = rows.ticket AND collected.row = rows.row)
  AND NOT EXISTS (SELECT 1 FROM events WHERE events.ticket = rows.ticket AND events.row = rows.row AND kind = 'revise')
  AND (SELECT count(*) FROM standing WHERE standing.ticket = rows.ticket AND standing.row = rows.row
    AND kind <> 'unsure') < (SELECT coalesce(wanted(annotator, label), :least) FROM standing
    WHERE standing.ticket = rows.ticket AND standing.row = rows.row AND kind <> 'unsure')) AS left
FROM tickets JOIN rows USING (ticket) WHERE ticket NOT IN (SELECT ticket FROM closed)
GROUP BY tickets.number ORDER BY tickets.number
"""
IN_DOUBT = """
SELECT ticket, row FROM standing GROUP BY ticket, row
HAVING count(DISTINCT CASE WHEN kind <> 'unsure' THEN label END) > 1 OR sum(kind = 'unsure') > 0
ORDER BY max(id) DESC LIMIT :n
"""
LATEST = """
SELECT said.row, said.label FROM (
  SELECT row, label, id FROM standing WHERE kind = 'answer' UNION ALL
  SELECT row, label, id FROM events WHERE kind = 'revise') AS said
GROUP BY said.row HAVING said.id = max(said.id) AND said.label >= 0 ORDER BY said.id DESC LIMIT :n
"""


@dataclass(frozen=True)
class Ticket:
    """How far a ticket is.    left: rows to decide."""

    name: str
    rows: int
    left: int


@dataclass(frozen=True)
class Annotator:
    """What stands of one annotator.

    last: seconds since 1970.    rate: answers and skips a minute, lately; 0 after five minutes of none.
    seconds: mean time spent on a row, where pages told it.
    """

    name: str
    answers: int
    skips: int
    unsure: int
    undone: int
    last: float
    rate: float
    seconds: float | None


@dataclass(frozen=True)
class Opinion:
    """What one annotator, or the owner (`revise`), said of a row.    label: None for unsure."""

    annotator: str
    kind: str
    label: int | None
    note: str | None


@dataclass(frozen=True)
class Doubt:
    """A row on which people disagree or were unsure.    label: what it counts as now, if anything."""

    ticket: str
    row: int
    label: int | None
    opinions: tuple[Opinion, ...]


def tickets(inbox: Inbox) -> list[Ticket]:
    """Those that people are asked about, oldest first."""
    found = inbox.ledger.select(OPEN_TICKETS, {"least": inbox.rule.least})
    return [Ticket(each["ticket"], each["rows"], each["left"]) for each in found]


def of_annotator(inbox: Inbox, name: str) -> tuple[int, float]:
    """(answers and skips that stand, how many a minute lately)."""
    now = inbox.clock()
    found = inbox.ledger.select(OF_ONE, {"who": name, "since": now - RECENT_S})[0]
    return found["said"], _rate(found["recent"], found["first"], now)


def annotators(inbox: Inbox) -> list[Annotator]:
    now = inbox.clock()
    return [
        Annotator(
            each["annotator"], each["answers"], each["skips"], each["unsure"], each["undone"], each["last"],
            _rate(each["recent"], each["first"], now), each["seconds"],
        )
        for each in inbox.ledger.select(OF_ANNOTATORS, {"since": now - RECENT_S})
    ]  # fmt: skip


def _rate(count: int | None, first: float | None, now: float) -> float:
    """A minute, since the first of them, but of at least half a minute: two quick answers are no rate of 60."""
    return 0.0 if first is None or not count else 60 * count / max(now - first, 30.0)


def doubts(inbox: Inbox, n: int = 200) -> list[Doubt]:
    """The latest n rows on which people disagree or were unsure."""
    found: list[Doubt] = []
    labels: dict[str, dict[int, int]] = {}
    for each in inbox.ledger.select(IN_DOUBT, {"n": n}):
        ticket, row = each["ticket"], each["row"]
        if ticket not in labels:
            labels[ticket] = decided(inbox.ledger, ticket, inbox.rule, inbox.classes)
        said = inbox.ledger.select(
            "SELECT * FROM (SELECT * FROM standing UNION ALL SELECT * FROM events WHERE kind = 'revise')"
            " WHERE ticket = :ticket AND row = :row ORDER BY id",
            {"ticket": ticket, "row": row},
        )
        opinions = tuple(Opinion(one["annotator"], one["kind"], one["label"], one["note"]) for one in said)
        found.append(Doubt(ticket, row, labels[ticket].get(row), opinions))
    return found


def examples(inbox: Inbox, each: int) -> dict[int, list[int]]:
    """Class id -> up to `each` rows that were labelled so last."""
    rows: dict[int, list[int]] = {label: [] for label in range(inbox.classes)}
    for said in inbox.ledger.select(LATEST, {"n": 100 * inbox.classes * each}):
        if len(rows[said["label"]]) < each:
            rows[said["label"]].append(said["row"])
    return rows
