"""How fast is k-center, and in how little memory, against scikit-activeml's CoreSet and a loop of numpy?

Claim: at 50,000 x 512 float32, 5,000 picks after 1,000 labelled, two threads: at least 60 times faster than scikit-activeml's
CoreSet (aim 100) and 150 times faster than a loop of norm(X - c), with extra memory of at most 1.5 x the features. One
million x 128 from a memory map, 10,000 picks: at most 4 GiB of extra memory. Every pick is the plain greedy's.

Features: CIFAR-10's 50,000 training images through a random conv net (seed 0), and a mixture of 100 unit Gaussians at
centres of unit variance (seed 1). Labelled rows by seed 2. The million are such a mixture too, written to a scratch file.
Peers are fitted on a few and on more picks, and extrapolated by the slope, since 5,000 take minutes; contestants alternate,
ratios are taken within a repetition. Memory: anonymous pages of a process of its own, sampled every 2 ms, less what it held
before the call (pages of the mapped file are not in it: the system drops them when it needs to).

Floor: all distances are 2 x 50,000 x 6,000 x 512 = 307 GFLOP, 1.8 s at the 170 GFLOP/s of a float32 product on these two
cores; the peers read 102 MB a pick and centre, 600 GB in all. Neither need be paid. After one pass against 256 centres (13
GFLOP, 102 MB) a row needs looking at again only when its bound exceeds the radius; 5,000 picks must be compared with
those before them, 5,000²/2 + 5,000 x 1,000 pairs or 18 GFLOP: 0.2 s in all.
Prediction: 0.4 to 0.6 s, since rows that come up and fall back cost as much again: 200 to 300 times CoreSet.

Result, 2026-11-25, two AMD EPYC cores (AVX-512), nothing else running: 161 [152–166] and 140 [129–150] times CoreSet, 448 and
307 times the loop, 0.51 x the features; 7 s and 111 MB for the million. On the same machine under a load of 4 to 8 the first
two were 158 [36–173] and 109 [98–109]. Products are 53 and 64 GFLOP, more than twice the prediction: a row that falls back
has been compared with a slab of centres by then.

A bfloat16 product as filter, certified by the rounding of each row, was measured in the prototype, alone on the machine:
products were 1.7 to 2 times faster (avx512_bf16), yet all in all 0.49 s stayed 0.49 s and 0.56 s became 0.55 s, since the
wider bound leaves two to four times as many pairs to be decided in float64. Left out: the same picks, more code.

    pip install scikit-activeml
    ACTIVELOOP_DATA=DIR python benchmarks/k_center.py [--repeats 5] [--quick]      DIR holds cifar10.npz; two minutes
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from results import record
from torch import Tensor, nn

from activeloop.selectors import farthest, k_center

THREADS = 2
WIDTH, HELD, PICKS = 512, 1_000, 5_000
MAPPED_ROWS, MAPPED_WIDTH, MAPPED_PICKS = 1_000_000, 128, 10_000
FEW, MORE = 5, 25  # picks that peers are timed on
PEERS = ("CoreSet", "norm(X - c)")


def conv() -> Tensor:
    """[50000, 512], images through three random layers: what a newcomer has before anything is trained."""
    folder = os.environ.get("ACTIVELOOP_DATA")
    if not folder:
        raise SystemExit(
            "set ACTIVELOOP_DATA to the folder of cifar10.npz, with x_train: ACTIVELOOP_DATA=DIR python benchmarks/k_center.py"
        )
    with np.load(Path(folder, "cifar10.npz")) as arrays:
        images = torch.from_numpy(arrays["x_train"])
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 32, 5, 2, 2), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(), nn.Conv2d(64, 128, 3, 2, 1)]
    net = nn.Sequential(*layers, nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        parts = [net(part.permute(0, 3, 1, 2).float() / 64 - 2) for part in torch.split(images, 512)]
    return torch.cat(parts).clone()


def mixture(rows: int, width: int, seed: int = 1) -> Iterator[Tensor]:
    """Parts of [rows, width], of 100 Gaussians."""
    chance = torch.Generator().manual_seed(seed)
    middles = torch.randn(100, width, generator=chance)
    for at in range(0, rows, 10_000):
        size = min(10_000, rows - at)
        yield middles[torch.randint(100, (size,), generator=chance)] + torch.randn(size, width, generator=chance)


def labelled(rows: int, held: int) -> Tensor:
    labels = torch.full((rows,), -1)
    labels[torch.from_numpy(np.random.default_rng(2).permutation(rows)[:held])] = 0
    return labels


# the contestants: seconds


def ours(features: Tensor, labels: Tensor, picks: int) -> tuple[float, Tensor]:
    began = time.perf_counter()
    picked = k_center(features, labels, picks, np.random.default_rng(0))
    return time.perf_counter() - began, picked


def core_set(features: NDArray[np.float32], labels: NDArray[np.int64], picks: int) -> float:
    from skactiveml.pool import CoreSet

    began = time.perf_counter()
    CoreSet(random_state=0).query(features, np.where(labels < 0, np.nan, labels), batch_size=picks)
    return time.perf_counter() - began


def numpy_loop(features: NDArray[np.float32], labels: NDArray[np.int64], centres: int) -> float:
    """Labelled rows and picks cost alike, so only the number of centres counts."""
    began = time.perf_counter()
    nearest, pick = np.full(len(features), np.inf), int(np.argmax(labels >= 0))
    for _ in range(centres):
        nearest = np.minimum(nearest, np.linalg.norm(features - features[pick], axis=1))
        pick = int(nearest.argmax())
    return time.perf_counter() - began


def extrapolated(contestant: Callable[[int], float], picks: int) -> float:
    few, more = contestant(FEW), contestant(MORE)
    return few + (picks - FEW) * (more - few) / (MORE - FEW)


# what stands beside the times


def rates() -> tuple[float, float]:
    """GFLOP/s of a float32 product of the shape that blocks have, and GB/s of reading: the best of ten each."""
    rows, centres, memory = torch.randn(2048, WIDTH), torch.randn(1024, WIDTH), torch.ones(50_000_000)

    def best(work: Callable[[], object]) -> float:
        times = []
        for _ in range(10):
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
        return min(times)

    flops = 2 * rows.shape[0] * centres.shape[0] * WIDTH
    return flops / best(lambda: rows @ centres.T) / 1e9, 4 * len(memory) / best(lambda: memory.sum()) / 1e9


@contextmanager
def counted() -> Iterator[list[float]]:
    """GFLOP of all products inside."""
    done, floor = [0.0], farthest.Space.floor

    def counting(self: farthest.Space, points: farthest.Points, centres: farthest.Points) -> Tensor:
        done[0] += 2 * self.width * len(points.squares) * len(centres.squares) / 1e9
        return floor(self, points, centres)

    farthest.Space.floor = counting  # type: ignore[method-assign]
    try:
        yield done
    finally:
        farthest.Space.floor = floor  # type: ignore[method-assign]


def shortfall(features: Tensor, labels: Tensor, picks: Tensor) -> float:
    """How much nearer than the farthest row a pick ever was, relative, by all distances in float64; 0 for the greedy."""
    points = features.double() - features.double().mean(dim=0)
    held, squares = (labels >= 0).nonzero().flatten(), points.square().sum(dim=1)
    centres = torch.cat([held, picks])
    when = torch.full((len(points),), len(picks))
    when[picks] = torch.arange(len(picks))
    farthest_then, own = torch.zeros(len(picks)).double(), torch.zeros(len(picks)).double()
    for part in torch.split((labels == -1).nonzero().flatten(), 1000):
        apart = torch.addmm(squares[centres][None], points[part], points[centres].T, alpha=-2) + squares[part, None]
        reach = apart.cummin(dim=1).values[:, len(held) - 1 : -1]  # before each pick
        open_then = torch.arange(len(picks))[None] <= when[part, None]
        farthest_then = torch.maximum(farthest_then, torch.where(open_then, reach, 0).amax(dim=0))
        mine = when[part] < len(picks)
        own[when[part][mine]] = reach[mine, when[part][mine]]
    return float((1 - own / farthest_then).max())


def in_own_process(rows: int, width: int, held: int, picks: int, path: Path) -> dict[str, float]:
    arguments = [str(each) for each in (rows, width, held, picks, path)]
    told = subprocess.run([sys.executable, __file__, "--child", *arguments], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(told.stdout)
    return found


def child(rows: int, width: int, held: int, picks: int, path: Path) -> None:
    """Extra memory of one call, in MB, on features mapped from a file or, where rows are few, read from it."""
    torch.set_num_threads(THREADS)
    mapped = np.load(path, mmap_mode="r+")
    features = torch.from_numpy(mapped if rows >= MAPPED_ROWS else np.array(mapped))
    k_center(
        torch.randn(2000, width), labelled(2000, 100), 100, np.random.default_rng(0)
    )  # libraries and their buffers
    labels, peak, going = labelled(rows, held), [anonymous()], True
    before = peak[0]

    def watch() -> None:
        while going:
            peak[0] = max(peak[0], anonymous())
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    seconds, _ = ours(features, labels, picks)
    going = False
    watcher.join()
    print(json.dumps({"seconds": seconds, "extra_mb": peak[0] - before}))


def anonymous() -> float:
    """MB of this process that no file backs."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit("no RssAnon in /proc/self/status: measure memory on Linux")


