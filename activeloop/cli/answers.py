"""Answers in CSV files, as people and spreadsheets write them: rows or file names, class numbers or names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from activeloop.errors import BadAnswer, ConfigError, nearest
from activeloop.types import SKIP

if TYPE_CHECKING:
    from activeloop.fold import State
    from activeloop.types import Query

SKIPS = ("skip", str(SKIP))
SEPARATORS = ",;\t"  # spreadsheets take the semicolon where the comma is the decimal point
WHOLE = re.compile(r"-?[0-9]{1,18}")

Names = Callable[[], Sequence[str] | None]  # the file of every row, fetched only where answers go by file


@dataclass(frozen=True)
class Line:
    """One line of a table.    where: how messages call it.    Cells are stripped; "" where the column is missing."""

    where: str
    row: str
    file: str
    label: str


def read_answers(path: Path, classes: Sequence[str], names: Names) -> dict[int, int]:
    """Row -> class id or SKIP. Lines with an empty label are not answered yet, and are passed over.

    columns: `row` or `file`, and `label`: a class name, its number, or "skip".
    raises: BadAnswer naming the line, also where nothing is answered; ConfigError for a file that cannot be read.
    """
    lines = read_lines(path)
    answered = [line for line in lines if line.label]
    if not answered:
        raise BadAnswer(
            f"{path} holds no answer: {len(lines)} lines, none with a label. Fill in the column label, with {_some(classes)}"
            " or skip, for all lines or some."
        )
    by_file = {} if all(line.row for line in answered) else {name: row for row, name in enumerate(names() or ())}
    answers: dict[int, int] = {}
    for line in answered:
        row, label = _row(line, by_file), _label(line, classes)
        if row in answers:
            was, now = (_named(each, classes) for each in (answers[row], label))
            raise BadAnswer(
                f"{line.where}: row {row} is answered twice, as {was} and as {now}; keep one line. Nothing was taken."
            )
        answers[row] = label
    return answers


def read_lines(path: Path) -> list[Line]:
    """A CSV with the columns label, and row or file, in any order and case, among any others.

    Separated by commas, semicolons or tabs; a byte order mark and any line ends are fine.
    raises: ConfigError for what is no such table, naming the line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text ({error}): save it as “CSV UTF-8”.") from error
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        columns = [name.strip().lower() for name in next(table, [])]
        _check_columns(path, columns)
        return [_line(f"{path}, line {table.line_num}", columns, cells) for cells in table if any(cells)]
    except csv.Error as error:
        raise ConfigError(f"{path}, line {table.line_num} is not CSV: {error}.") from error


def write_query(query: Query, state: State, names: Sequence[str] | None, path: Path) -> bool:
    """A CSV to fill in: row, file where rows are files, and label, empty where unanswered.

    A file at `path` that holds labels which were not told yet is left as it is: somebody is filling it in.
    returns: whether it was left so.    raises: ConfigError where another file stands there.
    """
    if path.exists() and _has_news(path, query, state, names):
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as lines:
        table = csv.writer(lines)
        table.writerow(["row", "file", "label"] if names else ["row", "label"])
        for row in query.rows:
            label = query.answers.get(row)
            text = "" if label is None else _named(label, state.classes)
            table.writerow([row, names[row], text] if names else [row, text])
    return False


def _has_news(path: Path, query: Query, state: State, names: Sequence[str] | None) -> bool:
    """Whether the file says more than the journal. A label that is no class is news too: a typo may be mended."""
    by_file = {name: row for row, name in enumerate(names or ())}
    try:
        lines = {_row(line, by_file): line for line in read_lines(path)}
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


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    if "label" not in columns or not {"row", "file"} & set(columns):
        raise ConfigError(
            f"{path} has the columns {', '.join(filter(None, columns)) or '(none)'}; it needs label, and row or file,"
            " separated by commas."
        )


def _line(where: str, columns: Sequence[str], cells: Sequence[str]) -> Line:
    if any(cells[len(columns) :]):
        raise ConfigError(f"{where} has {len(cells)} cells, the first line {len(columns)}: quote what holds a comma.")
    by_name = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
    return Line(where, *(by_name.get(name, "") for name in ("row", "file", "label")))


def _row(line: Line, by_file: Mapping[str, int]) -> int:
    if line.row:
        if not WHOLE.fullmatch(line.row):
            raise BadAnswer(f"{line.where}: row is {line.row!r}; it is a whole number, as `activeloop ask` gives it.")
        return int(line.row)
    if not line.file:
        raise BadAnswer(f"{line.where}: neither row nor file is filled in, so nobody knows what the label is of.")
    if not by_file:
        raise BadAnswer(
            f"{line.where}: rows of this run are no files; use the column row, as `activeloop ask` gives it."
        )
    if line.file not in by_file:
        raise BadAnswer(f"{line.where}: no row has the file {line.file!r}{nearest(line.file, by_file)}")
    return by_file[line.file]


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
