"""What the loop itself costs: activeloop against a hand-written loop and against baal's own, at equal work.

Claim: activeloop's `Run` and `drive`, journal and fsync included, take at most 1.10 times a lean loop of torch written by
hand, and less than baal's own `ActiveLearningLoop`, by as much as the arithmetic that all three share allows.

Task: the first 10,000 rows of MNIST as pool, 100 random initial labels, 10 queries of 100 by entropy over the whole
rest, so 11 fits (100 to 1,100 labels) from scratch, each measured on 10,000 test rows. Net `cnn`, fused AdamW, constant
rate, batch 32, 10 epochs: 2,120 steps for each. One stochastic pass, one thread, no worker processes. Weights and batch
order of the hand-written loop are seeded as activeloop's, so that both must pick the same rows; baal's loader draws its
own order. Kept out of the times: imports, reading, and for the other two normalising, which activeloop does as it looks.

Floor: 2.234 MFLOP a row forwards, 6.48 a row trained: 204,500 rows looked at and 66,000 trained are 884 GFLOP, 5 s at the
170 GFLOP/s of a 1,024 x 1,024 product on this core. Reading the inputs is 160 MB and nothing; but each row writes 50 kB
after the first convolution and 25 kB after the second, read back by ReLU and pooling: some 270 kB a row and 56 GB in all,
fast only while a chunk of it stays in cache. `floor` measures the same steps and passes, bare.
Prediction: 1.05, of which 3 % for normalising bytes, under 1 % for the journal (36 fsyncs of 0.2 to 0.5 ms).

Result, 2026-11-22, one of two Intel Xeon cores (AVX-512, no GPU), otherwise idle, one thread; Python 3.11.7, torch 2.15.0,
numpy 2.4.6, baal 2.1.0; seeds 0…4, a repetition each, order alternating; median [least–largest] of paired ratios:
activeloop / hand-written 1.02 [1.00–1.04], baal / activeloop 1.14 [1.09–1.18] where no loop could reach more than 1.20
[1.15–1.24], since the steps and passes that all share are 95 % of activeloop's time. The first measurement was 1.41, and
slower than baal: chunks of 1,000 rows, whose activations of 50 MB leave the cache and are mapped afresh at every layer.
All nets are in channels-last, as activeloop's learner makes them; plain baal code would lack that.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import structlog
import torch
from baal.active import ActiveLearningDataset, ActiveLearningLoop
from baal.active.heuristics import Entropy
from baal.modelwrapper import ModelWrapper, TrainingArgs
from numpy.typing import NDArray
from results import record
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import TensorDataset

from activeloop.config import AcquireConfig, Config, LearnerConfig, StartConfig
from activeloop.data.scale import mean_and_std
from activeloop.drive import drive
from activeloop.learners.nets import cnn
from activeloop.rng import derive
from activeloop.run import Run
from activeloop.store.timings import FILE as TIMINGS
from activeloop.types import Data, HeldOut
from oracles import Simulated

BATCH, LR, WEIGHT_DECAY = 32, 3e-3, 1e-2  # activeloop's recipe; the others are given the same
CHUNK = 128  # rows a forward pass sees in the hand-written loop and the floor: the fastest of 32 … 1,000 on this net
LAYOUT = torch.channels_last  # of the net in the other loops; the same as in activeloop's learner
ROOMS = ("fit", "measure", "look", "pick", "other")


@dataclass(frozen=True)
class Size:
    """How much work. labels: initial ones, and those of every query."""

    pool: int = 10_000
    test: int = 10_000
    labels: int = 100
    queries: int = 10
    epochs: int = 10
    repeats: int = 5

    @property
    def labelled(self) -> list[int]:
        """Labels held at every fit: one more fit than there are queries, the last for the end of the curve."""
        return [self.labels * (1 + query) for query in range(self.queries + 1)]

    @property
    def steps(self) -> int:
        return sum(self.epochs * -(-held // BATCH) for held in self.labelled)

    @property
    def looked(self) -> int:
        """Rows that forward passes see: the test set after every fit, and what is open before every query."""
        return self.test * len(self.labelled) + sum(self.pool - held for held in self.labelled[:-1])

    @property
    def gflop(self) -> float:
        """Multiplications and additions of `cnn`: 2 x 1.117 M a row forwards, and twice that less the first layer's
        input gradient backwards."""
        convolutions = (28 * 28 * 16 * 9, 14 * 14 * 32 * 16 * 9)
        forward = 2 * (sum(convolutions) + 32 * 7 * 7 * 64 + 64 * 10)
        trained = self.epochs * sum(self.labelled)
        return (forward * self.looked + (3 * forward - 2 * convolutions[0]) * trained) / 1e9


QUICK = Size(pool=400, test=200, labels=20, queries=2, epochs=2, repeats=1)


@dataclass(frozen=True, eq=False)
class Work:
    """One task, in the two forms that loops want it: bytes, and floats that are normalised already.

    initial: rows labelled before the first fit.    seed: of weights and batch order.
    """

    size: Size
    data: Data
    test: HeldOut
    truth: NDArray[np.int64]
    x: Tensor
    test_x: Tensor
    initial: NDArray[np.int64]
    seed: int

    @property
    def y(self) -> Tensor:
        return torch.from_numpy(self.truth)

    def weights(self, round: int) -> int:
        return derive(self.seed, round, "fit")  # what activeloop uses, so that the hand-written loop must pick alike


@dataclass
class Done:
    """What one run took and gave.

    total: wall-clock seconds.    cpu: seconds of processor time, which a busy neighbour disturbs less; waiting for the
    disk is not in them.    seconds: wall-clock by room, summed over rounds.    picked: rows, a list for every query.
    """

    total: float = 0.0
    cpu: float = 0.0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    accuracies: list[float] = field(default_factory=list)
    picked: list[list[int]] = field(default_factory=list)

    def rooms(self) -> dict[str, float]:
        spent = {room: self.seconds.get(room, 0.0) for room in ROOMS}
        return {**spent, "other": self.total - sum(spent.values())}

    @contextmanager
    def all(self) -> Iterator[None]:
        began, began_cpu = time.perf_counter(), time.process_time()
        yield
        self.total, self.cpu = time.perf_counter() - began, time.process_time() - began_cpu

    @contextmanager
    def room(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - began


def build() -> nn.Module:
    return cnn((1, 28, 28), 10).to(memory_format=LAYOUT)


def optimiser(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(net.parameters(), LR, weight_decay=WEIGHT_DECAY, fused=True)


# the contestants


def ours(work: Work) -> Done:
    """activeloop: `Run` and `drive` with a simulated oracle, its journal synced to disk after every event."""
    size, done = work.size, Done()
    with tempfile.TemporaryDirectory() as scratch:
        start = Path(scratch, "start.csv")
        with start.open("w", newline="") as lines:
            csv.writer(lines).writerows([["row"], *([row] for row in work.initial)])
        options = {"schedule": "constant", "epochs": size.epochs, "least_steps": 0}
        config = Config(
            seed=work.seed,
            budget=size.labelled[-1],
            query=size.labels,
            start=StartConfig(f"rows:{start}"),
            acquire=AcquireConfig("entropy"),
            learner=LearnerConfig(options=options),
        )
        with done.all(), Run(Path(scratch, "run"), config, work.data, work.test) as run:
            for state in drive(run, Simulated(work.truth)):
                end = state
        for line in Path(scratch, "run", TIMINGS).read_text().splitlines():
            for name, seconds in json.loads(line).items():
                if name.endswith("_s"):
                    done.seconds[name.removesuffix("_s")] += seconds
    done.accuracies = [measure.metrics["accuracy"] for measure in end.measures]
    done.picked = [list(query.rows) for query in end.queries if query.use == "acquire"]
    return done


def hand(work: Work) -> Done:
    """What a good engineer writes for this one experiment: tensors that are ready, and no safety at all."""
    size, done, x, y = work.size, Done(), work.x, work.y
    test_y = torch.from_numpy(work.test.labels)
    with done.all():
        labelled = torch.zeros(len(x), dtype=torch.bool)
        labelled[torch.from_numpy(work.initial)] = True
        for round in range(size.queries + 1):
            with done.room("fit"):
                torch.manual_seed(work.weights(round))
                net = build()
                stepper, order = optimiser(net), torch.Generator().manual_seed(derive(work.weights(round), 0, "order"))
                rows = labelled.nonzero().flatten()
                train_x, train_y = x[rows], y[rows]
                net.train()
                for _ in range(size.epochs):
                    for at in torch.randperm(len(rows), generator=order).split(BATCH):
                        loss = cross_entropy(net(train_x[at]), train_y[at])
                        stepper.zero_grad()
                        loss.backward()
                        stepper.step()
                net.eval()
            with torch.inference_mode():
                with done.room("measure"):
                    right = [net(chunk).argmax(dim=1) for chunk in work.test_x.split(CHUNK)]
                    done.accuracies.append((torch.cat(right) == test_y).float().mean().item())
                if round == size.queries:
                    break
                with done.room("look"):
                    rows = (~labelled).nonzero().flatten()
                    probs = torch.cat([net(x[at]).softmax(dim=1) for at in rows.split(CHUNK)])
                    scores = torch.special.entr(probs).sum(dim=1)
                with done.room("pick"):
                    picked = rows[scores.topk(size.labels).indices]
                    labelled[picked] = True
                    done.picked.append(picked.tolist())
    return done


def baals(work: Work) -> Done:
    """baal as its guide shows it: weights reset, `train_on_dataset`, then `ActiveLearningLoop.step`.

    Spared what would slow it: worker processes, progress bars, log lines, a metric updated at every batch.
    """
    size, done = work.size, Done()
    test_set, test_y = TensorDataset(work.test_x, torch.from_numpy(work.test.labels)), work.test.labels
    with done.all():
        dataset = ActiveLearningDataset(TensorDataset(work.x, work.y))
        dataset.label(work.initial.tolist())
        arguments = TrainingArgs(
            batch_size=BATCH, epoch=size.epochs, use_cuda=False, workers=0, criterion=nn.CrossEntropyLoss()
        )
        wrapper = ModelWrapper(build(), arguments)

        def look(pool: torch.utils.data.Dataset[tuple[Tensor, ...]]) -> NDArray[np.float32]:
            with done.room("look"):
                return wrapper.predict_on_dataset(pool, iterations=1, verbose=False)

        loop = ActiveLearningLoop(dataset, look, Entropy(), query_size=size.labels)
        for round in range(size.queries + 1):
            with done.room("fit"):
                torch.manual_seed(work.weights(round))
                wrapper.load_state_dict(build().state_dict())
                wrapper.args.optimizer = optimiser(wrapper.model)
                wrapper.train_on_dataset(dataset)
            with done.room("measure"):
                predicted = wrapper.predict_on_dataset(test_set, iterations=1, verbose=False)
                done.accuracies.append(float((predicted[..., 0].argmax(axis=1) == test_y).mean()))
            if round == size.queries:
                break
            before = dataset.labelled
            with done.room("step"):
                loop.step()
            done.picked.append(np.flatnonzero(dataset.labelled & ~before).tolist())
    done.seconds["pick"] = done.seconds.pop("step") - done.seconds["look"]
    return done


def floor(work: Work) -> Done:
    """The arithmetic that all share and nothing else: every training step on batches cut beforehand, and forward
    passes over ready floats (one over the test set and one over the pool, counted as often as a run makes them)."""
    size, fits, looks = work.size, Done(), Done()
    with fits.all():
        for held in size.labelled:
            net = build().train()
            stepper = optimiser(net)
            batches = list(zip(work.x[:held].split(BATCH), work.y[:held].split(BATCH), strict=True))
            for _ in range(size.epochs):
                for x, y in batches:
                    loss = cross_entropy(net(x), y)
                    stepper.zero_grad()
                    loss.backward()
                    stepper.step()
    net.eval()
    with torch.inference_mode(), looks.all():
        for chunk in (*work.test_x.split(CHUNK), *work.x.split(CHUNK)):
            net(chunk)
    times = size.looked / (size.test + size.pool)
    measured = size.test * len(size.labelled) / size.looked
    seconds = {
        "fit": fits.total,
        "measure": looks.total * times * measured,
        "look": looks.total * times * (1 - measured),
    }
    return Done(fits.total + times * looks.total, fits.cpu + times * looks.cpu, seconds)


CONTESTANTS: dict[str, Callable[[Work], Done]] = {
    "floor": floor,
    "activeloop": ours,
    "hand-written": hand,
    "baal": baals,
}


# the task and the report


def mnist(size: Size) -> Callable[[int], Work]:
    """seed -> the task: the first rows of MNIST, other initial rows and weights for every seed."""
    folder = os.environ.get("ACTIVELOOP_DATA")
    if not folder or not Path(folder, "mnist.npz").exists():
        sys.exit(
            f"ACTIVELOOP_DATA is {folder!r}; this benchmark reads mnist.npz (x_train, y_train, x_test, y_test) from the"
            " folder it names: ACTIVELOOP_DATA=/path/to/data python benchmarks/loop_overhead.py"
        )
    with np.load(Path(folder, "mnist.npz")) as arrays:
        inputs, held_out = arrays["x_train"][: size.pool, None], arrays["x_test"][: size.test, None]
        truth, held_out_truth = (arrays[name].astype(np.int64) for name in ("y_train", "y_test"))
    mean, std = (torch.from_numpy(value) for value in mean_and_std(inputs))
    classes = tuple("0123456789")
    data = Data(torch.from_numpy(inputs), classes, mean, std)
    test = HeldOut(Data(torch.from_numpy(held_out), classes, mean, std), held_out_truth[: size.test])
    x, test_x = data.batch(np.arange(size.pool)), test.data.batch(np.arange(size.test))

    def task(seed: int) -> Work:
        initial = np.random.default_rng(seed).choice(size.pool, size.labels, replace=False)
        return Work(size, data, test, truth[: size.pool], x, test_x, initial, seed)

    return task


def gflops_a_second() -> float:
    """What one thread reaches in a float32 product of two 1,024 x 1,024 matrices: the best of 20."""
    square, times = torch.randn(1024, 1024), []
    for _ in range(20):
        began = time.perf_counter()
        square @ square
        times.append(time.perf_counter() - began)
    return 2 * 1024**3 / min(times) / 1e9


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median, with the least and the largest in brackets."""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} [{least:.{digits}f}–{most:.{digits}f}]"


