"""The rooms of a round after the fit: measure, look, score, pick. Every one is a function of what stands on its left."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from activeloop import catalogue
from activeloop.config import EMBEDDINGS, AcquireConfig, Config, LearnerConfig, StartConfig
from activeloop.errors import BadScores, ConfigError, MissingEvidence
from activeloop.evidence import TOGETHER, Plan, check, gather, resolve, whole_pool
from activeloop.inject import check_option, checked_options
from activeloop.pick import pick
from activeloop.rng import derive, rng
from activeloop.stop import check_rule
from activeloop.store.cache import Cache, cache_folder
from activeloop.types import JSON, OPEN, SKIP, Data, HeldOut, Labels, Learner, Model, Rows, TrainsTogether

BEHIND_COLON = {"sklearn": "estimator", "modal": "make"}  # learner -> the option that the rest of its name sets
CHUNK = 8192  # rows scored at a time, at most
FIRST_CHUNK = 256  # rows by which is found out how many bytes the evidence of a row takes
CHUNK_BYTES = 1 << 25  # of evidence at a time: 8,192 rows of 100 passes x 10 classes, and 83 of 100 x 1,000


@dataclass(frozen=True, eq=False)
class Setup:
    """A configuration made concrete: nothing here has trained yet, and all names are resolved.

    start: None where the start is balanced:K or rows:FILE, which need no plan.
    spread: of pick "diverse", the selector that picks among rows of high score; None for other picks.
    """

    config: Config
    data: Data
    test: HeldOut | None
    learner: Learner
    start: Plan | None
    acquire: Plan
    spread: Plan | None

    def uses(self, name: str) -> bool:
        """Whether acquiring asks for this."""
        return self.acquire.uses(name) or (self.spread is not None and self.spread.uses(name))

    @property
    def measures(self) -> bool:
        return self.test is not None or self.config.validation > 0


@dataclass(frozen=True, eq=False)
class Seen:
    """What there is to pick by: a selector's evidence, or the scores [n] of rows.

    notes: what providers said of the evidence that looks at the whole pool, by its name.
    """

    evidence: Mapping[str, Any] | None
    scores: NDArray[np.float64] | None
    notes: Mapping[str, Mapping[str, JSON]]


@dataclass(frozen=True, eq=False)
class Measured:
    """What a model reached.

    metrics: accuracy and balanced_accuracy (mean recall of the classes present) in [0, 1], loss in nats; empty where
    there is nothing to measure on.    confusion: [C, C], rows by true class and predicted class; None then.
    """

    metrics: Mapping[str, float]
    confusion: NDArray[np.int64] | None


def prepare(config: Config, data: Data, test: HeldOut | None) -> Setup:
    """Resolve learner, start and strategy. raises: ConfigError, UnknownName, MissingEvidence; trains nothing."""
    if config.budget > len(data):
        raise ConfigError(
            f"budget is {config.budget:,}, but the pool has {len(data):,} rows: lower it (--budget) or bring more data."
        )
    device = resolve_device(config.device)
    data = data.to(device)
    test = test and dataclasses.replace(test, data=test.data.to(device))
    learner = make_learner(config.learner)
    offers = learner.offers(data)
    if getattr(learner, "patience", 0) and not config.validation:
        raise ConfigError(
            "learner.options.patience stops training by the loss on validation labels, and validation is 0: set"
            " validation=50, say (they count against the budget), or patience=0."
        )
    if not isinstance(learner, TrainsTogether):
        offers = {name: shape for name, shape in offers.items() if name not in TOGETHER}
    start = None if is_special(config.start.strategy) else plan_of(config.start, config, {})
    acquire = plan_of(config.acquire, config, offers)
    spread = None if acquire.picks or config.acquire.pick != "diverse" else _plan_of_spread(config, offers)
    setup = Setup(config, data, test, learner, start, acquire, spread)
    check_rule(config, setup.measures)
    return setup


def plan_of(part: StartConfig | AcquireConfig, config: Config, offers: Mapping[str, str]) -> Plan:
    """The plan of the start or of acquiring. offers: what the learner's models give; nothing before there is one."""
    evidence = config.evidence if isinstance(part, AcquireConfig) else part.evidence
    plan = resolve(part.strategy, options=part.options, bind=_bound(part, config), evidence=evidence, offers=offers)
    if isinstance(part, StartConfig) and plan.trains:
        raise MissingEvidence(
            f"start strategy {part.strategy!r} needs a model, and nothing is labelled yet: start with random, k-center or"
            " k-means."
        )
    if isinstance(part, StartConfig) and not plan.picks:
        raise ConfigError(f"start strategy {part.strategy!r} scores rows; a start needs a selector such as k-center.")
    return plan