# the tables


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median, with the least and the largest in brackets."""
    return f"{statistics.median(values):,.{digits}f} [{min(values):,.{digits}f}–{max(values):,.{digits}f}]"


def speed(name: str, features: Tensor, held: int, picks: int, repeats: int) -> str:
    """A row of the table of times."""
    labels, array = labelled(len(features), held), features.numpy()
    truth, times = labels.numpy(), []
    ours(features, labels, picks // 10)  # first calls start threads
    core_set(array, truth, 1)
    for repeat in range(repeats):
        contestants: dict[str, Callable[[], float]] = {
            "ours": lambda: ours(features, labels, picks)[0],
            "CoreSet": lambda: extrapolated(lambda some: core_set(array, truth, some), picks),
            "norm(X - c)": lambda: extrapolated(lambda some: numpy_loop(array, truth, some), picks + held),
        }
        order = list(contestants)[:: 1 if repeat % 2 == 0 else -1]
        times.append({contestant: contestants[contestant]() for contestant in order})
        print(f"{name}, repetition {repeat}: {times[-1]}", file=sys.stderr)
    gflops, gb = rates()
    with counted() as done:
        _, picked = ours(features, labels, picks)
    full = 2 * len(features) * (held + picks) * features.shape[1] / 1e9
    floor = done[0] / gflops + features.nbytes / 1e9 / gb
    cells = [spread([each[who] for each in times], 2 if who == "ours" else 0) for who in ("ours", *PEERS)]
    cells += [spread([each[who] / each["ours"] for each in times]) for who in PEERS]
    median = statistics.median(each["ours"] for each in times)
    cells += [f"{done[0]:.0f} of {full:.0f}", f"{gflops:.0f}", f"{gb:.0f}", f"{median / floor:.1f}"]
    return f"| {name} | " + " | ".join([*cells, f"{shortfall(features, labels, picked):.0e}"]) + " |"


def memory(features: Tensor, held: int, picks: int, mapped_rows: int, mapped_picks: int) -> list[str]:
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "features.npy")
        np.save(path, features.numpy())
        rows, width = features.shape
        found = in_own_process(rows, width, held, picks, path)
        share = found["extra_mb"] * 1e6 / features.nbytes
        lines.append(
            f"| in memory | {rows:,} x {width} | {picks:,} after {held:,} | {found['seconds']:.1f} | {found['extra_mb']:.0f} |"
            f" {share:.2f} (claim: 1.5) |"
        )
        big = np.lib.format.open_memmap(path, "w+", np.float32, (mapped_rows, MAPPED_WIDTH))
        at = 0
        for part in mixture(mapped_rows, MAPPED_WIDTH):
            big[at : at + len(part)] = part.numpy()
            at += len(part)
        big.flush()
        del big
        found = in_own_process(mapped_rows, MAPPED_WIDTH, 0, mapped_picks, path)
        share = found["extra_mb"] * 1e6 / (4 * mapped_rows * MAPPED_WIDTH)
        lines.append(
            f"| memory map | {mapped_rows:,} x {MAPPED_WIDTH} | {mapped_picks:,} after 0 | {found['seconds']:.1f} |"
            f" {found['extra_mb']:.0f} (claim: 4,295) | {share:.2f} |"
        )
    return lines


def main(repeats: int, quick: bool) -> None:
    torch.set_num_threads(THREADS)
    rows, held, picks = (3_000, 100, 200) if quick else (50_000, HELD, PICKS)
    sets = {
        "CIFAR-10, random conv net": conv()[:rows].contiguous(),
        "mixture of 100": torch.cat([*mixture(rows, WIDTH)]),
    }
    speeds = [speed(name, features, held, picks, repeats) for name, features in sets.items()]
    mapped = (MAPPED_ROWS // 10, MAPPED_PICKS // 10) if quick else (MAPPED_ROWS, MAPPED_PICKS)
    text = "\n".join(
        [
            f"{date.today()}, {THREADS} threads of {platform.processor() or platform.machine()}, Python"
            f" {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}, scikit-activeml"
            f" {version('scikit-activeml')}; {repeats} repetitions, median [least–largest], ratios within a repetition.",
            "",
            f"{rows:,} x {WIDTH}, {picks:,} picks after {held:,} labelled. CoreSet is timed on {FEW} and {MORE} picks, the loop"
            f" on as many centres, and both are extrapolated by the slope. GFLOP: of all distances, those computed. Floor: these"
            f" at the rate of a product, and one pass over the features. Shortfall: how much nearer than the farthest row a"
            f" pick was at worst, relative, in squared distances by float64 products.",
            "",
            "| features | ours, s | CoreSet, s | norm(X - c), s | CoreSet / ours (claim: 60) | norm(X - c) / ours (claim: 150) |"
            " GFLOP | GFLOP/s | GB/s | time / floor | shortfall |",
            "|---" * 11 + "|",
            *speeds,
            "",
            "| features | size | picks | s | extra memory, MB | extra / features |",
            "|---" * 6 + "|",
            *memory(next(iter(sets.values())), held, picks, *mapped),
        ]
    )
    if quick:
        print(text)
    else:
        record(__file__, text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*(int(each) for each in sys.argv[2:6]), Path(sys.argv[6]))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--repeats", type=int, default=5)
        parser.add_argument(
            "--quick", action="store_true", help="3,000 rows and 200 picks: seconds, for smoke; no record"
        )
        given = parser.parse_args()
        main(given.repeats, given.quick)
