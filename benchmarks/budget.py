"""Which strategy, how many labels, how sure: six strategies at low and at high budgets on three data sets.

Question    Does the ranking at 10 to 100 labels hold at 100 to 1,000, and over data sets? The report of this sweep is the example
            in docs/budget/.
Protocol    low: 10 random rows to start, 10 a round, 100 in all. high: 100, 100 a round, 1,000 in all (600 of the 1,438 rows
            of digits). Each round looks at 2,000 rows drawn at random, at all of digits. A seed draws split, start,
            candidates, weights and batch order, and strategies are paired by it.
            digits and MNIST (60,000 rows) on pixels; CIFAR-10 (its first 10,000 rows) on features by VICReg, trained on them
            without a label, since a net from scratch learns next to nothing of colour images from 100 labels. The encoder
            is one, so intervals are over samplings and trainings.
Learner     the net `mlp` by the default recipe, in lockstep. Nothing was tuned. Answers are right.
Measured    everything that a report has: area, labels to targets (Kaplan-Meier), saving, penalties, Friedman, forecasts.
Result      2026-11-25: the ranking turns. Up to 100 labels typiclust is ahead of random on all three (+0.08, +0.02 and +0.08
            of area), entropy and bald level with it or behind; from 100 on badge is ahead on all three (+0.02, +0.005 and
            +0.03), entropy behind on CIFAR-10's features, typiclust behind on digits. Over six conditions no pair can be
            told apart by ranks.
Device      CPU, one thread. A run is a journal: the script goes on where it stood.

    ACTIVELOOP_DATA=DIR python benchmarks/budget.py [--seeds 20] [--out DIR]     half an hour
    python benchmarks/budget.py --quick                                          shows that it runs, on digits
"""

from __future__ import annotations

import argparse
import os
import shutil
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from results import record

from activeloop.cli.many import run_all
from activeloop.report.conditions import conditions
from activeloop.report.page.write import write_page
from activeloop.report.table import overview
from activeloop.sweep.grid import grid, run_name

STRATEGIES = ("random", "margin", "entropy", "bald", "badge", "typiclust")
BUDGETS = {"low": (10, 100), "high": (100, 1000)}  # labels of the start and of a round, and in all
GOALS = (0.8, 0.9, 0.5)  # the first is what sentences are about
COMMAND = "python benchmarks/budget.py"
WIDTH = 1200  # pixels of the picture that is kept
SUBSET = 10_000  # rows of CIFAR-10
ENCODER = {"steps": 3000, "precision": "bfloat16"}  # as in passive.py


def table_of(data: dict[str, Any], step: int, budget: int, seeds: int) -> dict[str, Any]:
    """A sweep."""
    return {
        "seed": list(range(seeds)), "lockstep": True, "query": step, "budget": budget, "start": {"size": step},
        "acquire": {"strategy": list(STRATEGIES)}, "learner": {"options": {"net": "mlp"}}, **data,
    }  # fmt: skip


def data_sets(folder: Path | None, out: Path) -> dict[str, dict[str, Any]]:
    """Name -> settings. Without a folder of data only digits."""
    found: dict[str, dict[str, Any]] = {"digits": {}}
    if folder is None:
        return found
    found["mnist"] = {"data": {"source": "mnist", "data_dir": str(folder)}, "candidates": 2000}
    part = out / f"cifar10-{SUBSET}.npz"
    if not part.exists():
        with np.load(folder / "cifar10.npz") as file:
            arrays = {name: file[name][:SUBSET] if name.endswith("train") else file[name] for name in file.files}
        part.parent.mkdir(parents=True, exist_ok=True)
        np.savez(part, **arrays)
    cifar10 = {"source": str(part.resolve()), "features": "vicreg", "features_options": ENCODER, "learn_on": "features"}
    found["cifar10"] = {"data": {**cifar10, "cache": str((out / "cache").resolve())}, "candidates": 2000}
    return found


def _show(report: Path, docs: Path) -> None:
    """What of a report is small enough to be kept with the code."""
    docs.mkdir(parents=True, exist_ok=True)
    for name in ("report.html", "report.md"):
        shutil.copy(report / name, docs / name)
    with Image.open(report / "curves.png") as picture:
        small = picture.convert("RGB").resize((WIDTH, WIDTH * picture.height // picture.width))
        small.quantize(64).save(docs / "curves.png", optimize=True)


def main(seeds: int, out: Path, docs: Path, quick: bool) -> None:
    place = os.environ.get("ACTIVELOOP_DATA")
    folders = []
    for name, data in data_sets(None if quick or place is None else Path(place), out).items():
        for height, (step, budget) in BUDGETS.items():
            most = min(budget, 600) if name == "digits" else budget
            runs = {run_name(one): one for one in grid(table_of(data, step, most, seeds))}
            folders.append(out / f"{name}-{height}")
            outcomes = run_all(runs, folders[-1], "lockstep", 1)
            failed = [f"{at.name}: {at.error}" for at in outcomes if at.error]
            assert not failed, failed
    found = write_page(conditions(folders), out / "report", targets=GOALS, runs=0, command=COMMAND)
    _show(out / "report", docs)
    text = f"{overview(found)}\n\n" + "\n".join(found.verdict)
    where = (
        f"{date.today()}, seeds 0 to {seeds - 1}, torch {version('torch')}, CPU; the report is docs/budget/report.md."
    )
    if quick:
        print(text)
    else:
        record(__file__, f"{where}\n\n```text\n{text}\n```")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("budget-runs"))
    parser.add_argument("--docs", type=Path, default=Path("docs/budget"))
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    main(2 if given.quick else given.seeds, given.out, given.docs, given.quick)
