"""Who looks at what just now: rows kept from others for a while."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection

from oracles.inbox.ledger import Ledger

LEASE_S = 120.0  # long enough to look something up; then the row goes to somebody else
RELOAD_S = 5.0  # a page that is left keeps its rows for so long: it may be the same one that comes again

# rows that `me` may be asked about, in the order posted: undecided, not answered by me, and wanted from more annotators
# than have answered or look at it just now
OFFERED = """
SELECT rows.ticket, rows.row, rows.guess FROM tickets JOIN rows USING (ticket)
WHERE tickets.ticket NOT IN (SELECT ticket FROM closed)
  AND {unsure} (SELECT 1 FROM standing WHERE standing.ticket = rows.ticket AND standing.row = rows.row
     AND kind = 'unsure' AND annotator = :me)
  AND NOT EXISTS (SELECT 1 FROM collected WHERE collected.ticket = rows.ticket AND collected.row = rows.row)
  AND NOT EXISTS (SELECT 1 FROM events WHERE events.ticket = rows.ticket AND events.row = rows.row AND kind = 'revise')
  AND NOT EXISTS (SELECT 1 FROM standing WHERE standing.ticket = rows.ticket AND standing.row = rows.row
     AND kind <> 'unsure' AND annotator = :me)
  AND (SELECT count(*) FROM standing WHERE standing.ticket = rows.ticket AND standing.row = rows.row
     AND kind <> 'unsure')
    + (SELECT count(*) FROM leases WHERE leases.ticket = rows.ticket AND leases.row = rows.row
     AND annotator <> :me AND until > :now AND NOT EXISTS (
       SELECT 1 FROM standing WHERE standing.ticket = leases.ticket AND standing.row = leases.row
       AND kind <> 'unsure' AND standing.annotator = leases.annotator))
    < (SELECT coalesce(wanted(annotator, label), :least) FROM standing WHERE standing.ticket = rows.ticket
     AND standing.row = rows.row AND kind <> 'unsure')
ORDER BY {order} LIMIT :n
"""
FRESH = OFFERED.format(unsure="NOT EXISTS", order="tickets.number, rows.position")
UNSURE = OFFERED.format(
    unsure="EXISTS",
    order="(SELECT max(id) FROM events WHERE events.ticket = rows.ticket AND events.row = rows.row AND annotator = :me)",
)


@dataclass(frozen=True)
class Asked:
    """A row that an annotator is asked about.    guess: what the model thinks, where it was posted."""

    ticket: str
    row: int
    guess: int | None = None


def take(ledger: Ledger, me: str, n: int, least: int, now: float, lease_s: float) -> list[Asked]:
    """Up to n rows for this annotator, who lets go of all others. least: annotators that a row without answers wants."""
    with ledger.transaction() as db:
        who = {"me": me, "now": now, "least": least}
        found = ledger.select(FRESH, {**who, "n": n})
        if len(found) < n:
            found += ledger.select(UNSURE, {**who, "n": n - len(found)})
        db.execute("DELETE FROM leases WHERE until <= ? OR annotator = ?", (now, me))
        for row in found:
            give(db, row["ticket"], row["row"], me, now + lease_s)
        return [Asked(row["ticket"], row["row"], row["guess"]) for row in found]


def give(db: Connection, ticket: str, row: int, annotator: str, until: float) -> None:
    db.execute(
        "INSERT OR REPLACE INTO leases (ticket, row, annotator, until) VALUES (?, ?, ?, ?)",
        (ticket, row, annotator, until),
    )


def until(ledger: Ledger, me: str) -> float | None:
    """When the last lease of this annotator runs out."""
    found = ledger.select("SELECT max(until) AS until FROM leases WHERE annotator = :me", {"me": me})
    return found[0]["until"]  # type: ignore[no-any-return]


def release(ledger: Ledger, me: str, until: float, now: float) -> None:
    """What this annotator holds until then or less long is soon others'; what was taken since stays theirs."""
    with ledger.transaction() as db:
        db.execute(
            "UPDATE leases SET until = :soon WHERE annotator = :me AND until <= :until AND until > :soon",
            {"me": me, "until": until, "soon": now + RELOAD_S},
        )
