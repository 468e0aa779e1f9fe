"""Table, curves.csv, summary.json, curves.png and TensorBoard logs of a comparison or a run, finished or running."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="what `compare --out` or `run --out` wrote")
    parser.add_argument("--metric", default="accuracy", help="accuracy, balanced_accuracy or loss (accuracy)")
    parser.add_argument(
        "--goal", type=float, default=0.9, metavar="A", help="value that the table counts labels to (0.9)"
    )
    parser.add_argument(
        "--baseline", default="random", metavar="NAME", help="what savings are measured against (random)"
    )


def main(folder: Path, metric: str, goal: float, baseline: str) -> int:
    from activeloop.cli.main import DONE

    show(folder, metric, goal, baseline)
    return DONE


def show(folder: Path, metric: str = "accuracy", goal: float = 0.9, baseline: str = "random") -> None:
    """Write everything, print the table and where the rest is."""
    from activeloop.report.table import table
    from activeloop.report.write import write_report

    print(table(write_report(folder, metric, goal, baseline)))
    print(f"\nwrote {folder}/curves.csv, summary.json, curves.png and tb/\ntensorboard --logdir {folder}/tb")
