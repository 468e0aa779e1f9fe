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
            A score is said to find wrong ones where the interval of the ROC area lies above 0.6, and hard ones where that
            of Spearman with hardness lies above 0.2, which was fixed before any of it was run.
Data        digits: 1,438 rows, net `cnn` on images. MNIST and CIFAR-10: the first 5,000 rows and 2,000 test rows, as features
            of the encoders that benchmarks/passive.py trains without labels, net `mlp`. A seed draws digits' split, the
            start, weights, order, clusters and wrong answers; not the encoders. Recipe: default, a history of 30 looks.
            el2n: 3 early models when it acquires, 10 in the diagnosis. Clusters: TEMI with elfs-quick's settings.
Device      CPU, one thread a run. Runs are journals and diagnoses files: the script goes on where it stood.

    ACTIVELOOP_DATA=DIR python benchmarks/dynamics.py [--jobs 1] [--out DIR] [--encoders DIR]     MINUTES
    python benchmarks/dynamics.py --quick                                                         shows that it runs
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from passive import TASKS as ENCODED
from passive import pool as encoded
from results import record
from torch import Tensor

from activeloop import configure, load
from activeloop.acquisitions.dynamics import aum, el2n, flips, forgetting, label_dispersion
from activeloop.acquisitions.uncertainty import entropy, margin
from activeloop.catalogue import QUICK
from activeloop.cli.simulation import oracle_for
from activeloop.config import Config
from activeloop.drive import drive
from activeloop.fold import State, fold
from activeloop.learners.supervised import Supervised
from activeloop.providers.early import early_epoch
from activeloop.providers.reference import named_clusters, neighbours
from activeloop.providers.temi import clusters
from activeloop.report.curves import Record, points_of
from activeloop.report.files import replace_bytes
from activeloop.report.plot import draw
from activeloop.report.statistics import Estimate, estimate
from activeloop.report.summary import StrategySummary, Summary, summarise
from activeloop.rng import derive, rng
from activeloop.rounds import threads
from activeloop.run import Run
from activeloop.store.journal import FILE, read
from activeloop.types import OPEN, Data, Labels, Loaded, Rows

NOISES = {"right": "", "noisy": "symmetric:0.2"}
REFERRED, PLAIN = ("forgetting", "el2n", "aum"), ("flips", "label-dispersion")  # with a reference, and without
LOOKS, MODELS, JUDGES = 30, 10, 10
FINDS_WRONG, FINDS_HARD = 0.6, 0.2  # the least ROC area and Spearman that an interval must lie above


@dataclass(frozen=True)
class Task:
    """A data set.    references: providers that stand for unknown labels in the curves.    rows: of MNIST and CIFAR-10."""

    name: str
    net: str
    initial: int
    query: int
    budget: int
    seeds: int
    references: tuple[str, ...]
    rows: int = 5_000

    @property
    def arms(self) -> dict[str, tuple[str, str]]:
        """Arm -> strategy and what its reference is bound to, "" where it has none."""
        plain = {name: (name, "") for name in ("random", "margin", "entropy", *PLAIN)}
        referred = [(name, to) for name in REFERRED for to in self.references if (name, to) != ("el2n", "final")]
        return plain | {f"{name} ({to})": (name, to) for name, to in referred}


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
    text = "\n\n".join([head, *(diagnosed(task, out) for task in tasks), *(compared(task, out) for task in tasks)])
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


def source(task: Task, out: Path, encoders: Path) -> str:
    """What `load` takes: digits by name, others as a file of the features of their first rows."""
    if task.name == "digits":
        return "digits"
    path = out / f"{task.name}.npz"
    if not path.exists():
        found = encoded(next(each for each in ENCODED if each.name == task.name), encoders)
        assert found.test is not None
        assert found.truth is not None
        assert found.data.features is not None
        assert found.test.data.features is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, x_train=found.data.features[: task.rows].numpy(), y_train=found.truth[: task.rows],
                 x_test=found.test.data.features[:2_000].numpy(), y_test=found.test.labels[:2_000],
                 classes=np.array(found.data.classes))  # fmt: skip
    return str(path)


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
    loaded = data_of(config)
    assert loaded.truth is not None
    oracle = oracle_for(config, loaded.truth, len(loaded.data.classes))
    with Run(folder(task, seed, noise, arm, out), config, loaded.data, loaded.test) as here:
        for state in drive(here, oracle):
            last = state
    return f"accuracy {last.measures[-1].metrics['accuracy']:.3f}"


