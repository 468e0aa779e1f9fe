"""Answers in CSV files, as people write them: rows or file names, class numbers or names."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from activeloop.errors import BadAnswer, ConfigError, nearest
from activeloop.fold import State
from activeloop.types import SKIP, Query

SKIPS = ("skip", str(SKIP))


def read_answers(path: Path, classes: Sequence[str], rows_by_file: Mapping[str, int]) -> dict[int, int]:
    """Row -> class id or SKIP. Lines with an empty label are not answered yet, and are passed over.

    columns: `row` or `file`, and `label`: a class name, its number, or "skip".
    raises: BadAnswer naming the line, ConfigError for a file that cannot be read.
    """
    answers: dict[int, int] = {}
    for number, line in enumerate(lines_of(path), start=2):
        text = (line.get("label") or "").strip()
        if not text:
            continue
        row = _row(line, rows_by_file, f"{path}, line {number}")
        label = _label(text, classes, f"{path}, line {number}")
        if answers.get(row, label) != label:
            raise BadAnswer(f"{path}, line {number}: row {row} is answered twice, as {answers[row]} and as {label}.")
        if row in answers:
            raise BadAnswer(f"{path}, line {number}: row {row} is answered twice; keep one of the lines.")
        answers[row] = label
    return answers


def names_files(path: Path) -> bool:
    """Whether the answers go by file name, so that the data must be at hand to know the rows."""
    return any(not (line.get("row") or "").strip() for line in lines_of(path) if (line.get("label") or "").strip())


def write_query(query: Query, state: State, names: Sequence[str] | None, path: Path) -> None:
    """A CSV to fill in: row, file where rows are files, and label, empty where unanswered."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as lines:
        table = csv.writer(lines)
        table.writerow(["row", "file", "label"] if names else ["row", "label"])
        for row in query.rows:
            label = query.answers.get(row)
            text = "" if label is None else "skip" if label == SKIP else state.classes[label]
            table.writerow([row, names[row], text] if names else [row, text])


def lines_of(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV with the columns label, and row or file."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:  # spreadsheets write a byte order mark
            table = csv.DictReader(lines)
            columns = table.fieldnames or []
            if "label" not in columns or not {"row", "file"} & set(columns):
                raise ConfigError(
                    f"{path} has the columns {', '.join(columns) or '(none)'}; it needs label, and row or file."
                )
            return list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} cannot be read as CSV: {error}.") from error


def _row(line: Mapping[str, str], rows_by_file: Mapping[str, int], where: str) -> int:
    text, file = (line.get("row") or "").strip(), (line.get("file") or "").strip()
    if text:
        if not text.lstrip("-").isdigit():
            raise BadAnswer(f"{where}: row is {text!r}; it is a whole number, as `activeloop ask` gives it.")
        return int(text)
    if file not in rows_by_file:
        raise BadAnswer(f"{where}: no row has the file {file!r}{nearest(file, rows_by_file)}")
    return rows_by_file[file]


def _label(text: str, classes: Sequence[str], where: str) -> int:
    if text in classes:  # a name first: classes may be called "1", "2" and mean neither
        return list(classes).index(text)
    if text.lower() in SKIPS:
        return SKIP
    if text.isdigit() and int(text) < len(classes):
        return int(text)
    some = ", ".join(classes[:10]) + (", …" if len(classes) > 10 else "")
    raise BadAnswer(
        f"{where}: label {text!r} is no class{nearest(text, classes)} Allowed are {some}, 0…{len(classes) - 1}, or skip."
    )
