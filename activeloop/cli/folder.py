"""What commands read of a run's folder, so that those that train nothing need no data, and import no torch."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from activeloop.errors import StoreError
from activeloop.fold import State, fold
from activeloop.store.journal import FILE, read

if TYPE_CHECKING:
    from activeloop.config import Config
    from activeloop.run import Run
    from activeloop.types import Loaded

FILES = "files.csv"  # the name of every row; made again from the data where it is missing


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
    keep_names(folder, data.data.names)
    return run, data


def keep_names(folder: Path, names: tuple[str, ...] | None) -> None:
    """Write down which file every row is, once, for commands that do without the data."""
    from activeloop.report.files import replace_bytes

    if not (folder / FILES).exists():
        lines = ["row,file", *(f"{row},{_quoted(name)}" for row, name in enumerate(names or ()))]
        replace_bytes(folder / FILES, ("\n".join(lines) + "\n").encode())


def names_of(folder: Path) -> tuple[str, ...] | None:
    """The file of every row; None where rows are no files."""
    if not (folder / FILES).exists():
        from activeloop.cli.simulation import loaded

        keep_names(folder, loaded(config_of(folder)).data.names)
    with (folder / FILES).open(newline="", encoding="utf-8") as lines:
        return tuple(line["file"] for line in csv.DictReader(lines)) or None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if set(name) & set(',"\r\n') else name
