"""How fast is batch-bald against batchbald_redux and baal, and are its picks those of the plain greedy?

Claim: 10,000 rows, 10 classes, 100 passes, a batch of 10, 10,000 combinations: at least 20 times as fast as batchbald_redux and
as baal, with the picks of the greedy that looks at every row before every pick.

Task: the first 10,000 images of MNIST seen by 100 passes of the Gal 2017 net that was trained on 100 of them (balanced, seed
0). batchbald_redux runs in float32, its faster setting; baal's heuristic is timed on --few and twice as many picks and
extrapolated by the slope. Contestants alternate; ratios are taken within a repetition.
Agreement: equal picks of ours and of ours with every row looked at; and, since batches of equal worth may differ by chance,
the joint information of each one's batch, by one judge: our `Joint` with 100,000 combinations.

Floor: looking at every row takes 2 x 10,000 rows x 10 x 100 x 10,000 combinations, 200 GFLOP, and 10^9 logarithms a pick once
combinations are as many; six such picks are 1.2 TFLOP. Lazily a few hundred rows are looked at: a fortieth. Prediction:
20 to 50 times.
Device: CPU, two threads.

    pip install batchbald_redux
    ACTIVELOOP_DATA=DIR python benchmarks/batch_bald.py [--repeats 2] [--few 2]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from datetime import date
from importlib.metadata import version

import numpy as np
import torch
from results import record
from torch import Tensor

from activeloop import load
from activeloop.acquisitions import batch_bald
from activeloop.acquisitions.batch_bald import Joint
from activeloop.learners.supervised import Supervised

ROWS, PASSES, BATCH, COMBINATIONS, LABELLED = 10_000, 100, 10, 10_000, 100
THREADS = 2


def samples() -> Tensor:
    """[rows, passes, classes], of a net that knows little yet."""
    mnist = load("mnist", data_dir=os.environ["ACTIVELOOP_DATA"])
    assert mnist.truth is not None
    labels = np.full(len(mnist.data), -1)
    for digit in range(10):
        some = np.flatnonzero(mnist.truth == digit)[: LABELLED // 10]
        labels[some] = digit
    model = Supervised(net="gal2017").fit(mnist.data, labels, seed=0)
    return model.samples(np.flatnonzero(labels == -1)[:ROWS], PASSES, seed=0)


def lazy(found: Tensor) -> list[int]:
    return batch_bald(found, BATCH, np.random.default_rng(0), joint_samples=COMBINATIONS).tolist()


def every_row(found: Tensor) -> list[int]:
    """The same with every row looked at before every pick."""
    chance = np.random.default_rng(0)
    joint, turn = Joint(found, COMBINATIONS, chance), torch.from_numpy(chance.permutation(len(found)))
    order, picks = turn.argsort(), list[int]()
    while len(picks) < BATCH:
        gains, _ = joint.gains(torch.arange(len(found)))
        gains[picks] = -torch.inf
        picks.append(int(order[gains[order].argmax()]))
        joint.add(picks[-1])
    return picks


def redux(found: Tensor) -> list[int]:
    from batchbald_redux.batchbald import get_batchbald_batch

    batch = get_batchbald_batch(found.log().clamp(min=-100), BATCH, COMBINATIONS, dtype=torch.float32)
    return [int(index) for index in batch.indices]


def baals(found: Tensor, picks: int) -> object:
    from baal.active.heuristics import BatchBALD

    heuristic = BatchBALD(num_samples=picks, num_draw=COMBINATIONS // PASSES)  # it draws so many for each pass
    return heuristic.get_uncertainties(found.transpose(1, 2).double().numpy())


def information(found: Tensor, picks: list[int]) -> float:
    """In nats, of the batch, by 100,000 combinations."""
    joint, total = Joint(found, 100_000, np.random.default_rng(1)), 0.0
    for row in picks:
        total += float(joint.gains(torch.tensor([row]))[0])
        joint.add(row)
    return total


def timed(work: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    done = work()
    return time.perf_counter() - start, done


def main(repeats: int, few: int) -> None:
    torch.set_num_threads(THREADS)
    warnings.simplefilter("ignore")
    found = samples()
    times: dict[str, list[float]] = {}
    picked: dict[str, list[int]] = {}
    for _ in range(repeats):
        for name, work in {"ours": lazy, "ours, every row": every_row, "batchbald_redux": redux}.items():
            took, picks = timed(lambda work=work: work(found))  # type: ignore[misc]
            times.setdefault(name, []).append(took)
            picked[name] = picks  # type: ignore[assignment]
        less, much = (timed(lambda picks=picks: baals(found, picks))[0] for picks in (few, 2 * few))  # type: ignore[misc]
        times.setdefault("baal", []).append(much + (much - less) / few * (BATCH - 2 * few))
        print({name: round(all_[-1], 1) for name, all_ in times.items()}, flush=True)
    lines = ["| | seconds | / ours | nats of the batch |", "|---|---|---|---|"]
    for name, took in times.items():
        each = [one / mine for one, mine in zip(took, times["ours"], strict=True)]
        ratio = f"{statistics.median(each):.1f} [{min(each):.1f}–{max(each):.1f}]"
        nats = f"{information(found, picked[name]):.3f}" if name in picked else "–"
        lines.append(f"| {name} | {statistics.median(took):.1f} | {ratio} | {nats} |")
    same = "the same picks" if picked["ours"] == picked["ours, every row"] else "OTHER picks"
    record(
        __file__,
        f"{date.today()}, {ROWS:,} rows, {PASSES} passes, batch {BATCH}, {COMBINATIONS:,} combinations, {THREADS} threads,"
        f" torch {version('torch')}, baal {version('baal')}; {repeats} repetitions, median [least–largest].\n\n"
        + "\n".join(lines)
        + f"\n\nThe lazy greedy and the one that looks at every row made {same}.",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--few", type=int, default=2)
    given = parser.parse_args()
    main(given.repeats, given.few)
