"""Change labels after an audit, or record some that no query asked for; the journal keeps the reason.

ANSWERS is a CSV as for `activeloop tell`; "skip" takes a row out of the pool.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("answers", type=Path, help="CSV")
    parser.add_argument("--annotator", default="", metavar="NAME", help="who decided, kept beside every change")
    parser.add_argument("--why", required=True, metavar="REASON", help="kept beside the change")


def main(run: Path, answers: Path, why: str, annotator: str) -> int:
    from activeloop.cli.answers import note_of, read_answers
    from activeloop.cli.folder import items_of
    from activeloop.cli.main import DONE
    from activeloop.run import Run

    with Run(run) as opened:
        revised = read_answers(answers, opened.state.classes, items_of(run))
        before = opened.state.labels
        opened.revise(revised, why, dict.fromkeys(revised, note_of(annotator, why)))
        changed = int((before != opened.state.labels).sum())
    print(f"{changed} labels changed; the next `activeloop ask {run}` trains on them" if changed else "nothing changed")
    return DONE
