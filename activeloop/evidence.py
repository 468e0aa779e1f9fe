"""What a strategy may ask for by name, resolved to a plan before any training, and gathered once a round.

Strategies see this closed vocabulary alone, and no model is in it:

    rows        [n] dataset ids at hand          labels      [n] class id, -1 open, -2 skipped
    inputs      [n, ...] as the source has them  features    [n, D], what geometry is measured on
    probs       [n, C] of this round's model     samples     [n, K, C] stochastic passes or members
    embeddings  [n, D] of this round's model     history     [n, E, C] probabilities after every epoch
    early       [n, M, C] of M early models      reference   [n] class id that stands in for the unknown label
    n, rng      how many picks, and chance: a function with `n` picks, one without scores row by row

A function that asks for `labels` sees the labelled rows too; one that does not sees open rows only. Providers, which
give evidence, are functions of the same kind. Only those that ship here may ask for `model`, `last_model`, `data`,
`watched`, `training` (labels, [N]) and `train`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from activeloop import catalogue
from activeloop.errors import BadScores, MissingEvidence, UnknownName, nearest
from activeloop.inject import checked_options, needs
from activeloop.types import Data, Model, Rows

GIVEN = ("rows", "labels", "n", "rng")
INTERNAL = ("model", "last_model", "data", "watched", "training", "train", "seed")
VOCABULARY = (*GIVEN, "inputs", "features", "probs", "samples", "embeddings", "history", "early", "reference")
DEFAULTS = {"features": "pixels", "reference": "previous"}  # evidence -> the provider that gives it
OFFERED = ("probs", "samples", "embeddings", "history", "early")  # evidence that depends on the learner
AXES = {"probs": 2, "samples": 3, "history": 3, "early": 3, "features": 2, "embeddings": 2, "reference": 1}
SUM_TOLERANCE = 1e-3  # of probabilities; bf16 rounds to 4e-3 a class, and must be renormalised before it comes here


@dataclass(frozen=True)
class Step:
    """One piece of evidence: `name` is given by `function`, called `provider` in the catalogue."""

    name: str
    provider: str
    function: Callable[..., Any]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """A strategy with all that it needs, in the order of computing."""

    strategy: str
    function: Callable[..., Any]
    options: Mapping[str, Any]
    steps: tuple[Step, ...]

    @property
    def picks(self) -> bool:
        """True for a selector; False for a function that scores."""
        return "n" in needs(self.function)

    @property
    def sees_labelled(self) -> bool:
        return "labels" in needs(self.function)

    def uses(self, name: str) -> bool:
        """Whether the strategy, or anything it needs, asks for this."""
        return any(name in needs(function) for function in (self.function, *(step.function for step in self.steps)))

    @property
    def trains(self) -> bool:
        """Whether it looks at a model at all."""
        return any(self.uses(name) for name in ("model", "last_model", "train"))


def resolve(
    strategy: str,
    *,
    options: Mapping[str, Any],
    bind: Mapping[str, str],
    evidence: Mapping[str, Mapping[str, Any]],
    offers: Mapping[str, str],
) -> Plan:
    """The plan of a strategy. `offers`: what the learner's models give; empty where there is no model yet.

    raises: UnknownName, MissingEvidence naming the chain of needs, ConfigError for options.
    """
    function = catalogue.find_strategy(strategy)
    for name in [*bind, *evidence]:
        if name not in VOCABULARY:
            raise UnknownName(
                f"no evidence is called {name!r}{nearest(name, VOCABULARY)} Evidence: {', '.join(VOCABULARY)}."
            )
    steps: dict[str, Step] = {}
    for name in needs(function):
        if name not in VOCABULARY:
            raise MissingEvidence(
                f"{strategy!r} asks for {name!r}{nearest(name, VOCABULARY)} A strategy may ask for"
                f" {', '.join(VOCABULARY)}; make anything else a keyword-only option."
            )
        _add(name, (strategy,), steps, bind, evidence, offers)
    return Plan(strategy, function, checked_options(function, options, strategy), tuple(steps.values()))


def _add(
    name: str,
    chain: tuple[str, ...],
    steps: dict[str, Step],
    bind: Mapping[str, str],
    evidence: Mapping[str, Mapping[str, Any]],
    offers: Mapping[str, str],
) -> None:
    if name in GIVEN or name in INTERNAL or name in steps:
        return
    provider = bind.get(name, DEFAULTS.get(name, name))
    story = " which needs ".join(f"{link!r}" for link in (*chain, name))
    if provider in OFFERED and provider not in offers:
        here = ", ".join(offers) if offers else "no model, since nothing is labelled yet"
        raise MissingEvidence(
            f"{chain[0]!r} cannot run: {story}, and this run offers {here}. {_remedy(provider, offers)}"
        )
    if name in chain:
        raise MissingEvidence(f"{chain[0]!r} cannot run: {story} again; bind {name!r} to another provider.")
    function = catalogue.find("evidence", provider)
    for need in needs(function):
        _add(need, (*chain, name), steps, bind, evidence, offers)
    steps[name] = Step(name, provider, function, checked_options(function, evidence.get(name, {}), name))


def _remedy(provider: str, offers: Mapping[str, str]) -> str:
    if not offers:
        return "Start with a selector that looks at inputs alone, such as random, k-center or k-means."
    return {
        "samples": "Use a net with dropout (learner.options.net=cnn, or net_options.dropout=0.3).",
        "history": "Use a learner that trains by epochs (learner.name=supervised).",
        "early": "Use a learner that trains by epochs (learner.name=supervised).",
    }.get(provider, f"Use a learner that offers {provider!r}.")


def gather(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of everything that the strategy asks for, by name.

    given: values of GIVEN and INTERNAL, as far as the plan uses them.
    raises: BadScores for probabilities or features that break their contract, naming the first offender.
    """
    values = dict(given)
    for step in plan.steps:
        found = step.function(**{need: values[need] for need in needs(step.function)}, **step.options)
        check(step.name, found, values["rows"])
        values[step.name] = found
    return {name: values[name] for name in needs(plan.function)}


