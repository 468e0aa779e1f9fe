"""Answers in CSV files, as people and spreadsheets write them: rows or file names, class numbers or names."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from activeloop.data.tables import WHOLE, Line, read_lines
from activeloop.errors import BadAnswer, ConfigError, nearest
from activeloop.types import OPEN, SKIP

if TYPE_CHECKING:
    from activeloop.cli.folder import Items
    from activeloop.fold import State
    from activeloop.types import Labels, Query

SKIPS = ("skip", str(SKIP))


def read_answers(path: Path, classes: Sequence[str], items: Items) -> dict[int, int]:
    """Row -> class id or SKIP. Lines with an empty label are not answered yet, and are passed over.

    columns: `row`, numbered as in the data's source, or `file`, and `label`: a class name, its number, or "skip".
    raises: BadAnswer naming the line, also where nothing is answered; ConfigError for a file that cannot be read.
    """
    lines = read_lines(path)
    answered = [line for line in lines if line.label]
    if not answered:
        raise BadAnswer(
            f"{path} holds no answer: {len(lines)} lines, none with a label. Fill in the column label, with {_some(classes)}"
            " or skip, for all lines or some."
        )
    find = _finder(items)
    answers: dict[int, int] = {}
    for line in answered:
        row, label = find(line), _label(line, classes)
        if row in answers:
            was, now = (_named(each, classes) for each in (answers[row], label))
            raise BadAnswer(
                f"{line.where}: row {items.numbers[row]} is answered twice, as {was} and as {now}; keep one line. Nothing was"
                " taken."
            )
        answers[row] = label
    return answers


def note_of(annotator: str, why: str = "") -> dict[str, str]:
    """What is kept beside an answer: who gave it, when, and for a revision its reason."""
    note = {"annotator": annotator, "date": datetime.now(UTC).isoformat(timespec="seconds")}
    return {**note, "why": why} if why else note


def write_query(query: Query, state: State, items: Items, path: Path) -> bool:
    """A CSV to fill in: row, file where rows are files, and label, empty where unanswered.

    A file at `path` that holds labels which were not told yet is left as it is: somebody is filling it in.
    returns: whether it was left so.    raises: ConfigError where another file stands there.
    """
    if path.exists() and _has_news(path, query, state, items):
        return True
    labels = {row: _named(label, state.classes) for row, label in query.answers.items()}
    write_table(path, (*items.columns, "label"), ((*items.cells(row), labels.get(row, "")) for row in query.rows))
    return False


def write_table(path: Path, columns: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """A CSV, whole or not at all: a killed process leaves what was there before."""
    from activeloop.report.files import replace_bytes

    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(columns)
    table.writerows(lines)
    replace_bytes(path, text.getvalue().encode())


def held_rows(path: Path | None, rows: Mapping[int, int] | range) -> Labels:
    """[N], 0 where the file says that a row is labelled, SKIP where it says so; which class it has does not matter.

    rows: number in the file -> row; a range where they are the same.    raises: ConfigError for a row that is none.
    """
    import numpy as np

    held = np.full(len(rows), OPEN, dtype=np.int64)
    for line in read_lines(path) if path is not None else ():
        if not WHOLE.fullmatch(line.row) or int(line.row) not in rows:
            raise ConfigError(f"{line.where}: row is {line.row!r}; rows of the pool are {min(rows)}…{max(rows)}.")
        if line.label:
            held[rows[int(line.row)]] = SKIP if line.label.lower() in SKIPS else 0
    return held


def _has_news(path: Path, query: Query, state: State, items: Items) -> bool:
    """Whether the file says more than the journal. A label that is no class is news too: a typo may be mended."""
    find = _finder(items)
    try:
        lines = {find(line): line for line in read_lines(path)}
    except (ConfigError, BadAnswer) as error:
        raise ConfigError(
            f"{path} is there already, and is no query: {error} Move it, or choose another --out."
        ) from None
    if set(lines) != set(query.rows):
        raise ConfigError(
            f"{path} is there already, with other rows than those of {query.id}: move it, or choose another --out."
        )
    return any(line.label and not _is_told(line, query.answers.get(row), state) for row, line in lines.items())


def _is_told(line: Line, told: int | None, state: State) -> bool:
    try:
        return _label(line, state.classes) == told
    except BadAnswer:
        return False


def _finder(items: Items) -> Callable[[Line], int]:
    """Line -> row. raises: BadAnswer for what is no row of this run."""
    by_number, by_file = items.by_number(), items.by_file()

    def find(line: Line) -> int:
        if line.row:
            if not WHOLE.fullmatch(line.row):
                raise BadAnswer(
                    f"{line.where}: row is {line.row!r}; it is a whole number, as `activeloop ask` gives it."
                )
            if int(line.row) not in by_number:
                raise BadAnswer(
                    f"{line.where}: row {line.row} is not in the pool, whose rows are {items.numbers[0]}…{items.numbers[-1]}."
                    " Nothing was taken."
                )
            return by_number[int(line.row)]
        if not line.file:
            raise BadAnswer(f"{line.where}: neither row nor file is filled in, so nobody knows what the label is of.")
        if not by_file:
            raise BadAnswer(
                f"{line.where}: rows of this run are no files; use the column row, as `activeloop ask` gives it."
            )
        if line.file not in by_file:
            raise BadAnswer(f"{line.where}: no row has the file {line.file!r}{nearest(line.file, by_file)}")
        return by_file[line.file]

    return find


def _label(line: Line, classes: Sequence[str]) -> int:
    text = line.label
    if text in classes:  # a name first: classes may be called "1", "2" and mean neither
        return list(classes).index(text)
    if text.lower() in SKIPS:
        return SKIP
    if WHOLE.fullmatch(text) and 0 <= int(text) < len(classes):
        return int(text)
    raise BadAnswer(
        f"{line.where}: label {text!r} is no class{nearest(text, classes)} Allowed are {_some(classes)},"
        f" 0…{len(classes) - 1}, or skip. Nothing was taken."
    )


def _named(label: int, classes: Sequence[str]) -> str:
    return "skip" if label == SKIP else classes[label]


def _some(classes: Sequence[str]) -> str:
    return ", ".join(classes[:10]) + (", …" if len(classes) > 10 else "")
