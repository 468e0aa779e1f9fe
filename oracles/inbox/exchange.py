"""An inbox as CSV or JSON lines, and back: every post, answer, skip, undo, revision and what went to the run."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO

from oracles.inbox import checks
from oracles.inbox.checks import Refused
from oracles.inbox.inbox import Inbox

COLUMNS = (
    "kind", "ticket", "row", "label", "annotator", "time", "seconds", "shown", "cost", "note", "id", "undoes", "upto",
    "request",
)  # fmt: skip
WHOLE, NUMBER = ("row", "label", "shown", "id", "undoes", "upto"), ("time", "seconds", "cost")
SAID = ("answer", "skip", "unsure", "undo", "revise")

EVERYTHING = """
SELECT 0 AS part, number AS at, 'posted' AS kind, ticket, NULL AS row, NULL AS label, NULL AS annotator, posted AS time,
  NULL AS seconds, NULL AS shown, NULL AS cost, NULL AS note, NULL AS id, NULL AS undoes, NULL AS upto, NULL AS request
  FROM tickets
UNION ALL SELECT 1, position, 'asked', ticket, row, NULL, NULL, NULL, NULL, guess, NULL, NULL, NULL, NULL, NULL, NULL
  FROM rows
UNION ALL SELECT 2, id, kind, ticket, row, label, annotator, time, seconds, shown, cost, note, id, undoes, NULL, request
  FROM events
UNION ALL SELECT 3, row, 'collected', ticket, row, label, NULL, time, NULL, NULL, NULL, NULL, NULL, NULL, upto, NULL
  FROM collected
UNION ALL SELECT 4, rowid, 'closed', ticket, NULL, NULL, NULL, time, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM closed
UNION ALL SELECT 5, event, 'passed_on', NULL, NULL, NULL, NULL, time, NULL, NULL, NULL, NULL, event, NULL, NULL, NULL
  FROM passed_on
ORDER BY part, at, ticket
"""

Line = Mapping[str, "str | int | float | None"]


def lines(inbox: Inbox) -> list[Line]:
    """Everything that the inbox keeps, a line each, in an order in which it can be taken in again."""
    return [{name: each[name] for name in COLUMNS} for each in inbox.ledger.select(EVERYTHING)]


def as_csv(inbox: Inbox) -> str:
    """Empty cells are None."""
    text = StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    table.writerows(["" if line[name] is None else line[name] for name in COLUMNS] for line in lines(inbox))
    return text.getvalue()


def as_json_lines(inbox: Inbox) -> str:
    said = ({name: value for name, value in line.items() if value is not None} for line in lines(inbox))
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in said)


def from_csv(text: str) -> Iterator[Line]:
    """The lines of `as_csv`. raises: Refused naming the line."""
    table = csv.DictReader(StringIO(text, newline=""))
    if tuple(table.fieldnames or ()) != COLUMNS:
        raise Refused(f"line 1: the columns are {table.fieldnames}; an exported inbox has {', '.join(COLUMNS)}.")
    for line in table:
        yield _read({name: line[name] or None for name in COLUMNS}, table.line_num)


def from_json_lines(text: str) -> Iterator[Line]:
    """The lines of `as_json_lines`. raises: Refused naming the line."""
    for number, line in enumerate(filter(None, text.split("\n")), start=1):
        try:
            values = json.loads(line)
        except ValueError:
            values = None
        if not isinstance(values, dict) or not values.keys() <= set(COLUMNS):
            raise Refused(f"line {number} is no line of an exported inbox: {line[:80]!r}.")
        yield _read({name: values.get(name) for name in COLUMNS}, number)


def take_in(inbox: Inbox, said: Iterable[Line]) -> int:
    """Put exported lines into an inbox that holds nothing, all or none; gives how many.

    raises: Refused where it holds tickets already, and for lines that contradict one another.
    """
    with inbox.ledger.transaction() as db:
        if inbox.ledger.select("SELECT 1 FROM tickets LIMIT 1"):
            raise Refused(f"{inbox.ledger.path} holds tickets already: export goes into a new inbox alone.")
        count = 0
        positions: dict[object, int] = {}
        for line in said:
            values = {**line, "position": positions.setdefault(line["ticket"], 0)}
            match line["kind"]:
                case "posted":
                    db.execute("INSERT INTO tickets (ticket, posted) VALUES (:ticket, :time)", values)
                case "asked":
                    positions[line["ticket"]] += 1
                    db.execute(
                        "INSERT INTO rows (ticket, row, position, guess) VALUES (:ticket, :row, :position, :shown)",
                        values,
                    )
                case "collected":
                    db.execute("INSERT INTO collected VALUES (:ticket, :row, :label, :upto, :time)", values)
                case "closed":
                    db.execute("INSERT INTO closed VALUES (:ticket, :time)", values)
                case "passed_on":
                    db.execute("INSERT INTO passed_on VALUES (:id, :time)", values)
                case _:
                    _take_event(inbox, line)
            count += 1
        return count


def _take_event(inbox: Inbox, line: Line) -> None:
    if line["kind"] in ("answer", "skip", "revise"):
        checks.label(line["label"], inbox.classes, or_skip=True)
    checks.name(line["annotator"], "annotator")
    names = [name for name in COLUMNS if name != "upto"]
    marks = ", ".join(f":{name}" for name in names)
    with inbox.ledger.transaction() as db:
        db.execute(f"INSERT INTO events ({', '.join(names)}) VALUES ({marks})", dict(line))


def _read(line: Mapping[str, object], number: int) -> Line:
    """Texts as the kinds of value that they are in the file."""
    if line["kind"] not in ("posted", "asked", *SAID, "collected", "closed", "passed_on"):
        raise Refused(f"line {number}: kind is {line['kind']!r:.80}; no inbox writes that.")
    values: dict[str, str | int | float | None] = {}
    for name, value in line.items():
        try:
            kind = int if name in WHOLE else float if name in NUMBER else str
            values[name] = None if value is None else kind(value)  # type: ignore[call-overload, arg-type]
        except (TypeError, ValueError, OverflowError):
            raise Refused(f"line {number}: {name} is {value!r:.80}; it is a number.") from None
        if isinstance(values[name], float) and not math.isfinite(values[name]):  # type: ignore[arg-type]
            raise Refused(f"line {number}: {name} is {value!r:.80}; it is a finite number.")
    return values
