"""Change labels after an audit, or record some that no query asked for; the journal keeps the reason.

ANSWERS is a CSV as for `activeloop tell`; "skip" takes a row out of the pool.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from activeloop.cli.answers import names_files, read_answers
from activeloop.cli.tell import rows_by_file
from activeloop.run import Run


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("answers", type=Path, help="CSV")
    parser.add_argument("--why", required=True, metavar="REASON", help="kept beside the change")


def main(run: Path, answers: Path, why: str) -> int:
    from activeloop.cli.main import DONE

    files = rows_by_file(run) if names_files(answers) else {}
    with Run(run) as opened:
        revised = read_answers(answers, opened.state.classes, files)
        before = opened.state.labels
        opened.revise(revised, why)
        changed = int((before != opened.state.labels).sum())
    print(f"{changed} labels changed; the next `activeloop ask {run}` trains on them")
    return DONE
