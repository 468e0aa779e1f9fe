"""Table, curves.csv, summary.json, curves.png and TensorBoard logs of a comparison or a run, finished or running."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

BASELINE = "random"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="what `compare --out` or `run --out` wrote")
    parser.add_argument("--metric", default="accuracy", help="accuracy, balanced_accuracy or loss (accuracy)")
    parser.add_argument(
        "--goal", type=float, default=0.9, metavar="A", help="value that the table counts labels to (0.9)"
    )
    parser.add_argument("--baseline", metavar="NAME", help=f"what savings are measured against ({BASELINE})")
    parser.add_argument(
        "--x",
        choices=("labels", "cost"),
        default="labels",
        help="what the curves are drawn over (labels); cost where it is noted",
    )
    parser.add_argument(
        "--replay",
        action="store_true",
        help="train every model again, for stopping rules that look at predictions and were not there in the run",
    )


def main(folder: Path, metric: str, goal: float, baseline: str | None, x: str, replay: bool) -> int:
    from activeloop.cli.main import DONE
    from activeloop.errors import StoreError, UnknownName, nearest
    from activeloop.report.curves import read_records

    records = read_records(folder)
    if not records:
        raise StoreError(
            f"no run in {folder}: neither journal.jsonl nor runs/*/journal.jsonl. Name what `--out` of `activeloop"
            " compare` or `run` was."
        )
    known = dict.fromkeys(point.metric for record in records for point in record.points())
    if known and metric not in known:
        raise UnknownName(f"no metric is called {metric!r}{nearest(metric, known)} Measured were {', '.join(known)}.")
    strategies = dict.fromkeys(record.strategy for record in records)
    if baseline is not None and baseline not in strategies:
        raise UnknownName(
            f"no strategy here is called {baseline!r}{nearest(baseline, strategies)} There are {', '.join(strategies)}."
        )
    if replay:
        from activeloop.cli.replay import train_again

        train_again(folder)
    show(folder, metric, goal, baseline or BASELINE, x)
    return DONE


def show(
    folder: Path, metric: str = "accuracy", goal: float = 0.9, baseline: str = BASELINE, x: str = "labels"
) -> None:
    """Write everything, print the table, where the rest is, and the line that opens TensorBoard."""
    from activeloop.report.answers import read_answers, text
    from activeloop.report.table import table
    from activeloop.report.write import write_report

    print(table(write_report(folder, metric, goal, baseline, x=x)))
    answers = text(read_answers(folder))
    if answers:
        print(f"\n{answers}")
    runs = "runs/ (a journal each), " if (folder / "runs").is_dir() else ""
    by = "" if x == "labels" else f"-by-{x}"
    print(f"\nwrote {folder}: curves{by}.csv, summary{by}.json, curves{by}.png, {runs}tb/\n{tensorboard_line(folder)}")


def tensorboard_line(folder: Path) -> str:
    """The command that opens TensorBoard on a folder, from here and without activating an environment."""
    import os
    import shlex
    import shutil
    import sys

    name = "tensorboard"
    if shutil.which(name) is None:
        beside = Path(sys.executable).parent / name
        near = os.path.relpath(beside)
        name = str(beside) if near.startswith("..") else near
    return f"{name} --logdir {shlex.quote(str(folder / 'tb'))} --samples_per_plugin images=100"
