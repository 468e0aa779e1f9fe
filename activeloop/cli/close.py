"""Give up on what is unanswered in a query: those rows become open again, and what was answered stays."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from activeloop.run import Run


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("query", help="its id, such as q0003")


def main(run: Path, query: str) -> int:
    from activeloop.cli.main import DONE

    with Run(run) as opened:
        waiting = opened.state.open_query
        opened.close(query)
        open_again = len(waiting.unanswered) if waiting is not None and waiting.id == query else 0
    print(f"{query}: closed, {open_again} rows open again")
    return DONE