def report(size: Size, runs: list[dict[str, Done]], rate: float) -> str:
    """Markdown: seconds by room, ratios paired within a repetition, and what shows that the work was equal."""
    lines = [
        f"{size.pool:,} rows, {size.queries} queries of {size.labels} after {size.labels}; {size.steps:,} steps,"
        f" {size.looked:,} rows looked at: {size.gflop:.0f} GFLOP, {size.gflop / rate:.1f} s at the {rate:.0f} GFLOP/s of a"
        " matrix product.",
        "",
        "| median seconds | " + " | ".join(("all", *ROOMS)) + " |",
        "|---" * (len(ROOMS) + 2) + "|",
    ]
    for name in CONTESTANTS:
        cells = [statistics.median(run[name].rooms()[room] for run in runs) for room in ROOMS]
        total = statistics.median(run[name].total for run in runs)
        lines.append(f"| {name} | {total:.2f} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")

    def ratio(above: str, below: str) -> str:
        wall = [run[above].total / run[below].total for run in runs]
        return f"{spread(wall)} | {spread([run[above].cpu / run[below].cpu for run in runs])}"

    lines += [
        "",
        f"| paired ratios, median [least–largest] of {len(runs)} | wall-clock | processor |",
        "|---|---|---|",
        f"| activeloop / hand-written (claim: at most 1.10) | {ratio('activeloop', 'hand-written')} |",
        f"| baal / activeloop | {ratio('baal', 'activeloop')} |",
        f"| baal / floor: the largest baal / activeloop there can be | {ratio('baal', 'floor')} |",
        f"| hand-written / floor | {ratio('hand-written', 'floor')} |",
        f"| floor / activeloop: the share that no loop can save | {ratio('floor', 'activeloop')} |",
        "",
    ]
    finals = {name: [run[name].accuracies[-1] for run in runs] for name in CONTESTANTS if name != "floor"}
    lines.append("Last accuracy: " + ", ".join(f"{name} {spread(found, 3)}" for name, found in finals.items()) + ".")
    alike = [shared(run["activeloop"].picked[:1], run["hand-written"].picked[:1]) for run in runs]
    for_all = [shared(run["activeloop"].picked, run["hand-written"].picked) for run in runs]
    lines.append(
        f"Rows that activeloop and the hand-written loop both picked: {min(alike):.1%} or more of the first query,"
        f" {min(for_all):.1%} or more of all queries."
    )
    return "\n".join(lines)