def data_of(config: Config) -> Loaded:
    return load(config.data.source, seed=config.seed)


def folder(task: Task, seed: int, noise: str, arm: str, out: Path) -> Path:
    return out / task.name / noise / f"{arm.replace(' ', '-').replace('(', '').replace(')', '')}-s{seed}"


# diagnosis


def diagnose(task: Task, seed: int, out: Path, encoders: Path) -> str:
    """Scores of one seed beside what is wrong and what is hard; its file appears whole."""
    path = out / task.name / f"diagnosis-s{seed}.json"
    if not path.exists():
        config = configure(seed=seed, data={"source": source(task, out, encoders)}, oracle={"noise": NOISES["noisy"]})
        loaded = data_of(config)
        assert loaded.truth is not None
        oracle = oracle_for(config, loaded.truth, len(loaded.data.classes))
        oracle.post("all", range(len(loaded.data)))
        told = oracle.collect("all")
        given = np.array([told[row] for row in range(len(loaded.data))])
        learner = Supervised(net=task.net, looks=LOOKS)
        with threads(1):
            hard = hardness(task, loaded.data, loaded.truth, seed)
            found = {
                "published": published(learner, loaded.data, given, loaded.truth, hard, seed),
                "acquired": acquired(task, learner, loaded.data, given, loaded.truth, hard, seed),
            }
        replace_bytes(path, json.dumps(found, indent=1).encode())
    return "done"


def hardness(task: Task, data: Data, truth: Labels, seed: int) -> NDArray[np.float64]:
    """[N], 1 - p(true class) by models that did not see the row, at the budget's number of true labels."""
    total, count, rows = np.zeros(len(data)), np.zeros(len(data)), np.arange(len(data))
    for at in range(JUDGES):
        labels = np.full(len(data), OPEN, dtype=np.int64)
        seen = rng(seed, at, "judge").choice(rows, task.budget, replace=False)
        labels[seen] = truth[seen]
        model = Supervised(net=task.net).fit(data, labels, seed=derive(seed, at, "judge"))
        missed = 1 - model.probs(rows).numpy()[rows, truth]
        unseen = labels == OPEN
        total[unseen] += missed[unseen]
        count[unseen] += 1
    return total / np.maximum(count, 1)


def published(
    learner: Supervised, data: Data, given: Labels, truth: Labels, hard: NDArray[np.float64], seed: int
) -> dict[str, dict[str, float]]:
    """Every row trained on and scored against the label given; the same of true labels."""
    rows, found = np.arange(len(data)), {}
    noisy, doubt = scored(learner, data, given, rows, {"": given}, seed)
    clean, sure = scored(learner, data, truth, rows, {"": truth}, seed)
    wrong, clean = given != truth, {**clean, **sure}
    for name, score in {**noisy, **doubt}.items():
        found[name] = {
            "wrong": area_under(score, wrong),
            "wrong_rho": spearman(score, wrong),
            "hard": spearman(score, hard),
            "hard_right": spearman(score[~wrong], hard[~wrong]),
            "hard_clean": spearman(clean[name], hard),
            **{other: spearman(score, value) for other, value in doubt.items()},
        }
    return found


