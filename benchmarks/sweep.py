"""What executors of a sweep gain: lockstep against one after another, against baal's loop, and processes against none.

Claims:
lockstep   20 runs of an MLP on features trained together take at most a quarter of the processor time that they take one
           after another, whole runs with journals and fsync; areas under their curves differ by no more than chance.
baal       the digits sweep of 6 strategies x 20 seeds in lockstep takes at most a fifth of what the same rounds take in
           baal's loop with equal net, steps and number of processes (one each).
processes  `processes` on two cores reaches at least 0.9 of the rate of two independent single-threaded processes.

Task: net `mlp` (64-128-128-10, dropout 0.25), fused AdamW, cosine, batch 32, 300 steps a fit; 20 random labels, then 9 queries
of 20: 10 fits a run. digits: 8 x 8 images, of each seed another 1,437 as pool and 360 as test set. mnist: 64 principal
components of a pool of 10,000 rows, 2,000 test rows, 2,000 candidates a round. Strategy `entropy` where not said.
baal has no forgetting and no el2n: by its training and prediction their evidence (the pool after 60 epochs; ten models early
in training) is computed as ours is, and picked from. It gets whole epochs, so up to 2 % fewer steps; no worker processes,
bars or log lines. Kept out of all times: imports, reading data, TensorBoard.

Floor of lockstep: a step of one run is 5.1 MFLOP on 32 rows, 60 us at the 88 GFLOP/s of a product on this core, and some 16 us
for the 0.73 MB that AdamW reads and writes; alone it is about 500 us, so no more than 6.6 times can be won on the training,
and on the rest (looking, measuring, three fsyncs a round) nothing. Prediction: 4.5 on digits, 4 on mnist, whose looks cost
more.

Result, 2026-11-25, one thread on two cores of an AMD EPYC (AVX-512) shared with others at a load of 10, so processor time is
what counts; seeds 0…19, two repetitions, order alternating:
lockstep   5.0 [4.5–5.4] on digits, 4.2 [4.1–4.4] on mnist; areas differ by -0.004 ± 0.006 and -0.004 ± 0.009.
baal       6.5 times (111 s of processor time against 718, of one seed scaled to 20), 6.3 on the four strategies that it has.
processes  1.1 [1.0–1.1], alone on the machine: a pool keeps its imports warm, and the slower half is shared out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, partial
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from baal_loop import Size, baal_run
from measure import ratios
from numpy.typing import NDArray
from results import record, said, state_of

from activeloop.cli.many import one_run
from activeloop.config import Config, as_json, build, configure
from activeloop.data.sources import load
from activeloop.drive import Steps, at_once, rounds
from activeloop.learners.loop import Recipe
from activeloop.learners.nets import mlp
from activeloop.report.statistics import area, estimate
from activeloop.run import Run
from activeloop.sweep.executors import processes, serial
from activeloop.sweep.lockstep import lockstep
from activeloop.sweep.outcome import Outcome, attempt, attempted
from activeloop.types import HeldOut, Loaded
from oracles import Simulated

STRATEGIES = ("random", "entropy", "margin", "bald", "forgetting", "el2n")
POOL, TEST, CANDIDATES = 10_000, 2_000, 2_000  # of mnist
SIZE = Size(start=20, query=20, budget=200)


@dataclass(frozen=True)
class Named:
    """A run of a sweep.    strategy, seed: also in its name."""

    task: str
    config: Config

    @property
    def name(self) -> str:
        return f"{self.config.acquire.strategy}-{self.config.seed}"


def runs(task: str, strategies: Sequence[str], seeds: int, steps: int, together: bool) -> list[Named]:
    common = configure(
        budget=SIZE.budget, query=SIZE.query, start={"size": SIZE.start}, candidates=CANDIDATES if task == "mnist" else 0,
        learner={"options": {"net": "mlp", "least_steps": steps}}, lockstep=together,
    )  # fmt: skip
    return [
        Named(task, replace(common, seed=seed, acquire=replace(common.acquire, strategy=strategy)))
        for seed, strategy in product(range(seeds), strategies)
    ]


@cache
def data_of(task: str, seed: int) -> Loaded:
    if task == "digits":
        return load("digits", seed=seed)
    return data_of(task, 0) if seed else _mnist()


def _mnist() -> Loaded:
    from activeloop.features import with_features

    folder = os.environ.get("ACTIVELOOP_DATA")
    if not folder or not Path(folder, "mnist.npz").exists():
        sys.exit(f"ACTIVELOOP_DATA is {folder!r}; the part on mnist reads mnist.npz from the folder that it names.")
    whole = load("mnist", data_dir=Path(folder))
    assert whole.test is not None
    assert whole.truth is not None
    test = HeldOut(replace(whole.test.data, inputs=whole.test.data.inputs[:TEST]), whole.test.labels[:TEST])
    some = replace(
        whole, data=replace(whole.data, inputs=whole.data.inputs[:POOL]), truth=whole.truth[:POOL], test=test
    )
    return with_features(some, "pca", {}, learn_on="features", cache=Path(tempfile.mkdtemp()))


def steps_of(named: Named, out: Path, at_once_or_not: Callable[..., Any]) -> Steps[None]:
    data = data_of(named.task, named.config.seed)
    assert data.truth is not None
    with Run(out / named.name, named.config, data.data, data.test) as run:
        yield from rounds(run, Simulated(data.truth), at_once_or_not)


def by_itself(named: Named, out: Path) -> Outcome:
    return attempt(named.name, lambda: steps_of(named, out, at_once), whole=True)


def in_company(named: Named, out: Path) -> Steps[Outcome]:
    return attempted(named.name, lambda: steps_of(named, out, Run.steps), whole=True)


def serially(named: Sequence[Named], out: Path) -> Iterator[Outcome]:
    return (by_itself(each, out) for each in named)


def together(named: Sequence[Named], out: Path) -> Iterator[Outcome]:
    return lockstep(partial(in_company, out=out), named)


@dataclass(frozen=True)
class Took:
    """Seconds of processor and of the clock, of all runs; of fits, by their own timings; and each run's area."""

    cpu: float
    wall: float
    fit: float
    areas: NDArray[np.float64]


