"""How fast are BALD scores of MC dropout, against baal's default, its own caching, and a loop of passes?

Claim: at 10,000 rows at least 12 times as fast as baal's ModelWrapper on the Gal 2017 net (1 x 28 x 28) with 20 passes and 40
times with 100; on torchvision's resnet18 with dropout before its last layer (3 x 32 x 32) 20 and 80 times. The scores are
the same in distribution: over many passes the mean prediction of ordinary dropout.

Task: random images (the work is that of real ones), weights as the net is made, BALD of all rows; ours by `samples` and
`bald` in chunks as a round does it, baal's by `predict_on_dataset` (batches of 32, passes replicated in memory, as it is set
when nothing is said, but no worker processes, which would cost it more; and with its cache of layers, one pass at a time in
batches of 256) and its BALD. Contestants alternate. Peers are
timed on a few and on more rows and extrapolated to all by the slope; ours does them all.
Agreement: largest difference of the mean prediction of 32 rows over --agree passes of either side, in standard errors of
that difference: 4 or so is the largest of 320 such numbers.

Floor: one deterministic pass over all rows, since everything before the dropout is equal in all passes. The head of the Gal
net, whose flatten-to-128 product stands behind its first dropout, is 9.9 GFLOP a pass; half of the 128 units are dropped in
each and need not be computed, which with padding leaves 5.6. Prediction: at 100 passes 70 times on the Gal net, and 110 on
resnet18, whose head is 0.1 GFLOP a pass.
Result, 2026-11-25, two repetitions, alone on the machine: 27 and 80 times on the Gal net (claims 12 and 40), 21 and 106 on
resnet18 (20 and 80); with 20 passes it was 18 while chunks were chosen by inputs, not by activations. Before passes were run as
the smaller nets that they are, 100 of them took 6.2 deterministic passes on the Gal net and 1.9 on resnet18; now 3.1 and 1.3.
Device: CPU, two threads.

    ACTIVELOOP_DATA=DIR python benchmarks/mc_dropout.py [--repeats 3] [--quick]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from datetime import date
from importlib.metadata import version

import numpy as np
import structlog
import torch
from baal.active.heuristics import BALD
from baal.bayesian.caching_utils import patch_module as patch_cache
from baal.bayesian.dropout import patch_module
from baal.modelwrapper import ModelWrapper, TrainingArgs
from batch_bald import trained
from numpy.typing import NDArray
from results import record
from torch import Tensor, nn
from torch.utils.data import Dataset
from torchvision.models import resnet18

from activeloop.acquisitions import bald
from activeloop.evidence import samples
from activeloop.learners.model import NetModel
from activeloop.learners.nets import gal2017
from activeloop.rounds import CHUNK
from activeloop.types import Data

THREADS, ROWS = 2, 10_000
FEW, MORE = 128, 512  # rows of the peers, 100 passes; four times as many for 20
PICKS = 100
CLAIMS = {("gal2017", 20): 12, ("gal2017", 100): 40, ("resnet18", 20): 20, ("resnet18", 100): 80}


def gal() -> tuple[nn.Module, tuple[int, ...]]:
    return gal2017((1, 28, 28), 10), (1, 28, 28)


def resnet() -> tuple[nn.Module, tuple[int, ...]]:
    net = resnet18(num_classes=10)
    net.fc = nn.Sequential(nn.Dropout(0.5), net.fc)
    return net, (3, 32, 32)


NETS = {"gal2017": gal, "resnet18": resnet}


class Rows(Dataset[tuple[Tensor, int]]):
    """Images with a label that nobody reads, as baal's loader wants them."""

    def __init__(self, images: Tensor) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, at: int) -> tuple[Tensor, int]:
        return self._images[at], 0


def ours(net: nn.Module, images: Tensor, passes: int) -> NDArray[np.float64]:
    data = Data(images, tuple("0123456789"), torch.zeros(1), torch.ones(1))
    model, parts = NetModel(net.eval(), data), []
    for at in range(0, len(images), CHUNK):
        rows = np.arange(at, min(at + CHUNK, len(images)))
        parts.append(bald(model.samples(rows, passes, seed=0)).numpy())
    return np.concatenate(parts)


def plain(net: nn.Module, images: Tensor, passes: int) -> NDArray[np.float64]:
    """A loop of passes with torch's own dropout, in batches of 256."""
    net.eval()
    for layer in net.modules():
        layer.train(isinstance(layer, nn.Dropout))
    with torch.no_grad():
        parts = [
            torch.stack([net(part).softmax(dim=1) for _ in range(passes)], dim=1) for part in torch.split(images, 256)
        ]
    net.eval()
    return bald(torch.cat(parts)).numpy()


def baals(net: nn.Module, images: Tensor, passes: int, **more: object) -> NDArray[np.float64]:
    wrapper = ModelWrapper(patch_module(net, inplace=False), TrainingArgs(use_cuda=False, workers=0, **more))
    predictions = wrapper.predict_on_dataset(Rows(images), iterations=passes, verbose=False)
    found: NDArray[np.float64] = BALD().get_uncertainties(torch.from_numpy(predictions).softmax(dim=1).numpy())
    return found


def cached(net: nn.Module, images: Tensor, passes: int) -> NDArray[np.float64]:
    """With baal's cache of what stands before the first dropout, which asks for passes one after the other."""
    return baals(patch_cache(net, inplace=False), images, passes, replicate_in_memory=False, batch_size=256)


