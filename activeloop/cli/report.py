"""What runs say, from their files alone: which strategy, how many labels, how sure. Finished or running, of one folder or
several; writes one page of HTML that needs nothing beside it, and the same as Markdown, CSV, PNG and SVG.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.report.conditions import Condition
    from activeloop.report.study import Study

BASELINE = "random"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help="what `compare`, `sweep` or `run` wrote with --out"
    )
    parser.add_argument(
        "--out", type=Path, metavar="OUT", help="where report.html and the other files go (the first DIR)"
    )
    parser.add_argument("--metric", default="accuracy", help="accuracy, balanced_accuracy or loss (accuracy)")
    parser.add_argument(
        "--goal", type=_goals, action="extend", metavar="A,B,…",
        help="values to reach: labels are counted to each, and sentences are about the first (0.9)",
    )  # fmt: skip
    parser.add_argument("--baseline", metavar="NAME", help=f"what savings are measured against ({BASELINE})")
    parser.add_argument(
        "--x",
        choices=("labels", "cost"),
        default="labels",
        help="what the curves are drawn over (labels); cost where it is noted",
    )
    parser.add_argument(
        "--lines", type=_names, default=(), metavar="KEY,…",
        help="settings, such as start, that make lines of one chart instead of charts of their own",
    )  # fmt: skip
    parser.add_argument(
        "--runs", type=int, metavar="N", help="runs to show in detail (one of each line and chart, at most 12)"
    )
    parser.add_argument(
        "--replay",
        action="store_true",
        help="train every model again, for stopping rules that look at predictions and were not there in the run",
    )
    parser.add_argument("--no-pictures", action="store_true", help="load no data: show no images of what was picked")
    parser.add_argument(
        "--projector",
        metavar="RUN",
        help="show this run's pool in TensorBoard's projector; may train its last model again",
    )
    parser.add_argument("--mlflow", metavar="URI", help="send all runs there: http://HOST:5000, or sqlite:///mlflow.db")
    parser.add_argument("--experiment", default="activeloop", metavar="NAME", help="of MLflow (activeloop)")


def main(
    folders: list[Path],
    out: Path | None,
    metric: str,
    goal: list[float] | None,
    baseline: str | None,
    x: str,
    lines: Sequence[str],
    runs: int | None,
    replay: bool,
    no_pictures: bool,
    projector: str | None,
    mlflow: str | None,
    experiment: str,
) -> int:
    from activeloop.cli.main import DONE
    from activeloop.report.conditions import conditions

    found = conditions(folders, lines)
    _check(folders, found, metric, baseline, runs)
    if replay:
        from activeloop.cli.replay import train_again

        for folder in folders:
            train_again(folder)
    to, goals = out or folders[0], list(dict.fromkeys(goal or [0.9]))
    command = _command(folders, out, found)
    of = show(found, to, goals, metric, baseline or BASELINE, x, runs, command, has_pictures=not no_pictures)
    if projector is not None:
        from activeloop.cli.projected import write_projector

        shown = write_projector(found, projector, to / "tb")
        print(f"wrote {shown}: the pool by the round of picking, at http://localhost:6006/#projector")
    if mlflow is not None:
        from activeloop.report.tracker import track

        sent = track(found, of.summaries, mlflow, experiment)
        print(f"MLflow, {experiment}: {sent.new} runs new, {sent.changed} brought up to date, {sent.same} as they were")
    return DONE


def show(
    found: Sequence[Condition],
    to: Path,
    goals: Sequence[float] = (0.9,),
    metric: str = "accuracy",
    baseline: str = BASELINE,
    x: str = "labels",
    runs: int | None = None,
    command: str = "",
    has_pictures: bool = True,
) -> Study:
    """Write everything, print the table and the verdict, where the rest is, and the line that opens TensorBoard."""
    from activeloop.cli.pictures import pictures
    from activeloop.report.answers import read_answers_of, text
    from activeloop.report.table import overview
    from activeloop.report.write import write_report

    shown = pictures() if has_pictures else None
    of = write_report(to, metric, goals, baseline, x, found=found, pictures=shown, runs=runs, command=command)
    print(overview(of))
    said = (read_answers_of(record.folder)[0] for one in found for record in one.records)
    answers = text([each for each in said if each is not None])
    if answers:
        print(f"\n{answers}")
    print("\n" + "\n".join(of.verdict))
    by = "" if x == "labels" else f"-by-{x}"
    summary = f"summary{by}.json, " if len(found) == 1 else ""
    page = to / f"report{by}.html"
    print(f"\nwrote {to}: report{by}.html, .md, .csv and .json, {summary}curves{by}.csv, .png and .svg, tb/"
          f"\nopen {page} in a browser, or\n{tensorboard_line(to)}")  # fmt: skip
    return of


def tensorboard_line(folder: Path) -> str:
    """The command that opens TensorBoard on a folder, from here and without activating an environment."""
    import os
    import shlex
    import shutil
    import sys

    from activeloop.report.tensorboard import bands_link

    name = "tensorboard"
    if shutil.which(name) is None:
        beside = Path(sys.executable).parent / name
        near = os.path.relpath(beside)
        name = str(beside) if near.startswith("..") else near
    link = bands_link(folder / "tb")
    return f"{name} --logdir {shlex.quote(str(folder / 'tb'))} --samples_per_plugin images=100" + (
        f"\nand there, for means with bands, {link}" if link else ""
    )


def _goals(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no list of numbers, such as 0.8,0.9") from None


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _check(
    folders: Sequence[Path], found: Sequence[Condition], metric: str, baseline: str | None, runs: int | None
) -> None:
    from activeloop.errors import ConfigError, StoreError, UnknownName, nearest
    from activeloop.report.curves import run_folders

    for folder in folders:
        if not run_folders(folder):
            raise StoreError(
                f"no run in {folder}: neither journal.jsonl nor runs/*/journal.jsonl. Name what `--out` of `activeloop"
                " compare` or `run` was."
            )
    records = [record for condition in found for record in condition.records]
    if not records:
        raise StoreError(f"no run in {folders[0]} has written anything yet: the journals are empty.")
    if runs is not None and runs < 0:
        raise ConfigError(f"--runs is {runs}; it must be 0 or more.")
    known = dict.fromkeys(point.metric for record in records for point in record.points())
    if known and metric not in known:
        raise UnknownName(f"no metric is called {metric!r}{nearest(metric, known)} Measured were {', '.join(known)}.")
    strategies = dict.fromkeys(record.strategy for record in records)
    if baseline is not None and baseline not in strategies:
        raise UnknownName(
            f"no strategy here is called {baseline!r}{nearest(baseline, strategies)} There are {', '.join(strategies)}."
        )


def _command(folders: Sequence[Path], out: Path | None, found: Sequence[Condition]) -> str:
    """The same again, with every run in detail."""
    import shlex

    runs = sum(len(condition.records) for condition in found)
    words = ["activeloop", "report", *map(str, folders), *(["--out", str(out)] if out else []), "--runs", str(runs)]
    return shlex.join(words)
