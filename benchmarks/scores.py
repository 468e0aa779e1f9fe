"""Do our scores and picks agree with those of other libraries, and what do both cost?

Claim: where the definition is one, scores agree to 1e-12 with libraries that compute in float64 and do not clip, and exact
picks are the same rows. Ours takes no longer than any peer that does as much. A nan and a row that is no distribution are
refused on their way to any function; no peer refuses both in all that it offers.

Task: random evidence (seed 0), the same for both, float64: 100,000 x 10 probabilities; 10,000 rows x 20 passes x 10 classes;
for epig 2,000 of them and 100 targets; for batch-bald 150 of them, 5 picks and 10,000 combinations, so that all joints are
exact; 10,000 x 128 float32 embeddings, 100 labelled, 50 picks; 3,000 of those for densities. Layouts are made beforehand. One
process, one thread; contestants alternate, ratios are taken within a repetition, which is the least of the calls that fit
0.2 s. Times are processor time, which other work on the machine disturbs least. Memory: the peak of a call in a fork of
that process. A library that is not installed has a line that says so; `make bench` brings baal and modAL alone.
Agreement: largest difference of scores once theirs have our sign and unit; Spearman where definitions differ; rows in common
for picks; for draws the difference of the mean score of 20 batches each, in standard errors (3 would be odd); for badge what
k-means++ makes small, the sum over rows of the squared distance of their gradients to the nearest pick's, theirs / ours.
No peer has cluster-margin, forgetting, flips, label-dispersion, mean-entropy, mean-margin, aum, el2n, expected-el2n or grand.

Floor: entropy reads 8 MB and takes 10^6 logarithms, 2.3 ms as torch vectorises them; bald takes two million and epig twenty.
numpy's expressions are as vectorised but make more copies. Prediction: 1 to 3 times as fast as those, a hundred times where
there is a Python call a row; badge and core-set by the products that they spare.

Result, 2026-11-25, a load of 8 beside it: agreement as claimed. Ours is 2 to 8 times as fast as scores that are vectorised, 30
times as Badge and BADGE, 9 and 150 times as CoreSet and GreedyCoreset. The claim on time does NOT hold for draws: power and
softmax take 3 to 5 times as long as baal's, since Gumbel noise is two logarithms a row and running sums are none (4 ms for
100,000 rows; theirs follow numpy's global seed); softrank takes a tenth longer. `top` takes 2.5 times as long as modAL's
argpartition, which leaves ties to chance of layout, where all rows are shuffled here so that the seed decides. margin ties
with modAL's: torch's maximum with its place is not vectorised, numpy's partition is. variation-ratio takes 2.5 times as long
as baal's Certainty, which counts no votes. k_center holds 18 to 30 MB of blocks where CoreSet holds 10.
Found beside: small-text's LightweightCoreset gives n positions for each hundred rows, counted within the hundred; baal takes a
softmax of all rows where one does not sum to 1, and so changes the scores of the others; batchbald_redux picks a row of nan,
and a certain row, whose log 0 makes one.

    pip install scikit-activeml; pip install --no-deps batchbald_redux toma; pip install --no-deps --pre small-text
    python benchmarks/scores.py [--repeats 3] [--quick]      four minutes alone on a core
"""

from __future__ import annotations

import argparse
import gc
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch
from measure import extra_memory, ratios
from peers import PEERS, Array, Call, Evidence, Peer, same
from results import record
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from activeloop import acquisitions as a
from activeloop.bridges.modal import strategy
from activeloop.errors import BadScores
from activeloop.evidence import check
from activeloop.pick import How, pick
from activeloop.selectors import k_center

LEAST_S = 0.2  # a repetition calls again until so much has passed
ALONE = "ours, the function alone"
BROKEN = 7  # the row that is broken
EVIDENCE = {"few": "samples", "near": "features"}  # what `check` calls it, where that is another name