def took(executor: Callable[[Sequence[Named], Path], Iterator[Outcome]], named: Sequence[Named]) -> Took:
    for each in named:
        data_of(each.task, each.config.seed)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        cpu, wall = time.process_time(), time.perf_counter()
        failed = [outcome.error for outcome in executor(named, out) if outcome.error]
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        assert not failed, failed[0]
        lines = [line for each in named for line in (out / each.name / "timings.jsonl").read_text().splitlines()]
        fit = sum(json.loads(line)["fit_s"] for line in lines)
        return Took(cpu, wall, fit, np.array([_area(out / each.name) for each in named]))


def _area(folder: Path) -> float:
    measures = state_of(folder).measures
    found = area([each.labels for each in measures], [each.metrics["accuracy"] for each in measures])
    assert found is not None
    return found


# lockstep against one after another


def part_lockstep(seeds: int, steps: int, repeats: int) -> str:
    lines = ["| 20 runs on | one by one, s | lockstep, s | ratio | ratio of fits | ratio of wall-clock | area, difference |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for task in ("digits", "mnist"):
        alone: list[Took] = []
        company: list[Took] = []
        for repeat in range(repeats):
            pairs: list[tuple[list[Took], Callable[..., Iterator[Outcome]], bool]] = [
                (alone, serially, False), (company, together, True)]  # fmt: skip
            for into, executor, is_together in pairs[:: 1 if repeat % 2 else -1]:
                into.append(took(executor, runs(task, ["entropy"], seeds, steps, is_together)))
                last = into[-1]
                print(
                    f"{task} {executor.__name__}: cpu {last.cpu:.1f}, fit {last.fit:.1f}, wall {last.wall:.1f}",
                    file=sys.stderr,
                )
        columns = [ratios([getattr(each, what) for each in alone], [getattr(each, what) for each in company])
                   for what in ("cpu", "fit", "wall")]  # fmt: skip
        differ = estimate(company[0].areas - alone[0].areas)
        cells = [task, _median(alone), _median(company), *columns, said(differ, sign=True, digits=4)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"Seconds of processor time, median of {repeats} repetitions, order alternating; ratios"
                      " within each, median [least–largest]. Area under the curve of accuracy: lockstep less alone, paired by"
                      " seed, with its 95 % interval."])  # fmt: skip


def _median(found: Sequence[Took]) -> str:
    return f"{np.median([each.cpu for each in found]):.1f}"


# lockstep against baal's loop