def _plan_of_spread(config: Config, offers: Mapping[str, str]) -> Plan:
    name = config.acquire.spread
    bind = _bound(config.acquire, config)
    plan = resolve(name, options={}, bind=bind, evidence=config.evidence, offers=offers)
    if not plan.picks or plan.uses("watched"):
        does = "looks at a history of training" if plan.picks else "scores rows"
        raise ConfigError(f"acquire.spread is {name!r}, which {does}; name a selector such as k-center or k-means++.")
    return plan


def _bound(part: StartConfig | AcquireConfig, config: Config) -> dict[str, str]:
    features = {"features": EMBEDDINGS} if config.data.features == EMBEDDINGS else {}
    return {**features, **part.bind}


def is_special(start: str) -> bool:
    """balanced:K and rows:FILE are done by the run itself."""
    return start.startswith(("balanced:", "rows:"))


def resolve_device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device is 'cuda', but torch sees no CUDA device here: use device='cpu' or 'auto'.")
    return device


def on_this_machine(config: Config) -> Config:
    """Device "auto" resolved: sums differ between devices, so the one that is used belongs to the fingerprint."""
    if config.device != "auto":
        return config
    return dataclasses.replace(config, device="cuda" if resolve_device("auto") == "cuda" else "cpu")


def make_learner(config: LearnerConfig) -> Learner:
    """The learner of that name; an option it does not have is refused with the nearest."""
    name, _, path = config.name.partition(":")
    given = dict(config.options)
    if path and name in BEHIND_COLON:
        given[BEHIND_COLON[name]] = path
    elif path:
        name = config.name
    make = catalogue.find("learners", name)
    if not dataclasses.is_dataclass(make):
        return cast(Learner, make(**checked_options(make, given, name)))
    known = {entry.name: entry for entry in dataclasses.fields(make)}
    if name == "sklearn" and "estimator" not in given:
        raise ConfigError("learner 'sklearn' needs a classifier: sklearn:sklearn.linear_model.LogisticRegression.")
    for key, value in given.items():
        check_option(name, key, value, {key: entry.default for key, entry in known.items()})
    return cast(Learner, make(**given))


def measure(setup: Setup, model: Model, validation: Labels) -> Measured:
    """Model -> what it reached, on the test set where there is one, else on the validation rows.

    raises: BadScores where the model has diverged.
    """
    if setup.test is not None:
        labels, rows = setup.test.labels, np.arange(len(setup.test.labels))
        probs = model.on(setup.test.data).probs(rows)
    else:
        rows = np.flatnonzero(validation >= 0)
        if not len(rows):
            return Measured({}, None)
        labels, probs = validation[rows], model.probs(rows)
    if probs.shape != (len(rows), len(setup.data.classes)):
        raise BadScores(
            f"the model gave probs {list(probs.shape)}; they must be [{len(rows)}, {len(setup.data.classes)}]."
        )
    check("probs", probs, rows)  # nan would reach the journal, which refuses it in words that help nobody
    return Measured(metrics(probs, labels), confusion(probs, labels))


def metrics(probs: Tensor, labels: Labels) -> dict[str, float]:
    """accuracy, balanced_accuracy and loss of predictions [n, C] against labels [n]."""
    p = probs.double().cpu().numpy()
    right = p.argmax(axis=1) == labels
    recalls = [right[labels == label].mean() for label in np.unique(labels)]
    likelihood = np.maximum(p[np.arange(len(labels)), labels], np.finfo(np.float32).tiny)
    return {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(recalls)),
        "loss": float(-np.log(likelihood).mean()),
    }


def confusion(probs: Tensor, labels: Labels) -> NDArray[np.int64]:
    """[C, C], rows by true class and most probable class. probs: [n, C].    labels: [n]."""
    counts = np.zeros((probs.shape[1], probs.shape[1]), dtype=np.int64)
    np.add.at(counts, (labels, probs.argmax(dim=1).cpu().numpy()), 1)
    return counts


def candidates(config: Config, plan: Plan, labels: Labels, pickable: Rows, round: int) -> Rows:
    """The rows that a strategy looks at, ascending: open ones, and the labelled ones too where it asks for `labels`."""
    if config.candidates and config.candidates < len(pickable):
        drawn = rng(config.seed, round, "candidates").choice(pickable, config.candidates, replace=False)
        pickable = np.sort(drawn)
    return np.union1d(pickable, np.flatnonzero(labels >= 0)) if plan.sees_labelled else pickable


def at_hand(given: Mapping[str, Any], rows: Rows, labels: Labels, n: int, chance: Generator) -> dict[str, Any]:
    """What a strategy and its providers may ask for. `labels`: [N], where all that must not be picked is not OPEN."""
    held = torch.from_numpy(labels[rows]).to(given["data"].inputs.device)
    return {**given, "rows": rows, "labels": held, "n": n, "rng": chance}


def of_pool(config: Config, data: Data, labels: Labels) -> dict[str, Any]:
    """What providers that look at the whole pool are given besides: the same in every round.

    labels: [N], those that a model may train on.
    """
    folder = Path(config.data.cache) if config.data.cache is not None else cache_folder()
    cache = Cache(folder / "evidence")
    return {"data": data, "training": labels, "pool_seed": derive(config.seed, 0, "pool"), "cache": cache}