def acquired(
    task: Task, learner: Supervised, data: Data, given: Labels, truth: Labels, hard: NDArray[np.float64], seed: int
) -> dict[str, dict[str, float | None]]:
    """Rows not yet labelled, scored against what stands for their label."""
    chosen = rng(seed, 0, "diagnosis").choice(len(data), task.budget, replace=False)
    labels, before = (np.full(len(data), OPEN, dtype=np.int64) for _ in range(2))
    labels[chosen] = given[chosen]
    before[chosen[: -task.query]] = given[chosen[: -task.query]]
    rows = np.flatnonzero(labels == OPEN)
    seen = data.inputs.flatten(1).float()
    grouped = clusters(seen, data, derive(seed, 0, "pool"), **QUICK["reference"]).value
    references = {
        "previous": learner.fit(data, before, seed=derive(seed, 8, "fit")).probs(rows).argmax(dim=1).numpy(),
        "named-clusters": named_clusters(grouped, data, labels).numpy()[rows],
        "neighbours": neighbours(data, rows, labels).numpy(),
        "final": learner.fit(data, labels, seed=derive(seed, 0, "fit")).probs(rows).argmax(dim=1).numpy(),
        "the answer": given[rows],
    }
    scores, doubt = scored(learner, data, labels, rows, references, seed)
    found: dict[str, dict[str, float | None]] = {}
    for name, score in {**scores, **doubt}.items():
        reference = references.get(name.partition(" (")[2].rstrip(")"))
        missed = None if reference is None else reference != truth[rows]
        found[name] = {
            "answer": area_under(score, given[rows] != truth[rows]),
            "answer_rho": spearman(score, given[rows] != truth[rows]),
            "reference": None if missed is None else area_under(score, missed),
            "missed": None if missed is None else float(missed.mean()),
            "hard": spearman(score, hard[rows]),
            **{other: spearman(score, value) for other, value in doubt.items()},
        }
    return found


