"""What do near-duplicates in a pool cost? Top-k BALD against batch-bald, badge, a draw by BALD, margin and random.

Question    The best rows by BALD are alike where the pool holds look-alikes: how far does that set top-k back, and do the
            methods made against it (batch-bald, badge, the pick `power` of Kirsch et al. 2021) hold random's level or more?
Protocol    Every row of a small pool stands in it four times, each time with Gaussian noise of a tenth of the pixels'
            deviation, as Repeated-MNIST of Kirsch et al. 2019 (three times there). A seed draws the distinct rows, the
            noise, 20 first labels (at random, the same for all arms), weights and batch order. Answers are right.
            digits: 360 distinct rows, the test fifth of `activeloop.load`; also with each row once, 1,438 rows, as a
            control, and with 20 a query. MNIST: 1,000 distinct rows of the training set, the first 2,000 of the test set.
Arms        bald and batch-bald on 50 passes of MC dropout; `bald-power`: drawn in proportion to BALD, beta 1. batch-bald
            has 1,000 combinations of labels beyond the exact ones in place of 10,000, for time. The nets are `cnn` on digits
            and `mlp` on MNIST's pixels, dropout 0.5; the recipe is the default one. Nothing was tuned.
Measured    area under the accuracy curve less random's, paired by seed, Holm-corrected over arms; the share of a batch whose
            row is already in that batch as another copy, and the share of all labels that went to a row labelled before.
Device      CPU, one thread a run. A run is a journal: the script goes on where it stood.

    ACTIVELOOP_DATA=DIR python benchmarks/redundancy.py [--jobs 1] [--seeds 5] [--out DIR]     a quarter of an hour
    python benchmarks/redundancy.py --quick                                                    shows that it runs
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from results import curves_table, record, said, state_of, summarised, verdicts

from activeloop import configure, load
from activeloop.drive import drive
from activeloop.fold import State
from activeloop.report.plot import draw
from activeloop.report.statistics import estimate
from activeloop.rng import rng
from activeloop.run import Run
from activeloop.types import Loaded
from oracles import Simulated

NOISE = 0.1  # of the deviation of all pixels
INITIAL, PASSES = 20, 50
# arm -> what acquires
ARMS: dict[str, dict[str, Any]] = {
    "random": {"strategy": "random"},
    "margin": {"strategy": "margin"},
    "bald": {"strategy": "bald"},
    "bald-power": {"strategy": "bald", "pick": "power"},
    "batch-bald": {"strategy": "batch-bald", "options": {"joint_samples": 1_000}},
    "badge": {"strategy": "badge"},
}


@dataclass(frozen=True)
class Task:
    """A pool.    distinct: its rows before they are copied.    copies: 1 is no repetition.    query: labels a round."""

    name: str
    distinct: int
    copies: int
    query: int
    net: str
    budget: int = 150

    @property
    def source(self) -> str:
        return self.name.partition(" ")[0]


TASKS = (
    Task("digits once", 1438, 1, 10, "cnn"),
    Task("digits repeated", 360, 4, 10, "cnn"),
    Task("digits repeated, 20 a query", 360, 4, 20, "cnn", budget=160),
    Task("mnist repeated", 1000, 4, 10, "mlp"),
)
QUICK = (Task("digits repeated", 60, 4, 10, "mlp", budget=40),)


def main(tasks: Sequence[Task], seeds: int, jobs: int, out: Path, *, keeps: bool = True) -> None:
    pieces = [(task, arm, seed) for seed in range(seeds) for task in tasks for arm in ARMS]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as workers:
        done = [workers.submit(run, out, *piece) for piece in pieces]
        for at, piece in enumerate(as_completed(done), start=1):
            print(f"[{at}/{len(pieces)}] {piece.result()}", file=sys.stderr, flush=True)
    said = f"{date.today()}, seeds 0 to {seeds - 1}, torch {version('torch')}, CPU; mean ± 95 % t interval."
    text = "\n\n".join([said, *(section(task, seeds, out) for task in tasks)])
    if keeps:
        record(__file__, text)
    else:
        print(text)


def run(out: Path, task: Task, arm: str, seed: int) -> str:
    """One arm and seed to the budget; goes on where its journal ends."""
    warnings.simplefilter("ignore", UserWarning)
    began = time.process_time()
    loaded, path = pool(out, task, seed)
    assert loaded.truth is not None
    config = configure(
        seed=seed, budget=task.budget, query=task.query,
        data={"source": path},
        start={"strategy": "random", "size": INITIAL},
        acquire=ARMS[arm],
        evidence={"samples": {"passes": PASSES}} if "bald" in arm else {},
        learner={"options": {"net": task.net, "net_options": {"dropout": 0.5}}},
    )  # fmt: skip
    with Run(folder(out, task, arm, seed), config, loaded.data, loaded.test) as here:
        for state in drive(here, Simulated(loaded.truth)):
            last = state
    reached, spent = last.measures[-1].metrics["accuracy"], time.process_time() - began
    return f"{task.name}, {arm}, seed {seed}: accuracy {reached:.3f}, {spent:.0f} s of a core"


def pool(out: Path, task: Task, seed: int) -> tuple[Loaded, str]:
    """Row r of the pool is copy r % copies of distinct row r // copies; and the file that it is in."""
    path = out / "pools" / f"{task.source}-{task.distinct}x{task.copies}-{seed}.npz"
    if not path.exists():
        found = load(task.source, seed=seed, data_dir=os.environ.get("ACTIVELOOP_DATA"))
        assert found.truth is not None
        assert found.test is not None
        chance = rng(seed, 0, "redundancy")
        rows = np.sort(chance.permutation(len(found.truth))[: task.distinct])
        images = found.data.inputs[torch.from_numpy(rows)].float().numpy()
        copied = np.repeat(images, task.copies, axis=0)
        if task.copies > 1:
            copied += NOISE * images.std() * chance.standard_normal(copied.shape, dtype=np.float32)
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(
            there,
            x_train=copied,
            y_train=np.repeat(found.truth[rows], task.copies),
            x_test=found.test.data.inputs[:2_000].float().numpy(),
            y_test=found.test.labels[:2_000],
        )
        there.rename(path)
    return load(str(path)), str(path)


