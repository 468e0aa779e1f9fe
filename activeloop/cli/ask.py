"""Show the open query of a run, picking the next one if there is none: its rows, as a CSV to fill in.

Asking again gives the same query, and leaves alone what you filled in but have not told yet. Exits with 3 while answers
are awaited, with 0 once the run is done.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.cli.folder import Items
    from activeloop.fold import State
    from activeloop.run import Run
    from activeloop.types import Loaded, Query


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--out", type=Path, metavar="CSV", help="where the query goes (RUN/queries/ID.csv)")
    parser.add_argument("--data", metavar="SOURCE", help="where the same data lie now, if they were moved")


def main(run: Path, out: Path | None, data: str | None) -> int:
    from activeloop.cli.folder import ITEMS, items_of, open_with_data, state_of

    state = state_of(run)
    if state.open_query is not None and (run / ITEMS).exists():
        return show(run, state, state.open_query, items_of(run), out)
    opened, loaded = open_with_data(run, data)
    with opened:
        return pick_and_show(opened, loaded, out)


def pick_and_show(run: Run, loaded: Loaded, out: Path | None = None) -> int:
    """Print the next query and how to answer it; gives the exit code."""
    from activeloop.cli.folder import items_in
    from activeloop.cli.main import DONE
    from activeloop.report.images import images_of
    from activeloop.report.tensorboard import run_folder, write_run

    query = run.ask()
    logs = run_folder(run.folder / "tb", run.config.acquire.strategy, run.config.seed)
    write_run(run.folder, logs, images=images_of(loaded.data.inputs))
    if query is not None:
        return show(run.folder, run.state, query, items_in(loaded.data), out)
    print(
        f"{run.folder}: done ({run.state.stopped}), {run.state.told} labels told. Next:\n  activeloop export {run.folder}"
        f"\n  activeloop report {run.folder}"
    )
    return DONE


def show(folder: Path, state: State, query: Query, items: Items, out: Path | None) -> int:
    """The rows go to standard output, what to do with them to the other, so that a script can read the rows."""
    from activeloop.cli.answers import write_query
    from activeloop.cli.main import WAITING

    path = out or folder / "queries" / f"{query.id}.csv"
    was_left = write_query(query, state, items, path)
    for row in query.unanswered:
        print(query.id, *items.cells(row), sep="\t")
    sys.stdout.flush()
    if was_left:
        what = f"{path} holds labels that were not told yet, so it was left as it is. Finish its column `label`"
    else:
        what = f"Fill in the column `label` of {path}"
    print(
        f"\n{len(query.unanswered)} rows to label ({query.use}), {state.told} of {state.config['budget']} labels told."
        f"\n{what} with class names, numbers or `skip`, all or some, then:"
        f"\n  activeloop tell {folder} {query.id} {path}\n  activeloop ask {folder}"
        f"\nOr label in the browser, which does both: activeloop label {folder} --with web",
        file=sys.stderr,
    )
    return WAITING