def evidence(rows: int, n: int) -> Evidence:
    """`rows` probabilities and a tenth of all else. Rows of samples differ in how much their passes agree."""
    chance, some = torch.Generator().manual_seed(0), rows // 10

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=chance, dtype=torch.float64)

    samples = (3 * normal(some, 1, 10) + normal(some, 1, 1).abs() * normal(some, 20, 10)).softmax(dim=2)
    labels = torch.full((some,), -1)
    labels[:: some // min(100, some // 4)] = 0
    embeddings = normal(some, 128).float()
    return Evidence((3 * normal(rows, 10)).softmax(dim=1), samples, samples[-100:], samples[:150], embeddings, labels,
                    embeddings[:3000], n)  # fmt: skip


# ours


def scored(function: Callable[..., torch.Tensor], of: str) -> Callable[[Evidence], Call]:
    return lambda given: lambda: function(getattr(given, of)).numpy()


def drawn(how: How) -> Callable[[Evidence], Call]:
    def make(given: Evidence) -> Call:
        scores, free, chance = given.scores, np.ones(len(given.probs), dtype=np.bool_), np.random.default_rng(0)
        return lambda: pick(scores, free, given.n, chance, how=how)

    return make


def ranked_batch(given: Evidence) -> Call:
    some, ours = len(given.near), strategy("uncertainty_batch_sampling")
    return lambda: ours(given.probs[:some], given.near, given.labels[:some], given.n, np.random.default_rng(0)).numpy()


OURS: dict[str, Callable[[Evidence], Call]] = {
    "entropy": scored(a.entropy, "probs"),
    "margin": scored(a.margin, "probs"),
    "least-confidence": scored(a.least_confidence, "probs"),
    "predictive-entropy": scored(a.predictive_entropy, "samples"),
    "variation-ratio": scored(a.variation_ratio, "samples"),
    "mean-std": scored(a.mean_std, "samples"),
    "bald": scored(a.bald, "samples"),
    "vote-entropy": scored(a.vote_entropy, "samples"),
    "kl-to-consensus": scored(a.kl_to_consensus, "samples"),
    "epig": lambda given: lambda: a.epig(given.samples[:2000], given.targets).numpy(),
    "batch-bald": lambda given: lambda: a.batch_bald(given.few, 5, np.random.default_rng(0)).numpy(),
    "badge": lambda given: (
        lambda: a.badge(
            given.probs[: len(given.embeddings)], given.embeddings, given.n, np.random.default_rng(0)
        ).numpy()
    ),
    "core-set": lambda given: (
        lambda: k_center(given.embeddings, given.labels, given.n, np.random.default_rng(0)).numpy()
    ),
    "top": drawn("top"),
    "power": drawn("power"),
    "softmax": drawn("softmax"),
    "softrank": drawn("softrank"),
    "modal:information_density": lambda given: (
        lambda: strategy("information_density")(given.near, given.n, np.random.default_rng(0)).numpy()
    ),
    "modal:uncertainty_batch_sampling": ranked_batch,
}


# do they agree?


def agreement(peer: Peer, given: Evidence, mine: Call, theirs: Call) -> str:
    if peer.compared == "chance":
        return chance(given, mine, theirs)
    our, their = np.asarray(mine()), np.asarray(theirs())
    if peer.compared == "values":
        apart = np.abs(our - peer.as_ours(their)).max()
        return f"differ by {apart:.0e}" if apart else "equal"
    if peer.compared == "ranks":
        return f"Spearman {spearmanr(our, peer.as_ours(their)).statistic:.3f}"
    if len(np.unique(their)) != len(our):
        return f"{len(their)} picks for {len(our)}, {len(np.unique(their))} different"
    if peer.compared == "badge":
        return f"sum left {left(given, their) / left(given, our):.3f}"
    common = f"{len(np.intersect1d(our, their))} of {len(our)} rows"
    return f"{common}, in order" if (our == their).all() else common


def chance(given: Evidence, mine: Call, theirs: Call) -> str:
    our, their = ([given.scores[call()].mean() for _ in range(20)] for call in (mine, theirs))
    error = np.hypot(np.std(our, ddof=1), np.std(their, ddof=1)) / 20**0.5
    return f"{abs(np.mean(our) - np.mean(their)) / error:.1f} errors apart"


def left(given: Evidence, picks: Array) -> float:
    """The sum over rows of the squared distance of the last layer's gradient to that of the nearest pick."""
    embeddings = given.embeddings.double()
    probs = given.probs[: len(embeddings)]
    error = probs - torch.nn.functional.one_hot(probs.argmax(dim=1), probs.shape[1])
    at = torch.from_numpy(picks)
    squares = error.square().sum(dim=1) * embeddings.square().sum(dim=1)
    products = (error @ error[at].T) * (embeddings @ embeddings[at].T)
    return float((squares[:, None] + squares[at] - 2 * products).amin(dim=1).clamp(min=0).sum())


# what becomes of a row that is no evidence?


def broken(given: Evidence, on: str, how: str) -> Evidence:
    found = getattr(given, on).clone()
    if how == "nan":
        found[BROKEN, ..., 0] = torch.nan
    elif how == "twice":
        found[BROKEN] *= 2
    else:
        found[BROKEN] = torch.tensor([1.0] + [0.0] * (found.shape[-1] - 1)).to(found)
    return replace(given, **{on: found})


def fate(peer: Peer, given: Evidence, how: str) -> str:
    """What a peer makes of a broken row: refuses it, or where the row stands among all."""
    is_vector, is_pick = peer.on in ("embeddings", "near"), peer.compared not in ("values", "ranks")
    if how != "nan" and (is_vector or (is_pick and peer.on == "probs")):
        return "–"
    bad = broken(given, peer.on, how)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            found = np.asarray(peer.make(bad)())
        except Exception as error:  # whatever it raises is an answer
            return f"refuses ({type(error).__name__})"
    said = ", warns" if warned else ""
    if is_pick:
        return ("picks it" if BROKEN in found else "passes over it") + said
    clean, scores = peer.as_ours(np.asarray(peer.make(given)())), peer.as_ours(found)
    if not np.allclose(np.delete(clean, BROKEN), np.delete(scores, BROKEN), atol=1e-5):
        said = ", changes the others" + said
    if np.isnan(scores[BROKEN]):
        return f"nan{said}"
    return f"{scores[BROKEN]:.2g}, place {1 + int((scores > scores[BROKEN]).sum())}{said}"


def our_fate(given: Evidence, on: str, how: str) -> str:
    """The same of what stands before every function here."""
    found = getattr(broken(given, on, how), on)
    try:
        check(EVIDENCE.get(on, on), found, np.arange(len(found)))
    except BadScores:
        return "refuses (BadScores)"
    return "takes it"


def fates(given: Evidence) -> list[str]:
    lines = []
    for of in ("probs", "samples", "embeddings"):
        cells = [our_fate(given, of, how) if how == "nan" or of != "embeddings" else "–" for how in HOW]
        lines.append(f"| ours, as evidence on its way | {of} | {' | '.join(cells)} |")
    told: dict[tuple[str, ...], list[str]] = {}
    for peer in [*alone(), *PEERS]:
        if installed(peer, given):
            key = (peer.library, *(fate(peer, given, how) for how in HOW))
            told.setdefault(key, []).append(peer.entry if peer.library == ALONE else f"{peer.entry} ({peer.score})")
    return lines + [
        f"| {key[0]} | {', '.join(names)} | {' | '.join(key[1:])} |" for key, names in sorted(told.items(), key=library)
    ]


def library(item: tuple[tuple[str, ...], list[str]]) -> tuple[bool, str]:
    return item[0][0] != ALONE, item[0][0]


def alone() -> list[Peer]:
    """Our functions, called with nothing before them and nothing after."""
    first = {peer.score: peer for peer in reversed(PEERS)}
    return [
        replace(first[name], library=ALONE, entry=name, make=make, as_ours=same)
        for name, make in OURS.items()
        if not name.startswith("modal:")
    ]


HOW = {"nan": "a nan", "twice": "a row that sums to 2", "certain": "a certain row: 1 and zeros"}


# the table


def installed(peer: Peer, small: Evidence) -> bool:
    try:
        peer.make(small)
    except ImportError:
        return False
    return True


def seconds(call: Call) -> float:
    took, began = [], time.perf_counter()
    while not took or time.perf_counter() - began < LEAST_S:
        start = time.process_time()
        call()
        took.append(time.process_time() - start)
    return min(took)


def line(peer: Peer, given: Evidence, small: Evidence, repeats: int) -> str:
    head = f"| {peer.score} | {peer.library} {peer.entry}"
    if not installed(peer, small):
        return f"{head} | not installed | | | | | |"
    if peer.rows:
        given = replace(given, probs=given.probs[: peer.rows])
    warm = {"ours": OURS[peer.score](small), "theirs": peer.make(small)}
    for call in warm.values():  # what is imported or set up at the first call
        call()
    gc.freeze()  # batchbald_redux collects garbage at every call, and would pay for what other libraries keep
    ours, theirs = OURS[peer.score](given), peer.make(given)
    held = {who: extra_memory(call, warm[who]) for who, call in (("ours", ours), ("theirs", theirs))}
    found = agreement(peer, given, ours, theirs)
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    for repeat in range(repeats):
        both = {"ours": ours, "theirs": theirs}
        for who in list(both)[:: 1 if repeat % 2 == 0 else -1]:
            times[who].append(seconds(both[who]))
    cells = [
        found,
        peer.differs or "as ours",
        f"{statistics.median(times['ours']) * 1000:.3g}",
        ratios(times["theirs"], times["ours"]),
        *(f"{held[who]:.0f}" for who in held),
    ]
    print(head, cells, flush=True)
    return f"{head} | {' | '.join(cells)} |"


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(all="ignore"), threadpool_limits(1):
        warnings.simplefilter("ignore")
        yield
    gc.unfreeze()


def main(repeats: int, quick: bool) -> None:
    torch.set_num_threads(1)
    repeats = 1 if quick else repeats
    given = evidence(5_000 if quick else 100_000, 10 if quick else 50)
    small = evidence(2_000, 5)
    with quiet():
        lines = [line(peer, given, small, repeats) for peer in PEERS]
        bad = fates(small)
    text = "\n".join(
        [
            f"{date.today()}, one thread of {platform.machine()}, shared with other work, processor time; {versions()};"
            f" {repeats} repetitions, median [least–largest].",
            "",
            ", ".join(f"{each.name} {list(getattr(given, each.name).shape)}" for each in fields(given) if each.name != "n")
            + f"; {given.n} picks.",
            "",
            "| ours | theirs | agreement | how theirs differs | ours, ms | time, theirs / ours | ours, MB | theirs, MB |",
            "|---" * 8 + "|",
            *lines,
            "",
            "What becomes of one row of 200 (of probs, 2,000) that is made bad: its score in our sign and unit, and its place,"
            " where 1 is asked first.",
            "",
            f"| | | {' | '.join(HOW.values())} |",
            "|---" * 5 + "|",
            *bad,
        ]
    )  # fmt: skip
    if quick:
        print(text)
    else:
        record(__file__, text)


def versions() -> str:
    found = []
    for name in ("torch", "numpy", "baal", "modAL-python", "scikit-activeml", "small-text", "batchbald_redux"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the rows, once; RESULTS.md is left alone")
    asked = parser.parse_args()
    main(asked.repeats, asked.quick)