def shared(mine: Sequence[Sequence[int]], yours: Sequence[Sequence[int]]) -> float:
    """The part of the rows that both picked in the same query."""
    both = sum(len(set(a) & set(b)) for a, b in zip(mine, yours, strict=True))
    return both / sum(len(query) for query in mine)


def main(size: Size) -> None:
    warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad")  # baal's own loss metric
    warnings.filterwarnings("ignore", message="the initial set holds no label")  # of the tiny pool that warms up
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))  # baal logs every fit and look
    torch.set_num_threads(1)
    task = mnist(size)
    small = mnist(QUICK)(0)
    for contestant in CONTESTANTS.values():
        contestant(small)  # first calls import and allocate
    rate, runs = gflops_a_second(), []
    for repeat in range(size.repeats):
        order = list(CONTESTANTS)[:: 1 if repeat % 2 == 0 else -1]
        done = {}
        for name in order:
            done[name] = CONTESTANTS[name](task(repeat))
            print(f"repetition {repeat}: {name} {done[name].total:.2f} s", file=sys.stderr)
        runs.append(done)
    machine = (
        f"{date.today()}, one thread of {platform.processor() or platform.machine()}, Python {platform.python_version()},"
        f" torch {torch.__version__}, numpy {np.__version__}, baal {version('baal')}; seeds 0…{size.repeats - 1}."
    )
    text = f"{machine}\n\n{report(size, runs, rate)}"
    if size is QUICK:
        print(text)
    else:
        record(__file__, text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few hundred rows and two queries: seconds, for smoke")
    parser.add_argument("--repeats", type=int, default=Size.repeats, help="interleaved repetitions, a seed each")
    given = parser.parse_args()
    main(QUICK if given.quick else Size(repeats=given.repeats))
