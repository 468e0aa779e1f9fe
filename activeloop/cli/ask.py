"""Show the open query of a run, picking the next one if there is none: its rows, as a CSV to fill in.

Asking again gives the same query. Exits with 3 while answers are awaited, with 0 when the budget is spent.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from activeloop.config import Config
from activeloop.run import Run
from activeloop.types import Loaded


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--out", type=Path, metavar="CSV", help="where the query goes (RUN/queries/ID.csv)")
    parser.add_argument("--data", metavar="SOURCE", help="where the same data lie now, if they were moved")


def main(run: Path, out: Path | None, data: str | None) -> int:
    opened, loaded = open_with_data(run, data)
    with opened:
        return show_next(opened, loaded, out)


def open_with_data(folder: Path, source: str | None = None) -> tuple[Run, Loaded]:
    """A run and the data its configuration names, or the same data from elsewhere."""
    from dataclasses import replace

    from activeloop.cli.simulation import loaded

    config = config_of(folder)
    if source is not None:
        config = replace(config, data=replace(config.data, source=str(Path(source).resolve())))
    data = loaded(config)
    return Run(folder, None, data.data, data.test), data


def config_of(folder: Path) -> Config:
    from activeloop.config import build
    from activeloop.errors import StoreError
    from activeloop.fold import fold
    from activeloop.store.journal import FILE, read

    state = fold(read(folder / FILE))
    if state is None:
        raise StoreError(f"the journal in {folder} is empty; start the run again with its configuration.")
    return build(state.config)


def show_next(run: Run, loaded: Loaded, out: Path | None = None) -> int:
    """Print the next query and how to answer it; gives the exit code."""
    from activeloop.cli.answers import write_query
    from activeloop.cli.main import DONE, WAITING

    query = run.ask()
    if query is None:
        print(
            f"{run.folder}: done ({run.state.stopped}), {run.state.told} labels told. `activeloop export {run.folder}`"
        )
        return DONE
    path = out or run.folder / "queries" / f"{query.id}.csv"
    write_query(query, run.state, loaded.data.names, path)
    for row in query.unanswered:
        print(f"{query.id}\t{row}\t{loaded.data.names[row] if loaded.data.names else ''}".rstrip("\t"))
    print(
        f"\n{len(query.unanswered)} rows to label ({query.use}), {run.state.told} of {run.config.budget} labels told."
        f" Fill in the column `label` of {path}\nwith class names, numbers or `skip`, all or some, then:"
        f"\n  activeloop tell {run.folder} {query.id} {path}\n  activeloop ask {run.folder}"
    )
    return WAITING
