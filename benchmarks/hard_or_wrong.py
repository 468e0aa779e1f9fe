"""The diagnosis of benchmarks/dynamics.py, whose header says what is measured: scores beside what is wrong and what is hard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from passive import TASKS as ENCODED
from passive import pool as encoded
from results import said
from torch import Tensor

from activeloop import configure, load
from activeloop.acquisitions.dynamics import aum, el2n, flips, forgetting, label_dispersion
from activeloop.acquisitions.uncertainty import entropy, margin
from activeloop.catalogue import QUICK
from activeloop.cli.simulation import oracle_for
from activeloop.learners.supervised import Supervised
from activeloop.providers.early import early_epoch
from activeloop.providers.reference import named_clusters, neighbours
from activeloop.providers.temi import clusters
from activeloop.report.files import replace_bytes
from activeloop.report.statistics import Estimate, estimate
from activeloop.rng import derive, rng
from activeloop.rounds import threads
from activeloop.types import OPEN, Data, Labels, Rows

NOISES = {"right": "", "noisy": "symmetric:0.2"}
REFERRED, PLAIN = ("forgetting", "el2n", "aum"), ("flips", "label-dispersion")  # with a reference, and without
KNOWN = "the answer"  # as a reference that no strategy has
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


# scores


def diagnose(task: Task, seed: int, out: Path, encoders: Path) -> str:
    """Scores of one seed beside what is wrong and what is hard; its file appears whole."""
    path = out / task.name / f"diagnosis-s{seed}.json"
    if not path.exists():
        config = configure(seed=seed, data={"source": source(task, out, encoders)}, oracle={"noise": NOISES["noisy"]})
        loaded = load(config.data.source, seed=config.seed)
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
        KNOWN: given[rows],
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


def answered(tasks: Sequence[Task], out: Path) -> str:
    """The question's answer: which scores find what, over data sets and references."""
    counts: dict[tuple[str, str], dict[str, tuple[int, int, float, float]]] = {}
    for part, columns in COLUMNS.items():
        found = [item for task in tasks for item in _estimates(task, part, out).items() if KNOWN not in item[0]]
        for what, (_, least) in columns.items():
            if least is not None:
                counts[part, what] = _counted([(name, values[what]) for name, values in found], least)
    most = {key: [name for name, (above, of, *_) in here.items() if 2 * above > of] for key, here in counts.items()}
    names = {key: ", ".join(some) or "no score" for key, some in most.items()}
    lines = [
        f"### Hard rows or wrong ones? In words, over {', '.join(task.name for task in tasks)}\n",
        f"Scored against the labels given, wrong ones are found by {names['published', 'wrong']}; hard ones among the right"
        f" by {names['published', 'hard_right']}. Rows not yet labelled: those whose answer will be wrong are found by"
        f" {names['acquired', 'answer']}; those whose reference is wrong by {names['acquired', 'reference']}; hard ones by"
        f" {names['acquired', 'hard']}.\n",
        "Found: in more than half of the cases, a data set and, for rows not yet labelled, a reference each, the interval lies"
        " above the least that the header names. Cases, and the least and largest mean:\n",
        f"| score | {' | '.join(f'{TITLES[part][0].lower()}: {COLUMNS[part][what][0]}' for part, what in counts)} |",
        "|---" * (len(counts) + 1) + "|",
    ]
    for name in counts["published", "wrong"]:
        cells = []
        for here in counts.values():
            above, of, low, high = here.get(name, (0, 0, 0.0, 0.0))
            cells.append(f"{above} of {of} ({low:.2f} to {high:.2f})" if of else "–")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _counted(found: Sequence[tuple[str, Estimate | None]], least: float) -> dict[str, tuple[int, int, float, float]]:
    """Score, whatever its reference -> cases whose interval lies above `least`, all cases, least and largest mean."""
    cases: dict[str, list[Estimate]] = {}
    for name, value in found:
        if value is not None:
            cases.setdefault(name.partition(" (")[0], []).append(value)
    return {
        name: (
            sum(one.low is not None and one.low > least for one in some),
            len(some),
            min(one.mean for one in some),
            max(one.mean for one in some),
        )
        for name, some in cases.items()
    }


def diagnosed(task: Task, out: Path) -> str:
    head = f"### {task.name}: hard rows or wrong ones? {task.seeds} seeds"
    return "\n\n".join([head, *(_part(task, part, out) for part in COLUMNS)])


TITLES = {
    "published": ("As published", "every row trained on and scored against its label, a fifth of which are wrong:"),
    "acquired": (
        "As acquired",
        "rows not yet labelled scored against what stands for their label; no strategy knows `the answer`:",
    ),
}
# part -> what is measured -> the head of its column, and what an interval must lie above to count as found
COLUMNS: dict[str, dict[str, tuple[str, float | None]]] = {
    "published": {
        "wrong": ("wrong label, ROC area", FINDS_WRONG), "wrong_rho": ("wrong label, Spearman", None),
        "hard": ("hard, Spearman", None), "hard_right": ("hard among right labels, Spearman", FINDS_HARD),
        "hard_clean": ("hard, trained on true labels", None), "entropy": ("entropy", None), "margin": ("margin", None),
    },
    "acquired": {
        "answer": ("wrong answer, ROC area", FINDS_WRONG), "answer_rho": ("wrong answer, Spearman", None),
        "reference": ("wrong reference, ROC area", FINDS_WRONG), "missed": ("wrong references", None),
        "hard": ("hard, Spearman", FINDS_HARD), "entropy": ("entropy", None), "margin": ("margin", None),
    },
}  # fmt: skip


def _estimates(task: Task, part: str, out: Path) -> dict[str, dict[str, Estimate | None]]:
    """Score -> what is measured -> its mean over seeds."""
    found = [json.loads((out / task.name / f"diagnosis-s{seed}.json").read_text())[part] for seed in range(task.seeds)]
    return {name: {what: _over([seed[name][what] for seed in found]) for what in COLUMNS[part]} for name in found[0]}


def _part(task: Task, part: str, out: Path) -> str:
    heads = [head for head, _ in COLUMNS[part].values()]
    lines = [f"{', '.join(TITLES[part])}\n", f"| score | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for name, values in _estimates(task, part, out).items():
        lines.append(f"| {name} | {' | '.join(said(value, digits=2) for value in values.values())} |")
    return "\n".join(lines)


def _over(values: Sequence[float | None]) -> Estimate | None:
    """None where a score is constant, so has no rank correlation, or has no reference."""
    return estimate([value for value in values if value is not None and np.isfinite(value)])
