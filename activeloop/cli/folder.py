"""What commands read of a run's folder, so that those that train nothing need no data, and import no torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from activeloop.errors import StoreError
from activeloop.fold import State, fold
from activeloop.store.journal import FILE, read

if TYPE_CHECKING:
    from activeloop.config import Config
    from activeloop.run import Run
    from activeloop.types import Data, Loaded

ITEMS = "items.csv"  # what people call the rows; made again from the data where it is missing


@dataclass(frozen=True)
class Items:
    """What people call the rows: by the number that each has in their data, which the pool need not be all of.

    numbers: [N], ascending.    files: [N], where rows are files.
    """

    numbers: Sequence[int]
    files: Sequence[str] | None = None

    def by_number(self) -> Mapping[int, int]:
        return {number: row for row, number in enumerate(self.numbers)}

    def by_file(self) -> Mapping[str, int]:
        return {file: row for row, file in enumerate(self.files or ())}

    def cells(self, row: int) -> tuple[object, ...]:
        """Of the columns `row` and, where rows are files, `file`."""
        return (self.numbers[row],) if self.files is None else (self.numbers[row], self.files[row])

    @property
    def columns(self) -> tuple[str, ...]:
        return ("row",) if self.files is None else ("row", "file")


def state_of(folder: Path) -> State:
    """Where a run stands, read from its journal alone, also while another process writes it."""
    state = fold(read(folder / FILE))
    if state is None:
        raise StoreError(f"the journal in {folder} is empty; start the run again with its configuration.")
    return state


def config_of(folder: Path) -> Config:
    from activeloop.config import build

    return build(state_of(folder).config)


def open_with_data(folder: Path, source: str | None = None) -> tuple[Run, Loaded]:
    """A run and the data its configuration names, or the same data from elsewhere."""
    from dataclasses import replace

    from activeloop.cli.options import absolute_source
    from activeloop.cli.simulation import loaded
    from activeloop.run import Run

    config = config_of(folder)
    if source is not None:
        config = replace(config, data=replace(config.data, source=absolute_source(source)))
    data = loaded(config)
    run = Run(folder, None, data.data, data.test)
    keep_items(folder, data.data)
    return run, data


def items_in(data: Data) -> Items:
    numbers = range(len(data)) if data.source_rows is None else data.source_rows.tolist()
    return Items(numbers, data.names)


def keep_items(folder: Path, data: Data) -> None:
    """Write down what people call the rows, once, for commands that do without the data."""
    from activeloop.report.files import replace_bytes

    if (folder / ITEMS).exists():
        return
    items, text = items_in(data), io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(items.columns)
    table.writerows(items.cells(row) for row in range(len(data)))
    replace_bytes(folder / ITEMS, text.getvalue().encode())


def items_of(folder: Path) -> Items:
    """What people call the rows of a run; of one that Python made on data of its own, by the run's own numbers."""
    from activeloop.errors import ActiveloopError

    state = state_of(folder)
    if not (folder / ITEMS).exists():
        from activeloop.cli.simulation import loaded

        try:
            data = loaded(config_of(folder)).data
        except ActiveloopError:
            return Items(range(len(state.labels)))
        if data.digest() != state.data:
            return Items(range(len(state.labels)))
        keep_items(folder, data)
    with (folder / ITEMS).open(newline="", encoding="utf-8") as lines:
        table = list(csv.DictReader(lines))
    if len(table) != len(state.labels):
        raise StoreError(
            f"{folder / ITEMS} lists {len(table)} of {len(state.labels)} rows: delete it, to be made again."
        )
    files = tuple(line["file"] for line in table) if table and "file" in table[0] else None
    return Items([int(line["row"]) for line in table], files)
