"""Forgetting, flips, label dispersion, EL2N and AUM as acquisition functions: do they find hard rows or wrong ones?

Question    Training dynamics were made to clean labelled data: against the labels given, they find labels that are wrong.
            An unlabelled row has no label, and a reference stands for it. What do the scores find then, does it help, and
            does that change where a fifth of the answers is wrong?
Curves      random, margin and entropy beside the five, each against every reference that matters: last round's model
            (`previous`, the default), clusters named by the labels held, neighbours, this round's own last prediction
            (`final`, not for el2n, which would be least confidence). Answers are right, or 20 % are another class
            (symmetric). Area under the accuracy curve less random's, paired by seed, Holm-corrected over arms.
Diagnosis   Of a pool in which 20 % of the labels given are wrong. "As published": a net is trained on all rows with their
            labels, and scored against those. "As acquired": a net is trained on the budget's random labels, a fifth of
            them wrong, and scores the other rows against each reference; and against the answer they would get,
            which no strategy knows. wrong: ROC area, and Spearman, with "the label (answer, reference) is wrong".
            hard: Spearman with 1 - p(true class), averaged over ten independent models, each trained on the true labels of
            as many random rows as the budget has, of those that did not see the row. Entropy and margin: of the same net.
            A score finds wrong ones where the interval of the ROC area lies above 0.6, and hard ones where that of Spearman
            with hardness lies above 0.2: fixed before any of it was run. The sentences over all data sets and references
            say so of a score where more than half of the cases do: added once the tables stood. Symmetric errors do not
            depend on the row, so 0.5 for answers to come is what must be. Histories are read after epochs without dropout;
            forgetting and AUM were published on the passes that train.
Data        digits: 1,438 rows, net `cnn` on images. MNIST and CIFAR-10: the first 5,000 rows and 2,000 test rows, as features
            of the encoders that benchmarks/passive.py trains without labels, net `mlp`. A seed draws digits' split, the
            start, weights, order, clusters and wrong answers; not the encoders. Recipe: default, a history of 30 looks.
            el2n: 3 early models when it acquires, 10 in the diagnosis. Clusters: TEMI with elfs-quick's settings. Five seeds
            of digits and three of the others, for time.
Device      CPU, one thread a run. Runs are journals and diagnoses files: the script goes on where it stood.

    ACTIVELOOP_DATA=DIR python benchmarks/dynamics.py [--jobs 1] [--out DIR] [--encoders DIR]     half an hour after passive.py
    python benchmarks/dynamics.py --quick                                                         shows that it runs
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from hard_or_wrong import LOOKS, NOISES, Task, answered, diagnose, diagnosed, source
from results import curves_table, record, summarised, verdicts

from activeloop import configure, load
from activeloop.catalogue import QUICK
from activeloop.cli.simulation import oracle_for
from activeloop.drive import drive
from activeloop.report.plot import draw
from activeloop.run import Run

ALL = ("previous", "named-clusters", "neighbours", "final")
TASKS = (
    Task("digits", "cnn", 20, 30, 200, 5, ALL),
    Task("mnist", "mlp", 20, 30, 200, 3, ALL[:2]),
    Task("cifar10", "mlp", 100, 100, 600, 3, ALL[:2]),
)
SMALL = (Task("digits", "linear", 20, 20, 60, 2, ALL[:2]),)


def main(tasks: Sequence[Task], jobs: int, out: Path, encoders: Path, *, keeps: bool = True) -> None:
    for task in tasks:
        source(task, out, encoders)
    drawn = [(task, seed) for seed in range(max(task.seeds for task in tasks)) for task in tasks if seed < task.seeds]
    pieces = [(task, seed, "", "diagnosis") for task, seed in drawn]
    pieces += [(task, seed, noise, arm) for task, seed in drawn for noise in NOISES for arm in task.arms]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as workers:
        done = [workers.submit(piece, out, encoders, *each) for each in pieces]
        for at, each in enumerate(as_completed(done), start=1):
            print(f"[{at}/{len(pieces)}] {each.result()}", file=sys.stderr, flush=True)
    head = f"{date.today()}, torch {version('torch')}, CPU; mean ± 95 % t interval over seeds 0, 1, …"
    tables = [
        *(diagnosed(task, out) for task in tasks),
        *(compared(task, noise, out) for task in tasks for noise in NOISES),
    ]
    text = "\n\n".join([head, answered(tasks, out), *tables])
    if keeps:
        record(__file__, text)
    else:
        print(text)


def piece(out: Path, encoders: Path, task: Task, seed: int, noise: str, arm: str) -> str:
    warnings.simplefilter("ignore", UserWarning)
    began = time.process_time()
    if arm == "diagnosis":
        said = diagnose(task, seed, out, encoders)
    else:
        said = run(task, seed, noise, arm, out, encoders)
    return f"{task.name}, seed {seed}, {arm} {noise}: {said}, {time.process_time() - began:.0f} s of a core"


# curves


def run(task: Task, seed: int, noise: str, arm: str, out: Path, encoders: Path) -> str:
    """One arm and seed to the budget; goes on where its journal ends."""
    strategy, reference = task.arms[arm]
    config = configure(
        seed=seed, budget=task.budget, query=task.query,
        data={"source": source(task, out, encoders), "cache": str(out / "cache")},
        start={"strategy": "random", "size": task.initial},
        acquire={"strategy": strategy, "bind": {"reference": reference} if reference else {}},
        evidence={
            **({"early": {"models": 3}} if strategy == "el2n" else {}),
            **({"clusters": QUICK["reference"]} if reference == "named-clusters" else {}),
        },
        learner={"options": {"net": task.net, "looks": LOOKS}},
        oracle={"noise": NOISES[noise]},
    )  # fmt: skip
    loaded = load(config.data.source, seed=config.seed)
    assert loaded.truth is not None
    oracle = oracle_for(config, loaded.truth, len(loaded.data.classes))
    with Run(folder(task, seed, noise, arm, out), config, loaded.data, loaded.test) as here:
        for state in drive(here, oracle):
            last = state
    return f"accuracy {last.measures[-1].metrics['accuracy']:.3f}"


def folder(task: Task, seed: int, noise: str, arm: str, out: Path) -> Path:
    return out / task.name / noise / f"{arm.replace(' ', '-').replace('(', '').replace(')', '')}-s{seed}"


def compared(task: Task, noise: str, out: Path) -> str:
    runs = {arm: [folder(task, seed, noise, arm, out) for seed in range(task.seeds)] for arm in task.arms}
    summary = summarised(runs)
    draw(summary, out / f"{task.name}-{noise}.png")
    head = f"### {task.name}: {'20 % of answers wrong' if NOISES[noise] else 'answers right'}, {task.seeds} seeds"
    return f"{head}\n\n{verdicts(summary)}\n\n{curves_table(summary)}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/dynamics"))
    parser.add_argument(
        "--encoders", type=Path, default=Path("runs/passive"), help="the --out of benchmarks/passive.py"
    )
    parser.add_argument("--seeds", type=int, default=5, help="of digits; of the others 3 at most")
    parser.add_argument("--quick", action="store_true", help="a linear net on digits, 60 labels; nothing is recorded")
    given = parser.parse_args()
    if given.quick:
        main(SMALL, given.jobs, given.out / "quick", given.encoders, keeps=False)
    else:
        tasks = [replace(task, seeds=min(task.seeds, given.seeds)) for task in TASKS]
        main(tasks, given.jobs, given.out, given.encoders)
