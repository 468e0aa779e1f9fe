"""ELFS against random on CIFAR-10 at 10 %, with ResNet-18 on a GPU.

Question    5,000 of 50,000 images are labelled in one go. How much more accurate is a ResNet-18 on those that ELFS picks than
            on a random draw, by the difference paired at equal seeds?
Protocol    Features by VICReg trained on the pool (no pretrained weights are at hand; --weights FILE takes torchvision's
            ResNet-50 instead). Preset `elfs`: 50 MLP heads for 200 epochs, ResNet-18 proxy for 200, AUM, the cutoff
            searched by a proxy. One short recipe for both arms: ResNet-18, 3,000 steps of 128, SGD 0.1 with momentum 0.9,
            weight decay 5e-4, cosine, crop and flip; the whole test set.
Context     Published with DINO-like features and 40,000 steps of 256: ELFS 86.9, random 79.1 (arXiv:2406.04273). A shorter
            recipe and a weaker encoder move both, so the numbers are no reproduction of those.
Device      CUDA. Each stage of a seed (encoder, clusters, difficulty, cutoff, two trainings) is kept in OUT/cache or OUT as it
            ends, the encoder within it too, so runs of ten minutes go on from one another.
State       Not yet run on a GPU: none was at hand. `--quick --device cpu` runs every stage on 1,000 rows, in a few minutes.

    ACTIVELOOP_DATA=DIR python benchmarks/elfs_cifar10.py [--seeds 3] [--device cuda] [--weights resnet50.pth] [--out DIR]
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from results import record

from activeloop import configure, load
from activeloop.data.augment import chain
from activeloop.features import with_features
from activeloop.learners.supervised import Supervised
from activeloop.report.files import replace_bytes
from activeloop.report.statistics import Estimate, estimate
from activeloop.rng import derive
from activeloop.rounds import metrics, threads
from activeloop.select import select
from activeloop.types import OPEN, HeldOut, Loaded

SHARE = 0.1
ARMS = ("random", "elfs")
RECIPE: Mapping[str, Any] = {
    "net": "resnet18", "steps": 3000, "batch": 128, "optimiser": "sgd", "lr": 0.1, "weight_decay": 5e-4,
}  # fmt: skip
QUICK_ROWS = 1_000
QUICK_START = {
    "evidence": {
        "reference": {"heads": 2, "epochs": 5, "batch": 256, "layers": "linear", "lr": 0.01, "momentum": 0.9},
        "difficulty": {"epochs": 1, "net": "cnn", "lr": 0.01},
        "cutoff": {"how": "probe"},
    }
}


def main(seeds: int, device: str, weights: Path | None, out: Path, quick: bool) -> None:
    loaded = _data(device, weights, out, quick)
    found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
    for seed in range(seeds):
        for arm in ARMS:
            file = out / f"{arm}-s{seed}.json"
            if not file.exists():
                replace_bytes(file, json.dumps(_run(loaded, arm, seed, device, out, quick)).encode())
            found[arm].append(json.loads(file.read_text()))
            print(f"{arm} seed {seed}: {found[arm][-1]['accuracy']:.4f}", flush=True)
    text = _table(found, loaded, device)
    if quick:
        print(text)
    else:
        record(__file__, text)


def _data(device: str, weights: Path | None, out: Path, quick: bool) -> Loaded:
    loaded = load("cifar10", data_dir=Path(os.environ["ACTIVELOOP_DATA"]))
    if quick:
        loaded = _head(loaded, QUICK_ROWS)
    source, options = "vicreg", {"device": device, "steps": 10 if quick else 20_000}
    if weights is not None:
        source, options = "torchvision:resnet50", {"device": device, "weights_path": str(weights)}
    found = with_features(loaded, source, options, cache=out / "cache")
    assert found.test is not None
    data = replace(found.data.to(device), augment=chain(("crop", "flip")))
    test = HeldOut(found.test.data.to(device), found.test.labels)
    return replace(found, data=data, test=test, known=np.full(len(data), OPEN, dtype=np.int64))


def _head(loaded: Loaded, rows: int) -> Loaded:
    assert loaded.test is not None
    assert loaded.truth is not None
    test = HeldOut(replace(loaded.test.data, inputs=loaded.test.data.inputs[:rows]), loaded.test.labels[:rows])
    return replace(
        loaded, data=replace(loaded.data, inputs=loaded.data.inputs[:rows]), truth=loaded.truth[:rows], test=test
    )


def _run(loaded: Loaded, arm: str, seed: int, device: str, out: Path, quick: bool) -> dict[str, Any]:
    assert loaded.truth is not None
    assert loaded.test is not None
    start = {"strategy": arm, **(QUICK_START if quick and arm == "elfs" else {})}
    config = configure(seed=seed, device=device, start=start, data={"cache": str(out / "cache")})
    selection = select(loaded, config, round(SHARE * len(loaded.data)))
    labels = np.full(len(loaded.data), OPEN, dtype=np.int64)
    labels[selection.rows] = loaded.truth[selection.rows]
    with threads(1):
        learner = Supervised(**{**RECIPE, **({"steps": 5} if quick else {})})
        model = learner.fit(loaded.data, labels, seed=derive(seed, 0, "fit"))
        probs = model.on(loaded.test.data).probs(np.arange(len(loaded.test.labels)))
    return {"accuracy": metrics(probs, loaded.test.labels)["accuracy"], "cutoff": selection.cutoff}


def _table(found: Mapping[str, list[dict[str, Any]]], loaded: Loaded, device: str) -> str:
    accuracy = {arm: [each["accuracy"] for each in found[arm]] for arm in ARMS}
    paired = [mine - theirs for mine, theirs in zip(accuracy["elfs"], accuracy["random"], strict=True)]
    lines = [
        f"{date.today()}, {len(paired)} seeds, {device}, torch {version('torch')}; {len(loaded.data):,} rows, features:"
        f" {loaded.data.features_from}; {RECIPE['steps']:,} steps.",
        "",
        "| | accuracy | published (40,000 steps, DINO-like features) |",
        "|---|---|---|",
        f"| random | {_said(estimate(accuracy['random']))} | 0.791 |",
        f"| elfs | {_said(estimate(accuracy['elfs']))} | 0.869 |",
        f"| elfs less random, paired | {_said(estimate(paired))} | 0.078 |",
        "",
        f"Cutoffs chosen: {', '.join(str(each['cutoff']) for each in found['elfs'])}.",
    ]
    return "\n".join(lines)


def _said(found: Estimate | None) -> str:
    assert found is not None
    return f"{found.mean:.4f}{'' if found.half is None else f' ± {found.half:.4f}'}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/elfs_cifar10"))
    parser.add_argument("--quick", action="store_true", help="every stage on 1,000 rows, to see that it runs")
    given = parser.parse_args()
    main(given.seeds, given.device, given.weights, given.out, given.quick)
