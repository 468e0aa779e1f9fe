"""Hand in answers, all at once or a few at a time; handing them in again has no effect.

ANSWERS is a CSV with the columns `row` or `file`, and `label`: a class name, its number, or "skip". Lines without a label
are passed over. Exits with 3 while answers are missing, with 0 once the query is complete.
"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path

from activeloop.cli.answers import names_files, read_answers
from activeloop.run import Run


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("query", help="the id that `activeloop ask` printed, such as q0003")
    parser.add_argument("answers", type=Path, help="CSV")
    parser.add_argument("--annotator", default="", metavar="NAME", help="who answered, kept beside every answer")


def main(run: Path, query: str, answers: Path, annotator: str) -> int:
    from activeloop.cli.main import DONE, WAITING

    files = rows_by_file(run) if names_files(answers) else {}
    with Run(run) as opened:
        told = read_answers(answers, opened.state.classes, files)
        date = datetime.now(UTC).isoformat(timespec="seconds")
        fresh = [row for row in told if row not in opened.state.notes]
        notes = {row: {"annotator": annotator, "date": date} for row in fresh}
        before = opened.state.told
        unanswered = opened.tell(query, told, notes)
        print(f"{query}: {opened.state.told - before} labels taken, {len(unanswered)} still to come")
    return WAITING if unanswered else DONE


def rows_by_file(run: Path) -> dict[str, int]:
    """File name -> row, from the data that the run was started on."""
    from activeloop.cli.ask import config_of
    from activeloop.cli.simulation import loaded

    return {name: row for row, name in enumerate(loaded(config_of(run)).data.names or ())}