PEERS: dict[str, Callable[[nn.Module, Tensor, int], object]] = {
    "baal, default": baals,
    "baal, cached": cached,
    "loop of passes": plain,
}


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def extrapolated(peer: Callable[..., object], net: nn.Module, images: Tensor, passes: int, more: int) -> float:
    """Seconds for all rows, by the slope between a few and more."""
    few = more // 4
    less, much = (seconds(lambda rows=rows: peer(net, images[:rows], passes)) for rows in (few, more))  # type: ignore[misc]
    return much + (much - less) / (more - few) * (len(images) - more)


def measured(name: str, passes: int, repeats: int, quick: bool) -> str:
    torch.manual_seed(0)
    net, shape = NETS[name]()
    images = torch.rand(ROWS // (10 if quick else 1), *shape)
    more = MORE * (1 if passes == 100 else 4) // (4 if quick else 1)
    ours(net, images[:64], 2)
    times: dict[str, list[float]] = {}
    for _ in range(repeats):
        times.setdefault("ours", []).append(seconds(lambda: ours(net, images, passes)))
        for peer, work in PEERS.items():
            times.setdefault(peer, []).append(extrapolated(work, net, images, passes, more))
        with torch.no_grad():
            times.setdefault("one pass", []).append(
                seconds(lambda: [net.eval()(part) for part in torch.split(images, 256)])
            )
        print(name, passes, {who: round(all_[-1], 1) for who, all_ in times.items()}, flush=True)

    def ratio(who: str) -> str:
        each = [peer / mine for peer, mine in zip(times[who], times["ours"], strict=True)]
        return f"{statistics.median(each):.1f} [{min(each):.1f}–{max(each):.1f}]"

    floor = statistics.median(mine / one for mine, one in zip(times["ours"], times["one pass"], strict=True))
    cells = [name, str(passes), f"{statistics.median(times['ours']):.1f}", *(ratio(peer) for peer in PEERS)]
    return f"| {' | '.join(cells)} | {CLAIMS[name, passes]} | {floor:.2f} |"


def agreement(name: str, passes: int) -> float:
    """The largest difference of mean predictions in its standard errors."""
    torch.manual_seed(0)
    net, shape = NETS[name]()
    images = torch.rand(32, *shape)
    data = Data(images, tuple("0123456789"), torch.zeros(1), torch.ones(1))
    mine = NetModel(net.eval(), data).samples(np.arange(32), passes, seed=0).double()  # [n, K, C]
    wrapper = ModelWrapper(patch_module(net, inplace=False), TrainingArgs(use_cuda=False, workers=0))
    raw = wrapper.predict_on_dataset(Rows(images), iterations=passes, verbose=False)
    theirs = torch.from_numpy(raw).softmax(dim=1).transpose(1, 2).double()
    error = ((mine.var(dim=1) + theirs.var(dim=1)) / passes).sqrt()
    return float(((mine.mean(dim=1) - theirs.mean(dim=1)).abs() / error).max())


def halves(repeats: int, quick: bool) -> str:
    """What bfloat16 does to time and to the 100 picks of BALD, on a net that was trained on 100 images of MNIST."""
    model, rows = trained()
    rows, k = (rows[:1000] if quick else rows), 100

    def scores(precision: str, seed: int) -> NDArray[np.float64]:
        return bald(samples(model, rows, model.data, seed, passes=k, precision=precision)).numpy()

    def shared(one: NDArray[np.float64], other: NDArray[np.float64]) -> int:
        return len({*np.argsort(-one)[:PICKS]} & {*np.argsort(-other)[:PICKS]})

    faster, same, other = [], [], []
    for seed in range(repeats):
        start = time.perf_counter()
        exact = scores("float32", seed)
        middle = time.perf_counter()
        rough = scores("bfloat16", seed)
        faster.append((middle - start) / (time.perf_counter() - middle))
        same.append(shared(exact, rough))
        other.append(shared(exact, scores("float32", seed + repeats)))
    return (
        f"In bfloat16, {k} passes of the Gal net over {len(rows):,} images of MNIST are {statistics.median(faster):.1f}"
        f" [{min(faster):.1f}–{max(faster):.1f}] times as fast; of the {PICKS} rows of highest BALD, {min(same)} to {max(same)}"
        f" are those of float32 with the same masks, where other masks share {min(other)} to {max(other)}."
    )


def main(repeats: int, agree: int, quick: bool) -> None:
    torch.set_num_threads(THREADS)
    warnings.simplefilter("ignore")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    peers = " | ".join(f"{peer} / ours" for peer in PEERS)
    lines = [
        f"| net | passes | ours, s | {peers} | claim | ours / one deterministic pass |",
        "|---|---|---|" + "---|" * len(PEERS) + "---|---|",
    ]
    lines += [measured(name, passes, repeats, quick) for name, passes in CLAIMS]
    apart = ", ".join(f"{name} {agreement(name, agree):.1f}" for name in NETS)
    half = halves(repeats, quick)
    record(
        __file__,
        f"{date.today()}, {ROWS:,} rows, {THREADS} threads, torch {version('torch')}, baal {version('baal')}; {repeats}"
        " repetitions, median [least–largest], ratios within a repetition; peers extrapolated by the slope.\n\n"
        + "\n".join(lines)
        + f"\n\nMean predictions over {agree} passes differ from baal's by at most, in standard errors: {apart}.\n\n{half}",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--agree", type=int, default=2000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, once through: whether it runs")
    given = parser.parse_args()
    main(given.repeats, given.agree, given.quick)
