"""What a run will take, before it takes it: shapes, bytes and time, by one timed step and one timed look. Trains nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch.nn.functional import cross_entropy

from activeloop.evidence import AXES, Plan, Step
from activeloop.inject import options
from activeloop.learners.loop import look_rows
from activeloop.learners.supervised import Supervised
from activeloop.providers.early import early_epoch
from activeloop.rounds import CHUNK, CHUNK_BYTES, Setup
from activeloop.types import Data

TIMES = 5  # the fastest of so many: what the machine can do when nothing else runs
DOUBLE, FLOAT, HALF = 8, 4, 2  # bytes


@dataclass(frozen=True)
class Line:
    """One room of the plan.    shape: in words.    size: bytes held at once; 0 where nothing is."""

    room: str
    what: str
    shape: str
    size: int = 0


@dataclass(frozen=True)
class Cost:
    """Seconds of one training step, and of looking at one row once."""

    step_s: float
    row_s: float


def rooms(setup: Setup) -> list[Line]:
    """The plan of a round, room by room, from the start to the pick."""
    config, data = setup.config, setup.data
    n = config.candidates or len(data)
    lines = [Line("pool", "inputs", _shape(data), data.inputs.numel() * data.inputs.element_size())]
    if setup.start is None:
        lines.append(Line("start", config.start.strategy, "rows until it is done"))
    else:
        lines += [_evidence(setup, step, len(data), "start") for step in setup.start.steps]
        lines.append(Line("start", setup.start.strategy, f"{config.start.size} rows"))
    lines.append(Line("fit", *_learner(setup)))
    lines += [_evidence(setup, step, n, "look") for step in setup.acquire.steps]
    kind = "picks" if setup.acquire.picks else f"scores [{n}] float64, then {_how(setup)}"
    lines.append(
        Line(
            "pick", setup.acquire.strategy, f"{kind}: {config.query} rows a round", 0 if setup.acquire.picks else 8 * n
        )
    )
    return lines


def fits(setup: Setup) -> list[int]:
    """Labels held at each training of the whole run."""
    config = setup.config
    first = config.start.size if setup.start is not None else min(len(setup.data.classes), config.budget)
    told = list(range(first + config.validation, config.budget, config.query))
    return [labels - config.validation for labels in [*told, config.budget]]


def seconds(setup: Setup, cost: Cost) -> float:
    """All trainings and looks of the run; picking and writing are left out."""
    assert isinstance(setup.learner, Supervised)
    learner, n = setup.learner, setup.config.candidates or len(setup.data)
    test = len(setup.test.labels) if setup.test is not None else setup.config.validation
    trainings, total = fits(setup), 0.0
    for labels in trainings:
        epochs = learner.epochs_for(labels)
        models, stop = _early(setup.acquire, epochs)
        whole = 1 + sum(_models(step) for step in setup.acquire.steps if step.provider == "ensemble")
        steps = whole * learner.steps_for(labels) + models * stop * learner.steps_an_epoch(labels)
        total += steps * cost.step_s + test * cost.row_s
        if labels < trainings[-1]:  # the last model picks nothing
            total += sum(_looks(setup, step, epochs) for step in setup.acquire.steps) * n * cost.row_s
    return total


def measured(setup: Setup) -> Cost | None:
    """One step and one look on this machine, on rows of this pool, with weights that are then thrown away."""
    if not isinstance(setup.learner, Supervised):
        return None
    learner, data = setup.learner, setup.data
    net = learner.tried(data)  # in the layout that training has
    rows = torch.arange(min(learner.batch, len(data)))
    labels = torch.zeros(len(rows), dtype=torch.int64, device=data.mean.device)

    def step() -> None:
        cross_entropy(net.train()(data.batch(rows)), labels).backward()  # type: ignore[no-untyped-call]

    seen = torch.arange(min(look_rows(data), len(data)))

    @torch.inference_mode()
    def look() -> None:
        net.eval()(data.batch(seen))

    return Cost(_fastest(step), _fastest(look) / len(seen))


def uncounted(setup: Setup) -> list[str]:
    """Providers that train on the whole pool, once and for all runs on it: their time is in no estimate."""
    steps = [*(setup.start.steps if setup.start is not None else ()), *setup.acquire.steps]
    return list(dict.fromkeys(step.provider for step in steps if step.is_trained))


def parameters(setup: Setup) -> int:
    """Weights of the net; 0 for other learners."""
    if not isinstance(setup.learner, Supervised):
        return 0
    return sum(weight.numel() for weight in setup.learner.build(setup.data).parameters())


def _learner(setup: Setup) -> tuple[str, str]:
    if not isinstance(setup.learner, Supervised):
        return setup.config.learner.name, "in one go"
    labels = [fits(setup)[0], fits(setup)[-1]]
    steps = "…".join(f"{setup.learner.steps_for(count):,}" for count in labels)
    return (
        f"supervised, net {setup.learner.net}",
        f"{parameters(setup):,} weights, {steps} steps of {setup.learner.batch}",
    )


def _how(setup: Setup) -> str:
    """The pick, and where it is "diverse", what it chooses among by what."""
    how = setup.config.acquire
    return how.pick if setup.spread is None else f"{how.spread} among the {how.among * setup.config.query} highest"


def _evidence(setup: Setup, step: Step, n: int, room: str) -> Line:
    """The evidence of a function that scores is held a chunk at a time; a selector's is held whole."""
    if step.is_whole:  # a number a row of the pool, or a single one
        whole = len(setup.data) if AXES[step.name] else 1
        return Line(room, _said(step), f"[{whole}], once for all rounds", DOUBLE * whole)
    if step.name == "targets":
        count = int(str({**options(step.function), **step.options}["count"]))
        passes = next((_inner(setup, each)[0] for each in setup.acquire.steps if each.name == "samples"), ())
        drawn = [min(count, len(setup.data)), *passes]
        return Line(room, _said(step), str(drawn), prod(drawn) * FLOAT)
    inner, item = _inner(setup, step)
    a_chunk = max(1, min(CHUNK, CHUNK_BYTES // (prod(inner) * item)))
    held = n if room == "start" or setup.acquire.picks else min(n, a_chunk)
    shape = f"[{held}{''.join(f', {length}' for length in inner)}]"
    more = "" if held == n else f", {-(-n // held)} times"
    size = (
        prod([n if step.name == "history" else held, *inner]) * item
    )  # history is recorded for all rows while fitting
    return Line(room, _said(step), shape + more, size)


def _said(step: Step) -> str:
    return f"{step.name} by {step.provider}" if step.name != step.provider else step.name


def _inner(setup: Setup, step: Step) -> tuple[tuple[int, ...], int]:
    """Shape behind the rows, and bytes of an item."""
    classes = len(setup.data.classes)
    given = {**options(step.function), **step.options}
    epochs = setup.learner.epochs_for(setup.config.budget) if isinstance(setup.learner, Supervised) else 0
    looks = min(setup.learner.looks or epochs, epochs) if isinstance(setup.learner, Supervised) else 0
    offered = setup.learner.offers(setup.data).get("embeddings", "0]").strip("[n, ]")
    inner: dict[str, tuple[int, ...]] = {
        "probs": (classes,),
        "samples": (_passes(setup, step), classes),
        "history": (looks, classes),
        "early": (int(str(given.get("models", 0))), classes),
        "early_lengths": (_early(setup.acquire, epochs)[0],),
        "ensemble": (int(str(given.get("models", 0))), classes),
        "laplace": (int(str(given.get("passes", 0))), classes),
        "snapshots": (min(int(str(given.get("last", 0))), looks), classes),
        "embeddings": (int(offered),),
        "pixels": (prod((setup.data.inputs if setup.data.features is None else setup.data.features).shape[1:]),),
        "inputs": tuple(setup.data.inputs.shape[1:]),
    }
    return inner.get(step.provider, ()), HALF if step.provider == "history" else FLOAT


def _looks(setup: Setup, step: Step, epochs: int) -> int:
    """Times that this evidence passes every row through a net; passes after a deterministic trunk count as one."""
    if step.is_whole:
        return 0
    looks = setup.learner.looks if isinstance(setup.learner, Supervised) else 0
    passes = {
        "history": min(looks or epochs, epochs),
        "early": _early(setup.acquire, epochs)[0],
        "early_lengths": _early(setup.acquire, epochs)[0],
        "ensemble": _models(step),
        "snapshots": 0,
        "laplace": 0,  # it reads the embeddings, whose look counts
        "pixels": 0,
        "neighbours": 0,
    }
    return passes.get(step.provider, 1)


def _passes(setup: Setup, step: Step) -> int:
    """As many as the learner has members, where it says so; else those asked for."""
    offered = setup.learner.offers(setup.data).get("samples", "[n, K]").strip("[]").split(", ")[1]
    return int(offered) if offered.isdigit() else int(str({**options(step.function), **step.options}.get("passes", 0)))


def _models(step: Step) -> int:
    return int(str({**options(step.function), **step.options}.get("models", 0)))


def _early(plan: Plan, epochs: int) -> tuple[int, int]:
    """How many models are trained besides, and for how many epochs."""
    for step in plan.steps:
        if step.provider == "early":
            given = {**options(step.function), **step.options}
            return int(str(given["models"])), early_epoch(epochs, int(str(given["epoch"])))
    return 0, 0


def _shape(data: Data) -> str:
    return f"{list(data.inputs.shape)} {str(data.inputs.dtype).removeprefix('torch.')}"


def _fastest(do: Callable[[], None]) -> float:
    best = float("inf")
    for _ in range(TIMES):
        began = time.perf_counter()
        do()
        if torch.cuda.is_available():
            torch.cuda.synchronize()  # else the launch is timed, not the work
        best = min(best, time.perf_counter() - began)
    return best
