"""Give up on what is unanswered in a query: those rows become open again, and what was answered stays."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("query", help="its id, such as q0003")


def main(run: Path, query: str) -> int:
    from activeloop.cli.main import DONE
    from activeloop.run import Run

    with Run(run) as opened:
        waiting = opened.state.open_query
        opened.close(query)
    again = len(waiting.unanswered) if waiting is not None and waiting.id == query else 0
    print(
        f"{query}: closed, {again} rows open again"
        if again
        else f"{query}: nothing to close, it was complete or closed"
    )
    return DONE
