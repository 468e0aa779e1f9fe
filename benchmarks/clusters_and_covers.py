"""Time and memory of the selectors on clusters and neighbours, beside scikit-activeml and scikit-learn.

Claim: typiclust and probcover take less than 2 GiB beside the features at 50,000 x 512, and no more time than a few
products of all pairs; at 10,000 x 512 both are faster than scikit-activeml's, at equal clusters, neighbours and delta.

Task: 100 picks, nothing labelled, of float32 rows from 100 Gaussians (centres of unit variance, rows of half that
deviation about them; seed 0). Every measurement has a process of its own, one thread, imports and reading kept out.
Memory: the peak of resident pages (VmHWM) less what was resident before the call. Contestants alternate; ratios are taken
within a repetition. TypiClust is given 20 neighbours, ProbCover our delta (and so spared its search), DBSCAN our eps, KMeans
our number of clusters and restarts. scikit-activeml's ProbCover holds all distances as float64: 20 GB at 50,000, so it
stands at 10,000 alone. OPTICS is scikit-learn's, on the 5,000 rows that `optics` draws: it has no peer here.
Quality stands beside: rows within delta of a pick for the covers, mean squared distance to a centroid for k-means, and the
number of the 100 Gaussians that hold a pick for all.

Floor: a cover or DBSCAN must see all pairs once: 2 m² D, 102 GFLOP at 10,000 and 2,560 at 50,000, at the rate of a product
measured in the same run; typiclust needs them within clusters alone, and k-means one product of rows and centroids an
iteration, 1 and 5 GFLOP. Memory: one float32 copy of the features is 20 and 102 MB; k-means and DBSCAN make one, probcover
three.

Result, 2026-11-25, alone on the machine: at 10,000 scikit-activeml's ProbCover / ours 4.8 with 645 against 146 MB, TypiClust /
ours 1.6, scikit-learn's k-means / ours 2.5; at 50,000 TypiClust / ours 2.4 in 260 MB, k-means / ours 3.1, probcover 1.25 times
the product of all pairs in 408 MB. OPTICS takes as long at 50,000 rows as at 10,000, and longest of all: it is a Python loop.

    pip install scikit-activeml
    python benchmarks/clusters_and_covers.py [--repeats 3] [--quick]      seven minutes; 50,000 rows are measured once
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
from collections.abc import Callable, Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np
import torch
from measure import memory, ratios
from numpy.typing import NDArray
from results import record

from activeloop.geometry.balls import Distances
from activeloop.selectors import density
from activeloop.selectors.density import dbscan, optics
from activeloop.selectors.k_means import k_means
from activeloop.selectors.probcover import _directions, _purest, probcover
from activeloop.selectors.prototypical import prototypical
from activeloop.selectors.typiclust import typiclust

WIDTH, PICKS, HEAPS = 512, 100, 100
SMALL, LARGE = 10_000, 50_000
OURS = {"k-means": k_means, "prototypical": prototypical, "typiclust": typiclust, "probcover": probcover,
        "dbscan": dbscan, "optics": optics}  # fmt: skip
# ours -> (peer, the most rows that it can do here)
PEERS = {
    "k-means": ("scikit-learn KMeans", LARGE),
    "typiclust": ("scikit-activeml TypiClust", LARGE),
    "probcover": ("scikit-activeml ProbCover", SMALL),
    "dbscan": ("scikit-learn DBSCAN", SMALL),
}

Points = NDArray[np.float32]
Peer = Callable[[Points, float], NDArray[np.int64]]  # radius -> picks


def mixture(rows: int) -> tuple[Points, NDArray[np.int64]]:
    """[rows, WIDTH] and which Gaussian each row is of."""
    rng = np.random.default_rng(0)
    middles, heap = rng.normal(size=(HEAPS, WIDTH)), rng.integers(HEAPS, size=rows)
    return (middles[heap] + 0.5 * rng.normal(size=(rows, WIDTH))).astype(np.float32), heap


# the peers


def typi_clust(points: Points, radius: float) -> NDArray[np.int64]:
    from skactiveml.pool import TypiClust

    return TypiClust(k=20, random_state=0).query(points, np.full(len(points), np.nan), batch_size=PICKS)


def prob_cover(points: Points, radius: float) -> NDArray[np.int64]:
    from skactiveml.pool import ProbCover

    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    return ProbCover(deltas=[radius], random_state=0).query(unit, np.full(len(unit), np.nan), batch_size=PICKS)


def kmeans(points: Points, radius: float) -> NDArray[np.int64]:
    from sklearn.cluster import KMeans

    fit = KMeans(PICKS, n_init=1, random_state=0).fit(points)
    far = ((points - fit.cluster_centers_[fit.labels_]) ** 2).sum(axis=1)
    order = np.lexsort((far, fit.labels_))
    return order[np.unique(fit.labels_[order], return_index=True)[1]]


def db_scan(points: Points, radius: float) -> NDArray[np.int64]:
    from sklearn.cluster import DBSCAN

    cluster = DBSCAN(eps=radius, min_samples=5).fit(points).labels_
    order = np.random.default_rng(0).permutation(len(points))
    first = np.unique(cluster[order], return_index=True)[1]
    return np.concatenate([order[first], np.delete(order, first)])[:PICKS]


THEIRS: Mapping[str, Peer] = {
    "scikit-learn KMeans": kmeans,
    "scikit-activeml TypiClust": typi_clust,
    "scikit-activeml ProbCover": prob_cover,
    "scikit-learn DBSCAN": db_scan,
}


# one measurement, in a process of its own


def measure(name: str, file: Path, radius: float) -> None:
    """Prints seconds, peak extra megabytes and picks."""
    import faiss  # noqa: F401 - imports are no part of the time
    import scipy.sparse.csgraph  # noqa: F401
    import sklearn.cluster  # noqa: F401

    if name.startswith("scikit-activeml"):
        import skactiveml.pool  # noqa: F401
    torch.set_num_threads(1)
    points = np.load(file)
    features, labels = torch.from_numpy(points), torch.full((len(points),), -1)
    options = dict.fromkeys({"probcover": ["delta"], "dbscan": ["eps"]}.get(name, []), radius)
    before, began = memory("VmRSS"), time.perf_counter()
    if name in OURS:
        picks = OURS[name](features, labels, PICKS, np.random.default_rng(0), **options).numpy()  # type: ignore[operator]
    else:
        picks = THEIRS[name](points, radius)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "megabytes": memory("VmHWM") - before, "picks": picks.tolist()}))


def measured(name: str, file: Path, radius: float) -> dict[str, object]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, __file__, "--one", name, "--file", str(file), "--radius", repr(radius)]
    done = subprocess.run(command, env={**os.environ, **threads}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} on {file.name} failed:\n{done.stderr}")
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


# the report


def gflops_a_second() -> float:
    """Of a float32 product of the shape that balls have, one thread: the best of ten."""
    rows, points, times = torch.randn(160, WIDTH), torch.randn(LARGE, WIDTH), []
    out = torch.empty(160, LARGE)
    for _ in range(10):
        began = time.perf_counter()
        torch.mm(rows, points.T, out=out)
        times.append(time.perf_counter() - began)
    return 2 * out.numel() * WIDTH / min(times) / 1e9


def quality(name: str, points: Points, heap: NDArray[np.int64], picks: NDArray[np.int64], radius: float) -> str:
    said = f"{len(np.unique(heap[picks]))} Gaussians"
    if name in ("probcover", "scikit-activeml ProbCover"):
        unit = _directions(torch.from_numpy(points))
        distances = Distances(unit)
        near = [distances.within(part, radius).any(axis=0) for part in distances.parts(picks)]
        said += f", {np.logical_or.reduce(near).sum():,} rows covered"
    return said


def radii(points: Points) -> dict[str, float]:
    """What the balls of covers and of DBSCAN measure; peers are given the same."""
    features, rng = torch.from_numpy(points), np.random.default_rng(0)
    unit = _directions(features)
    delta = _purest(unit, Distances(unit), 10, rng)
    return {"probcover": delta, "dbscan": density._elbow(Distances(features), 5, rng)}


def table(rows: int, folder: Path, repeats: int, rate: float) -> str:
    points, heap = mixture(rows)
    file = folder / f"{rows}.npy"
    np.save(file, points)
    given, floor = radii(points), 2 * rows**2 * WIDTH / rate / 1e9
    lines = []
    for name in OURS:
        peer, most = PEERS.get(name, ("", 0))
        both = [name, peer] if rows <= most else [name]
        found: dict[str, list[dict[str, object]]] = {each: [] for each in both}
        for repeat in range(repeats):
            for each in both if repeat % 2 == 0 else both[::-1]:
                found[each].append(measured(each, file, given.get(name, 0.0)))
        for each in both:
            seconds, megabytes = ([float(one[key]) for one in found[each]] for key in ("seconds", "megabytes"))  # type: ignore[arg-type]
            ratio = ""
            if each == peer:
                ratio = ratios(*([float(one["seconds"]) for one in found[who]] for who in (peer, name)))  # type: ignore[arg-type]
            pairs = f"{median(seconds) / floor:.2f}" if each in ("probcover", "dbscan") else ""
            picks = np.array(found[each][0]["picks"], np.int64)
            said = quality(each, points, heap, picks, given.get(name, 0.0))
            lines.append(f"| {each} | {median(seconds):.2f} | {pairs} | {ratio} | {max(megabytes):,.0f} | {said} |")
        print(lines[-len(both) :], flush=True)
    head = "| | seconds | / floor | peer / ours | extra MB | picks hold |\n|---|---|---|---|---|---|\n"
    return (
        f"{rows:,} x {WIDTH} ({points.nbytes / 1e6:.0f} MB), {PICKS} picks, {repeats} repetition(s), delta"
        f" {given['probcover']:.3f}, eps {given['dbscan']:.2f}; all pairs are {floor:.1f} s.\n\n{head}"
        + "\n".join(lines)
    )


def main(repeats: int, quick: bool) -> None:
    torch.set_num_threads(1)
    rate = gflops_a_second()
    with tempfile.TemporaryDirectory() as folder:
        sizes = [(2_000, 1)] if quick else [(SMALL, repeats), (LARGE, 1)]
        tables = [table(rows, Path(folder), count, rate) for rows, count in sizes]
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("torch", "faiss-cpu", "scikit-learn", "scikit-activeml")
    )
    text = f"{date.today()}, one thread of {platform.machine()}, {rate:.0f} GFLOP/s in a product; {versions}.\n\n"
    if quick:
        print(text + "\n\n".join(tables))
    else:
        record(__file__, text + "\n\n".join(tables))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="2,000 rows once; RESULTS.md is left alone")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--radius", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.one, given.file, given.radius)
    else:
        main(given.repeats, given.quick)