def look(plan: Plan, hand: Mapping[str, Any]) -> Seen:
    """Rows at hand -> the evidence of a selector, or the scores of a function that scores, a chunk of rows at a time.

    raises: BadScores where evidence or scores break their contract.
    """
    if plan.picks:
        found = gather(plan, hand)
        return Seen(found.values, None, found.notes)
    whole = whole_pool(plan, hand)

    def seen(part: slice) -> Mapping[str, Any]:
        here = {**hand, "rows": hand["rows"][part], "labels": hand["labels"][part]}
        return gather(plan, here, whole).values

    scores = in_chunks(plan, seen, len(hand["rows"]))
    return Seen(None, scores, {name: found.notes for name, found in whole.items()})


def choose(plan: Plan, how: AcquireConfig, seen: Seen, hand: Mapping[str, Any]) -> Rows:
    """Evidence or scores -> n rows, in the order picked. raises: BadScores where they are not n different open rows."""
    free = hand["labels"].cpu().numpy() == OPEN
    if seen.scores is not None:
        if how.pick == "diverse":  # those that `among` then chooses from
            at = pick(seen.scores, free, min(how.among * hand["n"], int(free.sum())), hand["rng"])
        else:
            at = pick(seen.scores, free, hand["n"], hand["rng"], how=how.pick, beta=how.beta, shift=how.shift)
    else:
        at = _checked(plan.strategy, plan.function(**seen.evidence or {}, **plan.options), free, hand["n"])
    picked: Rows = hand["rows"][at]
    return picked


def among(plan: Plan, rows: Rows, labels: Labels, hand: Mapping[str, Any]) -> Rows:
    """Of these rows the n that a selector picks, in its order; labelled rows count as chosen where it looks at them.

    labels: [N], as for `at_hand`.    hand: what `choose` was given.
    """
    at = np.union1d(rows, np.flatnonzero(labels >= 0)) if plan.sees_labelled else np.sort(rows)
    closed = np.where(np.isin(np.arange(len(labels)), rows) | (labels >= 0), labels, SKIP)
    fewer = at_hand(hand, at, closed, hand["n"], hand["rng"])
    return choose(plan, AcquireConfig(), look(plan, fewer), fewer)


def in_chunks(plan: Plan, seen: Callable[[slice], Mapping[str, Any]], rows: int) -> NDArray[np.float64]:
    """The scores [rows] of the plan's function, with the evidence of a few rows at a time: as many as `CHUNK_BYTES` hold.

    seen: positions -> what the function asks for, of the rows there.
    raises: BadScores for scores of another shape.
    """
    found: list[NDArray[np.float64]] = []
    done, step = 0, FIRST_CHUNK
    while done < rows:
        part = slice(done, min(done + step, rows))
        values = seen(part)
        size = sum(value.nbytes for value in values.values() if isinstance(value, Tensor) and value.dim())
        found.append(_scored(plan.strategy, plan.function(**values, **plan.options), part.stop - part.start))
        step = max(1, min(CHUNK, CHUNK_BYTES * (part.stop - part.start) // max(size, 1)))
        done = part.stop
    return np.concatenate(found) if found else np.empty(0)


def _scored(strategy: str, scores: Tensor, rows: int) -> NDArray[np.float64]:
    if not isinstance(scores, Tensor) or scores.shape != (rows,):
        shape = list(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise BadScores(f"{strategy!r} gave {shape} for {rows} rows; it must give a tensor [{rows}].")
    told: NDArray[np.float64] = scores.double().cpu().numpy()
    return told


def _checked(strategy: str, picks: Tensor, free: np.ndarray[Any, Any], n: int) -> Any:
    """Positions as an array, if they are n, all different and all open."""
    at = torch.as_tensor(picks).cpu().numpy()
    inside = at[(at >= 0) & (at < len(free))]
    if len(at) != n or len(np.unique(at)) != n or len(inside) != n or not free[inside].all():
        taken = int((~free[inside]).sum())
        raise BadScores(
            f"{strategy!r} gave {len(at)} picks, {len(np.unique(at))} of them different, {len(at) - len(inside)} outside"
            f" 0…{len(free) - 1} and {taken} not open; it must give {n} different open positions."
        )
    return at


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Sums change with the number of threads, so a run fixes it for torch and BLAS, and puts it back.

    On CUDA, convolutions are held to one algorithm: the one that a timing would choose may differ from run to run.
    """
    from threadpoolctl import threadpool_limits

    before, cudnn = torch.get_num_threads(), torch.backends.cudnn
    was_deterministic, was_timed = cudnn.deterministic, cudnn.benchmark
    torch.set_num_threads(count)
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)
        cudnn.deterministic, cudnn.benchmark = was_deterministic, was_timed
