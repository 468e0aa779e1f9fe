"""Hand in answers, all at once or a few at a time; handing them in again has no effect.

ANSWERS is a CSV with the columns `row` or `file`, and `label`: a class name, its number, or "skip". Lines without a label
are passed over, so a query may be handed in half filled. Exits with 3 while answers are missing, with 0 once the query is
complete.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("query", help="the id that `activeloop ask` printed, such as q0003")
    parser.add_argument("answers", type=Path, help="CSV")
    parser.add_argument("--annotator", default="", metavar="NAME", help="who answered, kept beside every answer")


def main(run: Path, query: str, answers: Path, annotator: str) -> int:
    from activeloop.cli.answers import note_of, read_answers
    from activeloop.cli.folder import items_of
    from activeloop.cli.main import DONE, WAITING
    from activeloop.run import Run
    from activeloop.types import SKIP

    with Run(run) as opened:
        told = read_answers(answers, opened.state.classes, items_of(run))
        before = opened.state.labels
        asked = next((each.answers for each in opened.state.queries if each.id == query), {})
        fresh = [row for row in told if row not in asked]  # who told it first stays its annotator
        unanswered = opened.tell(query, told, dict.fromkeys(fresh, note_of(annotator)))
        after = opened.state.labels[before != opened.state.labels]
    skipped = int((after == SKIP).sum())
    also = f", {skipped} skipped" if skipped else ""
    print(f"{query}: {len(after) - skipped} labels taken{also}, {len(unanswered)} still to come")
    if not unanswered:
        print(f"complete; the next one: activeloop ask {run}")
    return WAITING if unanswered else DONE
