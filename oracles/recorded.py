"""Answers that people gave once, played again."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oracles.wrapper import SKIP, Note

NONE = -1  # this annotator gave this row no answer
WHEN_NONE = ("skip", "raise")


class Recorded:
    """Replays recorded answers: a row asked for the k-th time gets the k-th answer that it has, in the order of annotators.

    Where none is left it abstains, with -2, or raises: `when_none`. The name of who answered goes to the notes.

    answers:    [N, A], or [N] of one annotator; class ids, -2 for a recorded skip, -1 where there is none.
    annotators: A names; by default "annotator 0" and so on.
    rows:       [n], the line of `answers` for every row of the pool, where the pool is not all of them.
    classes:    how many there are; answers beyond them are refused.
    """

    has_memory = True  # of how often a row was asked

    def __init__(
        self,
        answers: NDArray[np.int64] | Sequence[Sequence[int]],
        annotators: Sequence[str] | None = None,
        rows: NDArray[np.int64] | None = None,
        classes: int | None = None,
        *,
        when_none: str = "skip",
    ) -> None:
        table = np.asarray(answers)
        table = table[:, None] if table.ndim == 1 else table
        if table.ndim != 2 or not np.issubdtype(table.dtype, np.integer):
            raise ValueError(
                f"recorded answers are {table.dtype} {table.shape}; they are whole numbers [N, A], a column for every"
                " annotator."
            )
        self._names = (
            tuple(annotators) if annotators is not None else tuple(f"annotator {at}" for at in range(table.shape[1]))
        )
        if len(self._names) != table.shape[1]:
            raise ValueError(f"{len(self._names)} annotators are named, and the answers have {table.shape[1]} columns.")
        _refuse_beyond(table, classes)
        if rows is not None and len(rows) and max(rows) >= len(table):
            raise ValueError(f"the pool has a row numbered {max(rows)}, and {len(table)} rows have recorded answers.")
        if when_none not in WHEN_NONE:
            raise ValueError(f"when_none is {when_none!r}; allowed are {' and '.join(map(repr, WHEN_NONE))}.")
        self._table, self._rows, self._when_none = table, rows, when_none
        self._asked: dict[str, dict[int, int]] = {}  # ticket -> row -> how often it was asked before
        self._times: dict[int, int] = {}

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        if ticket in self._asked:
            return
        times = {row: self._times.get(row, 0) for row in rows}
        for row, before in times.items():
            there = len(self._given(row))
            if self._when_none == "raise" and before >= there:
                raise ValueError(
                    f"row {row} was asked {before + 1} times, and has {there} recorded answers: when_none='skip' abstains"
                    " instead."
                )
        self._asked[ticket] = times
        self._times |= {row: before + 1 for row, before in times.items()}

    def collect(self, ticket: str) -> dict[int, int]:
        return {row: SKIP if by is None else int(self._line(row)[by]) for row, by in self._who(ticket).items()}

    def notes(self, ticket: str) -> dict[int, Note]:
        return {row: {"annotator": self._names[by]} for row, by in self._who(ticket).items() if by is not None}

    def _who(self, ticket: str) -> dict[int, int | None]:
        """Row -> the annotator whose turn it is; None where no answer is left."""
        if ticket not in self._asked:
            raise ValueError(f"ticket {ticket!r} was never posted here; post it, which may be repeated, then collect.")
        turns = {row: (self._given(row), before) for row, before in self._asked[ticket].items()}
        return {row: given[before] if before < len(given) else None for row, (given, before) in turns.items()}

    def _given(self, row: int) -> list[int]:
        found: list[int] = np.flatnonzero(self._line(row) != NONE).tolist()
        return found

    def _line(self, row: int) -> NDArray[np.int64]:
        count = len(self._table if self._rows is None else self._rows)
        if not 0 <= row < count:
            raise ValueError(f"row {row} was asked, and there are recorded answers for the rows 0…{count - 1}.")
        found: NDArray[np.int64] = self._table[row if self._rows is None else self._rows[row]]
        return found


def recorded(
    path: str,
    names: Sequence[str],
    rows: NDArray[np.int64] | None = None,
    *,
    columns: Sequence[str] | None = None,
    when_none: str = "skip",
) -> Recorded:
    """Replays answers that people gave, from an .npz or CSV of rows x annotators, as CIFAR-10N has them.

    path:    .npz: one array [N] for every annotator under their name, or `answers`, [N, A]; -1 where there is none. CSV:
    a line for every row, a column for every annotator, and perhaps `row`; class numbers or names, empty where there is none.
    names:   of the classes, in their order.    rows: as in `Recorded`.    columns: the annotators to take; by default all.
    """
    file = Path(path)
    try:
        found = _from_csv(file, names) if file.suffix == ".csv" else _from_npz(file)
    except (OSError, EOFError, TypeError) as error:
        raise ValueError(f"{path} cannot be read: {error}. It is an .npz or .csv of rows x annotators.") from error
    missing = [name for name in columns or () if name not in found]
    if missing:
        raise ValueError(f"{path} has no annotator {missing[0]!r}; it has {', '.join(found)}.")
    taken = {name: found[name] for name in (columns or found)}
    lengths = {len(column) for column in taken.values()}
    if len(lengths) != 1:
        raise ValueError(
            f"annotators in {path} have {sorted(lengths)} rows; all need equally many: name some in `columns`."
        )
    return Recorded(np.stack(list(taken.values()), axis=1), tuple(taken), rows, len(names), when_none=when_none)


def _from_npz(file: Path) -> dict[str, NDArray[np.int64]]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, AttributeError) as error:  # a pickle, as CIFAR-10N is published, or a single array
        raise ValueError(
            f"{file} cannot be read: {error}. It must be an .npz of whole numbers; of a pickled dictionary make one by"
            " numpy.savez(file, **dictionary)."
        ) from error
    if "answers" in arrays and arrays["answers"].ndim == 2:
        return {f"annotator {at}": column for at, column in enumerate(arrays["answers"].T)}
    return {name: array for name, array in arrays.items() if array.ndim == 1}


def _from_csv(file: Path, names: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    with file.open(newline="", encoding="utf-8-sig") as lines:
        table = list(csv.DictReader(lines))
    by = [name for name in (table[0] if table else ()) if name != "row"]
    if not by:
        raise ValueError(f"{file} holds no answers; it is a line for every row, and a column for every annotator.")
    at = [_row(line, number, file) for number, line in enumerate(table)]
    found = {name: np.full(max(at) + 1, NONE) for name in by}
    for row, line in zip(at, table, strict=True):
        for name in by:
            found[name][row] = _label(line[name] or "", names, file, row)
    return found


def _row(line: Mapping[str, str], number: int, file: Path) -> int:
    text = line.get("row", str(number))
    if not text.isdecimal():
        raise ValueError(f"{file}, line {number + 2}: the row is {text!r}; it is a number, 0 or more.")
    return int(text)


def _label(text: str, names: Sequence[str], file: Path, row: int) -> int:
    text = text.strip()
    if text in ("", str(NONE)):
        return NONE
    if text in ("skip", str(SKIP)):
        return SKIP
    if text in names:
        return list(names).index(text)
    if not text.isdecimal() or int(text) >= len(names):
        raise ValueError(
            f"{file}: row {row} has the answer {text!r}; classes are {', '.join(names[:10])}, or 0…{len(names) - 1}, and an"
            " empty cell is none."
        )
    return int(text)


def _refuse_beyond(table: NDArray[np.int64], classes: int | None) -> None:
    off = np.argwhere((table < SKIP) | (table >= (classes if classes is not None else np.iinfo(np.int64).max)))
    if len(off):
        row, by = off[0]
        allowed = f"0…{classes - 1}" if classes is not None else "0 or more"
        raise ValueError(
            f"{len(off)} recorded answers are no class; the first is {table[row, by]} of annotator {by} for row {row}."
            f" Allowed are {allowed}, -2 for a skip and -1 for none."
        )
