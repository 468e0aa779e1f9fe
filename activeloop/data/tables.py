"""Two small files that a team writes by hand: the names of the classes, and the labels it has already."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from activeloop.errors import ConfigError, nearest
from activeloop.types import OPEN, Labels


def class_names(path: Path) -> tuple[str, ...]:
    """The names in a text file, one a line; a label is a position among them. raises: ConfigError."""
    names = tuple(line.strip() for line in _text(path).rstrip().splitlines())
    for line, name in enumerate(names, start=1):
        if not name:
            raise ConfigError(f"{path}, line {line} is empty; write one class name a line.")
        if name in names[: line - 1]:
            raise ConfigError(f"{path}, line {line}: the class {name!r} is there twice; names must differ.")
    if len(names) < 2:
        raise ConfigError(f"{path} names {len(names)} classes; at least 2 are needed, one name a line.")
    return names


def known_labels(path: Path, classes: Sequence[str], rows: int, names: Sequence[str] | None) -> Labels:
    """[N], the labels in a CSV with the columns `row` or `file`, and `label`; OPEN for rows that it leaves out.

    A label is a class name or, where no class is called so, a class number. With both `row` and `file` the two must
    agree. rows: N.    names: the file of every row.    raises: ConfigError naming the line.
    """
    known, ids = np.full(rows, OPEN, dtype=np.int64), {name: at for at, name in enumerate(classes)}
    positions = {name: row for row, name in enumerate(names or ())}
    for where, cells in _lines(path):
        row = _row(cells, rows, positions, where)
        if known[row] != OPEN:
            raise ConfigError(f"{where}: row {row} is there twice; give every row one label.")
        known[row] = _class_id(cells["label"], ids, where)
    return known


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # spreadsheets put a byte order mark in front
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as UTF-8 text ({error}).") from error


def _lines(path: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Where a line stands, as messages say it, and its cells."""
    reader = csv.DictReader(_text(path).splitlines())
    columns = [name.strip() for name in reader.fieldnames or ()]
    if "label" not in columns or not {"row", "file"} & set(columns):
        raise ConfigError(
            f"{path} has the columns {', '.join(columns) or '(none)'};"
            f" needed are `row` or `file`, and `label`, separated by commas."
        )
    reader.fieldnames = columns
    for cells in reader:
        where = f"{path}, line {reader.line_num}"
        if None in cells or None in cells.values():
            raise ConfigError(
                f"{where} has not {len(columns)} cells like the first line; quote cells that hold a comma."
            )
        yield where, {name: cells[name].strip() for name in columns}


def _row(cells: Mapping[str, str], rows: int, positions: Mapping[str, int], where: str) -> int:
    if "file" not in cells:
        return _number(cells["row"], rows, where)
    row = _row_of_file(cells["file"], positions, where)
    if "row" in cells and cells["row"] != str(row):
        raise ConfigError(f"{where}: {cells['file']!r} is row {row}, not {cells['row']!r}; drop one of the columns.")
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
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) >= rows:
        raise ConfigError(f"{where}: row {text!r} is not in the pool; allowed are 0 to {rows - 1:,}.")
    return int(text)


def _class_id(text: str, ids: Mapping[str, int], where: str) -> int:
    if text in ids:
        return ids[text]
    if re.fullmatch(r"[0-9]{1,18}", text) and int(text) < len(ids):
        return int(text)
    shown = ", ".join([*ids][:20]) + (", …" if len(ids) > 20 else "")
    raise ConfigError(
        f"{where}: no class is called {text!r}{nearest(text, ids)}"
        f" Allowed are {shown}, or a number from 0 to {len(ids) - 1}."
    )