def check(name: str, found: Tensor, rows: Rows) -> None:
    """Refuse evidence that breaks its contract. raises: BadScores."""
    if not isinstance(found, Tensor) or found.dim() != AXES.get(name, found.dim()):
        shape = list(found.shape) if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise BadScores(
            f"evidence {name!r} is {shape}; it must be a tensor with {AXES.get(name, 'some')} axes, rows first."
        )
    if len(found) != len(rows):
        raise BadScores(f"evidence {name!r} has {len(found)} entries, but {len(rows)} rows are at hand.")
    if name in ("features", "embeddings"):
        _refuse(~torch.isfinite(found).all(dim=1), rows, f"{name} are nan or infinite; repair or drop those rows")
    if name in ("probs", "samples", "history", "early"):
        off = ((found.sum(dim=-1) - 1).abs() < SUM_TOLERANCE) & (found >= 0).all(dim=-1)
        _refuse(~off.reshape(len(rows), -1).all(dim=1), rows,
                f"{name} are not probabilities (0 or more, summing to 1 within {SUM_TOLERANCE:g}): a diverged model (lower the"
                " learning rate), or logits given for probabilities")  # fmt: skip


def _refuse(bad: Tensor, rows: Rows, what: str) -> None:
    at = bad.nonzero().flatten()
    if len(at):
        raise BadScores(f"{len(at):,} of {len(rows):,} rows: {what}; the first is row {rows[int(at[0])]}.")


# The providers that only look. Those that must compute or train more live in `providers/`.


def inputs(data: Data, rows: Rows) -> Tensor:
    """[n, ...], the inputs as the data source has them."""
    return data.inputs[torch.as_tensor(rows, device=data.inputs.device)]


def pixels(data: Data, rows: Rows) -> Tensor:
    """[n, D] float32: the user's features where there are some, else the inputs, flattened."""
    seen = data.inputs if data.features is None else data.features
    return seen[torch.as_tensor(rows, device=seen.device)].flatten(1).float()


def probs(model: Model, rows: Rows) -> Tensor:
    """[n, C], the model's predictions."""
    return model.probs(rows)


def samples(model: Model, rows: Rows, seed: int, *, passes: int = 20) -> Tensor:
    """[n, K, C], `passes` stochastic passes; pass k is the same network for every row."""
    return model.samples(rows, passes, seed)


def embeddings(model: Model, rows: Rows) -> Tensor:
    """[n, D], what the model's last layer sees."""
    return model.embed(rows)


def history(model: Model, rows: Rows, watched: Rows) -> Tensor:
    """[n, E, C], predictions after every epoch of this round's training."""
    recorded = model.history()
    return recorded[torch.from_numpy(np.searchsorted(watched, rows)).to(recorded.device)].float()