def part_baal(seeds: int, steps: int, theirs: int) -> str:
    """theirs: seeds that baal runs, the first of them; its time is for as many runs as ours by their mean."""
    recipe = Recipe(least_steps=steps)
    each = {
        name: [baal_run(name, data_of("digits", seed), mlp, recipe, SIZE, seed) for seed in range(theirs)]
        for name in STRATEGIES
    }
    lines = [
        f"| digits, {seeds} seeds | runs | lockstep, s | baal's loop, s | ratio | ratio of wall-clock |",
        "|---" * 6 + "|",
    ]
    for said_as, names in (("all 6 strategies", STRATEGIES), ("the 4 that baal has", STRATEGIES[:4])):
        ours = took(together, runs("digits", names, seeds, steps, True))
        cpu, wall = (seeds * sum(float(np.mean([run[at] for run in each[name]])) for name in names) for at in (0, 1))
        cells = [
            said_as,
            f"{seeds * len(names)}",
            f"{ours.cpu:.0f}",
            f"{cpu:.0f}",
            f"{cpu / ours.cpu:.1f}",
            f"{wall / ours.wall:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    ended = ", ".join(f"{name} {np.mean([run[2] for run in found]):.3f}" for name, found in each.items())
    return "\n".join([*lines, "", f"Seconds of processor time; baal's of {theirs} seeds, scaled to {seeds}. Accuracy that it ends"
                      f" at: {ended}."])  # fmt: skip


# processes


def part_processes(seeds: int, steps: int, repeats: int) -> str:
    named = [(each.name, each.config) for each in runs("digits", ["entropy"], seeds, steps, False)]
    free: list[float] = []
    pooled: list[float] = []
    for repeat in range(repeats):
        for into, timed in [(free, two_apart), (pooled, by_processes)][:: 1 if repeat % 2 else -1]:
            into.append(timed(named))
    return "\n".join([f"| {seeds} runs on two cores | seconds of the clock |", "|---|---|",
                      f"| two independent processes, {seeds // 2} runs each | {np.median(free):.1f} |",
                      f"| `processes`, 2 jobs | {np.median(pooled):.1f} |",
                      f"| rate of `processes` to theirs | {ratios(free, pooled)} |"])  # fmt: skip


def two_apart(named: Sequence[tuple[str, Config]]) -> float:
    """Seconds from when both are ready until both have ended."""
    given = [json.dumps([(name, as_json(config)) for name, config in part]) for part in (named[::2], named[1::2])]
    both = [subprocess.Popen([sys.executable, __file__, "--half", each], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for each in given]  # fmt: skip
    for each in both:
        assert each.stdout is not None
        each.stdout.readline()  # it is ready
    began = time.perf_counter()
    for each in both:
        assert each.stdin is not None
        each.stdin.close()
    assert sum(each.wait() for each in both) == 0
    return time.perf_counter() - began


def half(given: str) -> None:
    named = [(name, build(table)) for name, table in json.loads(given)]
    with tempfile.TemporaryDirectory() as scratch:
        one_run(named[0], Path(scratch, "warm"), sys.path)  # what is imported at the first use
        print("ready", flush=True)
        sys.stdin.read()
        assert not [
            found.error for found in serial(partial(one_run, out=Path(scratch), path=sys.path), named) if found.error
        ]


def by_processes(named: Sequence[tuple[str, Config]]) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        warm, work = (partial(one_run, out=Path(scratch, name), path=sys.path) for name in ("warm", "runs"))
        list(processes(warm, named[:4], 2))  # its workers stay, and are as ready as the two above
        began = time.perf_counter()
        assert not [found.error for found in processes(work, named, 2) if found.error]
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="lockstep,baal,processes")
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it runs; records nothing")
    parser.add_argument("--baal-seeds", type=int, default=2, help="seeds in baal's loop, its time scaled to all (2)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--half", help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if given.half:
        half(given.half)
        return
    seeds, steps, repeats = (4, 30, 1) if given.quick else (20, 300, given.repeats)
    parts = {"lockstep": lambda: part_lockstep(seeds, steps, repeats),
             "baal": lambda: part_baal(seeds, steps, 1 if given.quick else given.baal_seeds),
             "processes": lambda: part_processes(seeds, steps, repeats)}  # fmt: skip
    for name in given.parts.split(","):
        table = parts[name]()
        where = (
            f"{date.today()}, {_processor()}, {os.cpu_count()} cores shared with others (load {os.getloadavg()[1]:.0f}), one"
            f" thread a process; Python {platform.python_version()}, torch {version('torch')}, numpy {version('numpy')}."
        )
        if given.quick:
            print(table, where, sep="\n\n")
        else:
            record(f"sweep.py {name}", f"{table}\n\n{where}")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