def folder(out: Path, task: Task, arm: str, seed: int) -> Path:
    return out / task.name.replace(", ", "-").replace(" ", "-") / f"{arm}-s{seed}"


# tables


def section(task: Task, seeds: int, out: Path) -> str:
    runs = {arm: [folder(out, task, arm, seed) for seed in range(seeds)] for arm in ARMS}
    summary = summarised(runs)
    draw(summary, out / f"{folder(out, task, 'random', 0).parent.name}.png")
    within, before = {}, {}
    for arm, folders in runs.items():
        shares = [_repeats(state_of(at), task.copies) for at in folders]
        within[arm], before[arm] = (said(estimate(each), digits=2) for each in zip(*shares, strict=True))
    head = f"### {task.name}: {task.distinct:,} rows x {task.copies}, {task.query} labels a query"
    table = curves_table(summary, {"copies within a batch": within, "labels on a row labelled before": before})
    return f"{head}\n\n{verdicts(summary)}\n\n{table}"


def _repeats(state: State, copies: int) -> tuple[float, float]:
    """The share of acquired rows that are a copy of one earlier in their batch, and of any labelled before."""
    held: set[int] = set()
    within = before = asked = 0
    for query in state.queries:
        distinct: NDArray[np.int64] = np.asarray(query.rows) // copies
        if query.use == "acquire":
            asked += len(distinct)
            within += len(distinct) - len(set(distinct.tolist()))
            before += len(distinct) - len(set(distinct.tolist()) - held)
        held |= set(distinct.tolist())
    return within / asked, before / asked


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/redundancy"))
    parser.add_argument("--quick", action="store_true", help="one small pool, two seeds, nothing recorded")
    given = parser.parse_args()
    if given.quick:
        main(QUICK, 2, given.jobs, given.out / "quick", keeps=False)
    else:
        main(TASKS, given.seeds, given.jobs, given.out)
