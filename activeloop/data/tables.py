"""Files that people write by hand: names of classes, and tables of rows and labels, as spreadsheets save them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from activeloop.errors import ConfigError, nearest
from activeloop.types import OPEN, Labels

SEPARATORS = ",;\t"  # spreadsheets take the semicolon where the comma is the decimal point
WHOLE = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True)
class Line:
    """One line of a table.    where: how messages call it.    Cells are stripped; "" where the column is missing."""

    where: str
    row: str
    file: str
    label: str


def class_names(path: Path) -> tuple[str, ...]:
    """The names in a text file, one a line; a label is a position among them. "10" stands for 0…9.

    raises: ConfigError.
    """
    if WHOLE.fullmatch(str(path)) and not path.exists():
        return tuple(str(number) for number in range(_enough(int(str(path)), path)))
    names = tuple(line.strip() for line in _text(path).rstrip().splitlines())
    for line, name in enumerate(names, start=1):
        if not name:
            raise ConfigError(f"{path}, line {line} is empty; write one class name a line.")
        if name in names[: line - 1]:
            raise ConfigError(f"{path}, line {line}: the class {name!r} is there twice; names must differ.")
    _enough(len(names), path)
    return names


def _enough(count: int, path: Path) -> int:
    if count < 2:
        raise ConfigError(f"{path} names {count} classes; at least 2 are needed, one name a line.")
    return count


def known_labels(path: Path, classes: Sequence[str], rows: int, names: Sequence[str] | None) -> Labels:
    """[N], the labels in a CSV with the columns `row` or `file`, and `label`; OPEN for rows that it leaves out.

    A label is a class name or, where no class is called so, a class number. With both `row` and `file` the two must
    agree. rows: N.    names: the file of every row.    raises: ConfigError naming the line.
    """
    known, ids = np.full(rows, OPEN, dtype=np.int64), {name: at for at, name in enumerate(classes)}
    positions = {name: row for row, name in enumerate(names or ())}
    for line in read_lines(path):
        row = _row(line, rows, positions)
        if known[row] != OPEN:
            raise ConfigError(f"{line.where}: row {row} is there twice; give every row one label.")
        known[row] = _class_id(line.label, ids, line.where)
    return known


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # spreadsheets put a byte order mark in front
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text ({error}): save it as “CSV UTF-8”.") from error


def read_lines(path: Path) -> list[Line]:
    """A CSV with the columns label, and row or file, in any order and case, among any others.

    Separated by commas, semicolons or tabs; a byte order mark and any line ends are fine.
    raises: ConfigError for what is no such table, naming the line.
    """
    text = _text(path)
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        columns = [name.strip().lower() for name in next(table, [])]
        _check_columns(path, columns)
        return [_line(f"{path}, line {table.line_num}", columns, cells) for cells in table if any(cells)]
    except csv.Error as error:
        raise ConfigError(f"{path}, line {table.line_num} is not CSV: {error}.") from error


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


def _row(line: Line, rows: int, positions: Mapping[str, int]) -> int:
    if not line.file:
        return _number(line.row, rows, line.where)
    row = _row_of_file(line.file, positions, line.where)
    if line.row and line.row != str(row):
        raise ConfigError(f"{line.where}: {line.file!r} is row {row}, not {line.row!r}; drop one of the columns.")
    return row


def _row_of_file(file: str, positions: Mapping[str, int], where: str) -> int:
    if not positions:
        raise ConfigError(f"{where}: rows of this source are not files; use the column `row` instead of `file`.")
    name = PurePosixPath(file).as_posix()
    if name not in positions:
        raise ConfigError(
            f"{where}: no image of the pool is called {file!r}{nearest(name, positions)}"
            f" Allowed are the {len(positions):,} paths relative to the folder."
        )
    return positions[name]


def _number(text: str, rows: int, where: str) -> int:
    if not WHOLE.fullmatch(text) or not 0 <= int(text) < rows:
        raise ConfigError(f"{where}: row {text!r} is not in the pool; allowed are 0 to {rows - 1:,}.")
    return int(text)


def _class_id(text: str, ids: Mapping[str, int], where: str) -> int:
    if text in ids:
        return ids[text]
    if WHOLE.fullmatch(text) and 0 <= int(text) < len(ids):
        return int(text)
    shown = ", ".join([*ids][:20]) + (", …" if len(ids) > 20 else "")
    raise ConfigError(
        f"{where}: no class is called {text!r}{nearest(text, ids)}"
        f" Allowed are {shown}, or a number from 0 to {len(ids) - 1}."
    )