def scored(
    learner: Supervised, data: Data, labels: Labels, rows: Rows, references: Mapping[str, Labels], seed: int
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """The five scores of these rows by a model trained on these labels, and its own doubt about them."""
    model = learner.fit(data, labels, seed=derive(seed, 0, "fit"), watch=rows)
    history, probs = model.history().float(), model.probs(rows)
    epochs = early_epoch(learner.epochs_for(int((labels >= 0).sum())))
    seeds = [derive(seed, 0, f"early-{at}") for at in range(MODELS)]
    early = torch.stack([one.probs(rows) for one in learner.fit_many(data, labels, seeds=seeds, epochs=epochs)], dim=1)
    found: dict[str, Tensor] = {"flips": flips(history), "label-dispersion": label_dispersion(history)}
    for name, reference in references.items():
        to, there = f" ({name})" if name else "", torch.from_numpy(reference)
        found[f"forgetting{to}"] = forgetting(history, there)
        found[f"el2n{to}"] = el2n(early, there)
        found[f"aum{to}"] = aum(history, there)
    doubt = {"entropy": entropy(probs), "margin": margin(probs)}
    return {name: score.numpy() for name, score in found.items()}, {
        name: score.numpy() for name, score in doubt.items()
    }


def spearman(score: NDArray[np.float64], other: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(score, other).statistic)


def area_under(score: NDArray[np.float64], is_so: NDArray[np.bool_]) -> float:
    """The chance that a row of which it is so scores above one of which it is not."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(is_so, score))


# tables


def diagnosed(task: Task, out: Path) -> str:
    found = [json.loads((out / task.name / f"diagnosis-s{seed}.json").read_text()) for seed in range(task.seeds)]
    head = f"### {task.name}: hard rows or wrong ones? {task.seeds} seeds"
    return "\n\n".join([head, *(_part(found, title, part) for part, title in PARTS.items())])


PARTS = {
    "published": "As published, every row trained on and scored against its label, a fifth of which are wrong:",
    "acquired": "As acquired, rows not yet labelled scored against what stands for their label:",
}
# part -> what is measured -> the head of its column, and the least that an interval must lie above to count as found
COLUMNS: dict[str, dict[str, tuple[str, float]]] = {
    "published": {
        "wrong": ("wrong label, ROC area", FINDS_WRONG), "wrong_rho": ("wrong label, Spearman", 2),
        "hard": ("hard, Spearman", 2), "hard_right": ("hard, right labels alone", FINDS_HARD),
        "hard_clean": ("hard, trained on true labels", 2), "entropy": ("entropy", 2), "margin": ("margin", 2),
    },
    "acquired": {
        "answer": ("wrong answer, ROC area", FINDS_WRONG), "answer_rho": ("wrong answer, Spearman", 2),
        "reference": ("wrong reference, ROC area", FINDS_WRONG), "missed": ("wrong references", 2),
        "hard": ("hard, Spearman", FINDS_HARD), "entropy": ("entropy", 2), "margin": ("margin", 2),
    },
}  # fmt: skip


def _part(found: Sequence[Mapping[str, Mapping[str, Mapping[str, float | None]]]], title: str, part: str) -> str:
    columns = COLUMNS[part]
    lines = [f"| score | {' | '.join(head for head, _ in columns.values())} |", "|---" * (len(columns) + 1) + "|"]
    finds: dict[str, list[str]] = {head: [] for head, least in columns.values() if least < 1}
    neither = []
    for name in found[0][part]:
        values = {what: _over([seed[part][name][what] for seed in found]) for what in columns}
        lines.append(f"| {name} | {' | '.join(said(value, digits=2) for value in values.values())} |")
        are = [head for what, (head, least) in columns.items() if _is_above(values[what], least)]
        for head in are:
            finds[head].append(name)
        neither += [] if are else [name]
    words = "; ".join(f"{head.partition(',')[0]}: {', '.join(names) or 'none'}" for head, names in finds.items())
    return "\n".join([title, "", *lines, "", f"Found, {words}; nothing of these: {', '.join(neither) or 'none'}."])


def _over(values: Sequence[float | None]) -> Estimate | None:
    """None where a score is constant, so has no rank correlation, or has no reference."""
    return estimate([value for value in values if value is not None and np.isfinite(value)])


def _is_above(value: Estimate | None, least: float) -> bool:
    return value is not None and value.low is not None and value.low > least


def compared(task: Task, out: Path) -> str:
    return "\n\n".join(_curves(task, noise, out) for noise in NOISES)


def _curves(task: Task, noise: str, out: Path) -> str:
    records = [Record(out, arm, seed, _state(folder(task, seed, noise, arm, out)))
               for arm in task.arms for seed in range(task.seeds)]  # fmt: skip
    summary = summarise(points_of(records))
    draw(summary, out / f"{task.name}-{noise}.png")
    labels = [task.initial + task.query * rounds for rounds in _rounds(task)]
    words = "; ".join(f"{word}: {', '.join(arms) or 'none'}" for word, arms in _verdicts(summary).items())
    return "\n".join([
        f"### {task.name}: {'20 % of answers wrong' if NOISES[noise] else 'answers right'}, {task.seeds} seeds\n",
        f"| arm | {' | '.join(f'{at} labels' for at in labels)} | area | less random | p (Holm) |",
        "|---" * (len(labels) + 4) + "|",
        *(_line(each, labels) for each in summary.strategies),
        f"\nAgainst random, {words}.",
    ])  # fmt: skip


def _rounds(task: Task) -> list[int]:
    whole = (task.budget - task.initial) // task.query
    return sorted({round(part * whole) for part in (0.25, 0.5, 1)})


def _verdicts(summary: Summary) -> dict[str, list[str]]:
    beside: dict[str, list[str]] = {"better": [], "worse": [], "cannot be told apart": []}
    for each in summary.strategies:
        if each.against is not None:
            beside[each.against.verdict].append(each.strategy)
    return beside


def _line(each: StrategySummary, labels: Sequence[int]) -> str:
    curve = {point.labels: Estimate(point.mean, point.low, point.high, point.seeds) for point in each.curve}
    gained = ["–", "–"] if each.against is None else [said(each.against.area, sign=True), _p(each.against.p_holm)]
    return f"| {' | '.join([each.strategy, *(said(curve[at]) for at in labels), said(each.area), *gained])} |"


def _state(at: Path) -> State:
    state = fold(read(at / FILE))
    assert state is not None
    return state


def _p(p: float | None) -> str:
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def said(found: Estimate | None, sign: bool = False, digits: int = 3) -> str:
    if found is None:
        return "–"
    half = "" if found.half is None else f" ± {found.half:.{digits}f}"
    return f"{found.mean:{'+' if sign else ''}.{digits}f}{half}"


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
