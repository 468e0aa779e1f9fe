"""Where people's answers come in: tickets, leases, and every answer, skip, undo and revision, kept for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from oracles.inbox import checks, leases, log, standing
from oracles.inbox.checks import SKIP, Refused
from oracles.inbox.leases import LEASE_S, Asked
from oracles.inbox.ledger import Ledger
from oracles.inbox.log import Said
from oracles.inbox.standing import JSON
from oracles.rule import Rule


@dataclass(frozen=True)
class Revision:
    """What the owner decided about a row after it had gone to the run.    event: its number in the log."""

    event: int
    row: int
    label: int
    annotator: str
    why: str
    time: float


class Inbox:
    """People's answers in one SQLite file; an oracle by shape.

    When `answer`, `undo` or `revise` returns, it is on disk. What `collect` gave stands: it can be revised, not undone.
    Several processes and threads may use one file.

    path:    made where there is none.    classes: C; a label is a class id.    about: what the rows are of; a file about
        something else is refused.    clock: seconds since 1970.
    rule:    how many annotators a row wants and what they say together; one, unless told otherwise.
    lease_s: how long a row is kept for the annotator who looks at it.
    raises:  InboxError for a file that cannot be used; Refused (a ValueError) for what is asked or answered wrongly.
    """

    def __init__(
        self,
        path: Path | str,
        classes: int,
        clock: Callable[[], float],
        *,
        about: str = "",
        rule: Rule[str] | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        if classes < 1 or not lease_s > 0:
            raise ValueError(f"an inbox of {classes} classes and leases of {lease_s} s: both must be above 0.")
        self.classes, self.clock = classes, clock
        self.rule: Rule[str] = rule or Rule()
        self._lease_s = lease_s
        self.ledger = Ledger(path)
        try:
            self.ledger.aggregate("wanted", 2, partial(standing.Wanted, self.rule))
            self._check_about({"about": about, "classes": str(classes)})
        except BaseException:
            self.ledger.close()
            raise

    # the oracle

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        """Put rows before people. Again: no effect. guesses: row -> class id that the model thinks of."""
        asked = [checks.row(int(row)) for row in rows]
        if len(set(asked)) < len(asked):
            raise Refused(f"ticket {ticket!r} asks about a row twice, among {len(asked)} from {asked[:5]}.")
        with self.ledger.transaction() as db:
            if self.has(ticket):
                before = standing.rows_of(self.ledger, ticket)
                if before != asked:
                    raise Refused(
                        f"ticket {ticket!r} was posted with {len(before)} rows from {before[:5]}, and now with"
                        f" {len(asked)} from {asked[:5]}: a ticket stays what it was. Post under another name."
                    )
                return
            thought = {row: checks.label(int(guess), self.classes) for row, guess in (guesses or {}).items()}
            db.execute("INSERT INTO tickets (ticket, posted) VALUES (?, ?)", (ticket, self.clock()))
            db.executemany(
                "INSERT INTO rows (ticket, row, position, guess) VALUES (?, ?, ?, ?)",
                [(ticket, row, at, thought.get(row)) for at, row in enumerate(asked)],
            )

    def collect(self, ticket: str) -> dict[int, int]:
        """Row -> class id or -2, as far as decided. What was given once is given again, whatever is said later."""
        with self.ledger.transaction() as db:
            self._check_posted(ticket)
            now, upto = self.clock(), self.last_event()
            given = standing.collected(self.ledger, ticket)
            found = standing.decided(self.ledger, ticket, self.rule, self.classes)
            fresh = {row: label for row, label in found.items() if row not in given}
            db.executemany(
                "INSERT INTO collected (ticket, row, label, upto, time) VALUES (?, ?, ?, ?, ?)",
                [(ticket, row, label, upto, now) for row, label in fresh.items()],
            )
            labels = {**given, **fresh}
            return {row: labels[row] for row in standing.rows_of(self.ledger, ticket) if row in labels}

    def settle(self, ticket: str, answers: Mapping[int, int]) -> None:
        """Note what the run was told by other ways: nobody is asked about these rows any more. Again: no effect."""
        with self.ledger.transaction() as db:
            self._check_posted(ticket)
            now, upto = self.clock(), self.last_event()
            db.executemany(
                "INSERT OR IGNORE INTO collected (ticket, row, label, upto, time) VALUES (?, ?, ?, ?, ?)",
                [(ticket, row, label, upto, now) for row, label in answers.items()],
            )

    def notes(self, ticket: str) -> dict[int, dict[str, JSON]]:
        """Of every row collected: who answered, when, in how many seconds, at what cost, shown what; each of a panel."""
        self._check_posted(ticket)
        return standing.notes_of(self.ledger, ticket)

    # annotators

    def lease(self, annotator: str, n: int = 1) -> list[Asked]:
        """Up to n rows for this annotator to look at next, kept from others for `lease_s` seconds from now.

        In the order posted; rows that the annotator was unsure of come last.
        """
        me = checks.name(annotator, "annotator")
        return leases.take(self.ledger, me, n, self.rule.least, self.clock(), self._lease_s)

    def held_until(self, annotator: str) -> float | None:
        """When the last lease of this annotator runs out, in seconds since 1970; None where they hold none."""
        return leases.until(self.ledger, checks.name(annotator, "annotator"))

    def release(self, annotator: str, until: float) -> None:
        """Let go of what this annotator held until then or less long, but for the few seconds that a reload takes."""
        me, before = checks.name(annotator, "annotator"), checks.amount(until, "until")
        leases.release(self.ledger, me, before or 0.0, self.clock())

    def answer(
        self,
        ticket: str,
        row: int,
        label: int | None,
        annotator: str,
        *,
        request: str | None = None,
        seconds: float | None = None,
        shown: int | None = None,
        cost: float = 1.0,
        note: str = "",
    ) -> int:
        """Take a class id, -2 to skip the row for good, or None: unsure, for somebody else or for later.

        request: of the caller's choosing; sent again it has no effect.    seconds: spent looking.    shown: the guess
        that the annotator saw.    returns: the number of the event in the log.
        """
        label = None if label is None else checks.label(label, self.classes, or_skip=True)
        shown = None if shown is None else checks.label(shown, self.classes)
        kind = "unsure" if label is None else "skip" if label == SKIP else "answer"
        said = Said(checks.name(ticket, "ticket"), checks.row(row), kind, label, checks.name(annotator, "annotator"))
        with self.ledger.transaction():
            if (done := log.repeated(self.ledger, said, request)) is not None:
                return done
            self._check_open(said.ticket, said.row)
            stand = standing.said_of(self.ledger, said.ticket, said.row)
            mine = [each for each in stand if each["annotator"] == said.annotator]
            if mine and mine[0]["label"] == label:
                return int(mine[0]["id"])
            if mine:
                before = "skipped" if mine[0]["label"] == SKIP else f"class {mine[0]['label']}"
                raise Refused(
                    f"{said.annotator} has answered row {row} of {ticket} already, as {before}: undo that first."
                )
            if len(stand) >= self.rule.wanted({each["annotator"]: each["label"] for each in stand}):
                raise Refused(f"row {row} of {ticket} was answered by somebody else meanwhile; go on with the next.")
            return log.append(
                self.ledger, said, self.clock(), request, seconds=seconds, shown=shown, cost=cost, note=note
            )

    def undo(self, annotator: str, *, request: str | None = None) -> Asked:
        """Take back the latest answer, skip or unsure of this annotator; the row is theirs again."""
        who = checks.name(annotator, "annotator")
        with self.ledger.transaction() as db:
            before = log.request(self.ledger, request)
            if before is not None and (before["kind"], before["annotator"]) != ("undo", who):
                raise Refused(f"request {request!r} was used for something else; choose a new one.")
            if before is None:
                last = self.ledger.select(
                    "SELECT * FROM standing WHERE annotator = :who ORDER BY id DESC LIMIT 1", {"who": who}
                )
                if not last:
                    raise Refused(f"{who} has given no answer yet, so there is nothing to undo.")
                before = last[0]
                self._check_open(before["ticket"], before["row"])
                said = Said(before["ticket"], before["row"], "undo", None, who)
                log.append(self.ledger, said, self.clock(), request, undoes=before["id"])
                leases.give(db, before["ticket"], before["row"], who, self.clock() + self._lease_s)
            guess = standing.guess_of(self.ledger, before["ticket"], before["row"])
            return Asked(before["ticket"], before["row"], guess)

    # the owner

    def revise(self, ticket: str, row: int, label: int, annotator: str, why: str, *, request: str | None = None) -> int:
        """Decide a row, whatever was said of it, with the reason. Of a row collected already see `revisions`."""
        label = checks.label(label, self.classes, or_skip=True)
        said = Said(
            checks.name(ticket, "ticket"), checks.row(row), "revise", label, checks.name(annotator, "annotator")
        )
        if not checks.note(why, "reason"):
            raise Refused("a revision needs its reason, which is kept beside it.")
        with self.ledger.transaction():
            if (done := log.repeated(self.ledger, said, request)) is not None:
                return done
            self._check_asked(said.ticket, said.row)
            return log.append(self.ledger, said, self.clock(), request, note=why)

    def revisions(self) -> list[Revision]:
        """Those of rows that had been collected before, oldest first, until `pass_on` says that the run has them."""
        found = self.ledger.select(
            "SELECT events.* FROM events JOIN collected USING (ticket, row) WHERE kind = 'revise' AND id > upto"
            " AND id NOT IN (SELECT event FROM passed_on) ORDER BY id"
        )
        return [
            Revision(each["id"], each["row"], each["label"], each["annotator"], each["note"], each["time"])
            for each in found
        ]

    def pass_on(self, event: int) -> None:
        """Note that a revision has reached the run. Again: no effect."""
        with self.ledger.transaction() as db:
            db.execute("INSERT OR IGNORE INTO passed_on (event, time) VALUES (?, ?)", (event, self.clock()))

    def close_ticket(self, ticket: str) -> None:
        """Ask nobody any more about what is left of a ticket. Again: no effect."""
        with self.ledger.transaction() as db:
            self._check_posted(ticket)
            db.execute("INSERT OR IGNORE INTO closed (ticket, time) VALUES (?, ?)", (ticket, self.clock()))

    # what stands

    def has(self, ticket: str) -> bool:
        ticket = checks.name(ticket, "ticket")
        return bool(self.ledger.select("SELECT 1 FROM tickets WHERE ticket = :ticket", {"ticket": ticket}))

    def was_asked(self, row: int) -> bool:
        """Whether any ticket holds the row."""
        return bool(
            self.ledger.select("SELECT 1 FROM rows WHERE row = :row LIMIT 1", {"row": checks.whole(row, "row")})
        )

    def waiting(self, ticket: str) -> tuple[int, ...]:
        """Rows of the ticket about which somebody is still to be asked."""
        self._check_posted(ticket)
        done = standing.settled(self.ledger, ticket, self.rule)
        return tuple(row for row in standing.rows_of(self.ledger, ticket) if row not in done)

    def last_event(self) -> int:
        """The number of the latest event: it grows with every answer, whoever took it."""
        return int(self.ledger.select("SELECT coalesce(max(id), 0) AS id FROM events")[0]["id"])

    def last_change(self, ticket: str) -> float | None:
        """When something was last said about a row of the ticket, in seconds since 1970."""
        found = self.ledger.select("SELECT max(time) AS time FROM events WHERE ticket = :ticket", {"ticket": ticket})
        return found[0]["time"]  # type: ignore[no-any-return]

    def close(self) -> None:
        self.ledger.close()

    def __enter__(self) -> Inbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # inside

    def _check_about(self, facts: Mapping[str, str]) -> None:
        with self.ledger.transaction() as db:
            there = {row["name"]: row["value"] for row in self.ledger.select("SELECT name, value FROM about")}
            for name, value in facts.items():
                if there.setdefault(name, value) != value:
                    raise Refused(
                        f"{self.ledger.path} is the inbox of another run ({name} {there[name]!r}, here {value!r}): move it"
                        " away, or name the run that it belongs to."
                    )
            db.executemany("INSERT OR IGNORE INTO about (name, value) VALUES (?, ?)", list(facts.items()))

    def _check_posted(self, ticket: str) -> None:
        if not self.has(ticket):
            raise Refused(f"ticket {ticket!r} was never posted here; post it, which may be repeated.")

    def _check_asked(self, ticket: str, row: int) -> None:
        where = {"ticket": ticket, "row": row}
        if not self.ledger.select("SELECT 1 FROM rows WHERE ticket = :ticket AND row = :row", where):
            raise Refused(f"row {row} was not asked in ticket {ticket!r}. Nothing was taken.")

    def _check_open(self, ticket: str, row: int) -> None:
        self._check_asked(ticket, row)
        if row in standing.collected(self.ledger, ticket):
            raise Refused(f"row {row} of {ticket} has gone to the model already; its owner can revise it.")
        if standing.is_revised(self.ledger, ticket, row):
            raise Refused(f"row {row} of {ticket} was decided by its owner meanwhile; go on with the next.")
        if self.ledger.select("SELECT 1 FROM closed WHERE ticket = :ticket", {"ticket": ticket}):
            raise Refused(f"ticket {ticket!r} is closed: what is left of it is not asked any more.")
