"""What a strategy may ask for by name, resolved to a plan before any training, and gathered once a round.

Strategies see this closed vocabulary alone, and no model is in it:

    rows        [n] dataset ids at hand          labels      [n] class id, -1 open, -2 skipped
    inputs      [n, ...] as the source has them  features    [n, D], what geometry is measured on
    probs       [n, C] of this round's model     samples     [n, K, C] stochastic passes or members
    embeddings  [n, D] of this round's model     history     [n, E, C] probabilities after every epoch
    early       [n, M, C] of M early models      reference   [n] class id that stands in for the unknown label
    early_lengths [n, M] of their embeddings     clusters    [n] group of each row, numbered in an order of its own
    difficulty  [n], high is hard                cutoff      [], the fraction of hardest rows to leave out
    targets     [T, K, C] samples of rows drawn from the pool
    n, rng      how many picks, and chance: a function with `n` picks, one without scores row by row

A function that asks for `labels` sees the labelled rows too; one that does not sees open rows only. Providers, which
give evidence, are functions of the same kind. Only those that ship here may ask for `model`, `last_model`, `data`,
`watched`, `training` (labels, [N]), `train`, `seed`, and `sampler`, which gives `samples` of other rows than those at hand
by the very networks that the samples are from.

A provider that asks for no `rows` and no model looks at the whole pool: it is computed once over all of it, whatever rows
are at hand, and what was computed with a `seed` (so may have trained for minutes) is kept in a cache by the content of all
it saw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from activeloop import catalogue
from activeloop.errors import BadScores, ConfigError, MissingEvidence, UnknownName, nearest
from activeloop.inject import checked_options, needs, options
from activeloop.store.cache import Cache, content, key_of
from activeloop.types import JSON, Data, Model, Noted, Rows

GIVEN = ("rows", "labels", "n", "rng")
INTERNAL = ("model", "last_model", "data", "watched", "training", "train", "seed", "sampler")
VOCABULARY = (
    *GIVEN, "inputs", "features", "probs", "samples", "embeddings", "history", "early", "early_lengths", "reference",
    "difficulty", "cutoff", "targets", "clusters",
)  # fmt: skip
# evidence -> the provider that gives it
DEFAULTS = {"features": "pixels", "reference": "previous", "difficulty": "proxy", "cutoff": "prior"}
TOGETHER = ("early", "early_lengths", "ensemble")  # of several models, which a round trains besides
OFFERED = ("probs", "samples", "embeddings", "history", *TOGETHER)  # evidence that depends on the learner
AT_HAND = ("labels", "n", "rng", "watched")  # what is known of the rows at hand alone, so that no `sampler` has it
UNNAMED = ("clusters", "agglomerative")  # providers whose numbers are no class ids
# what a provider that looks at the whole pool, once for all rounds, cannot ask for
OF_A_ROUND = frozenset(
    (
        "rows",
        "model",
        "last_model",
        "train",
        "sampler",
        "probs",
        "samples",
        "embeddings",
        "history",
        "early",
        "early_lengths",
        "targets",
    )
)
AXES = {
    "probs": 2, "samples": 3, "history": 3, "early": 3, "early_lengths": 2, "features": 2, "embeddings": 2, "reference": 1,
    "difficulty": 1, "cutoff": 0, "targets": 3, "clusters": 1,
}  # fmt: skip
NOT_BY_ROW = ("targets", "cutoff")  # what there is not one of for every row
ROWS = 8192  # looked at at a time where only a yes or no comes of them
FORMAT = 1  # raise when providers give other results for the same arguments, so that old caches are not taken
PRECISIONS = ("float32", "bfloat16")
SUM_TOLERANCE = 1e-3  # of probabilities; bf16 rounds to 4e-3 a class, and must be renormalised before it comes here


@dataclass(frozen=True)
class Step:
    """One piece of evidence: `name` is given by `function`, called `provider` in the catalogue."""

    name: str
    provider: str
    function: Callable[..., Any]
    options: Mapping[str, Any]

    @property
    def is_whole(self) -> bool:
        """Whether it looks at the whole pool rather than at the rows at hand, and so at no model of a round."""
        return not OF_A_ROUND & set(needs(self.function))

    @property
    def is_trained(self) -> bool:
        """Whether that may take minutes, so that it is kept in a cache."""
        return self.is_whole and "seed" in needs(self.function)


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
    if strategy in catalogue.PRESETS:
        bind, evidence, options = catalogue.PRESETS[strategy].under(bind, evidence, options)
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
    _check_sampled(strategy, steps)
    _check_named(strategy, function, steps)
    return Plan(strategy, function, checked_options(function, options, strategy), tuple(steps.values()))


def _check_sampled(strategy: str, steps: Mapping[str, Step]) -> None:
    """Samples of rows that are not at hand must not need what is known of those at hand alone."""
    if not any("sampler" in needs(step.function) for step in steps.values()):
        return
    waiting, provider = ["samples"], steps["samples"].provider
    while waiting:
        name = waiting.pop()
        if name in AT_HAND:
            raise ConfigError(
                f"{strategy!r} compares rows with others of the pool, and samples by {provider!r} need {name!r}, which is"
                " known of the rows at hand alone: bind 'samples' to 'samples', 'ensemble' or 'laplace'."
            )
        waiting += needs(steps[name].function) if name in steps else ()


def _check_named(strategy: str, function: Callable[..., Any], steps: Mapping[str, Step]) -> None:
    """Where a reference is set beside a model's predictions, it must number classes as the model does."""
    if not {"history", "early"} & set(needs(function)) or "reference" not in steps:
        return
    if steps["reference"].provider in UNNAMED:
        raise ConfigError(
            f"{strategy!r} compares a model's classes with its reference, and {steps['reference'].provider!r} numbers its"
            " groups in an order of its own: bind 'reference' to 'named-clusters'."
        )


def _add(
    name: str,
    chain: tuple[str, ...],
    steps: dict[str, Step],
    bind: Mapping[str, str],
    evidence: Mapping[str, Mapping[str, Any]],
    offers: Mapping[str, str],
) -> None:
    name = "samples" if name == "sampler" else name
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
        "samples": "Use a net with dropout (learner.options.net=cnn, or net_options.dropout=0.3), or bind 'samples' to"
        " 'laplace' (any net that ends in a linear layer) or to 'ensemble'.",
        "embeddings": "Use a learner whose nets have a last layer with weights (learner.name=supervised).",
        "history": "Use a learner that trains by epochs (learner.name=supervised).",
        "early": "Use a learner that trains by epochs (learner.name=supervised).",
        "ensemble": "Use a learner that trains several models (learner.name=supervised).",
        "early_lengths": "Use a learner whose nets have a last layer with weights (learner.name=supervised).",
    }.get(provider, f"Use a learner that offers {provider!r}.")


@dataclass(frozen=True)
class Gathered:
    """values: what the strategy asks for, by name.    notes: what providers said of it, by name."""

    values: Mapping[str, Any]
    notes: Mapping[str, Mapping[str, JSON]]


def gather(plan: Plan, given: Mapping[str, Any], whole: Mapping[str, Noted] | None = None) -> Gathered:
    """Everything that the strategy asks for, of the rows at hand.

    given: values of GIVEN and INTERNAL, as far as the plan uses them.    whole: as `whole_pool` gives it, where rows are
    looked at in parts.
    raises: BadScores for probabilities or features that break their contract, naming the first offender.
    """
    whole = whole_pool(plan, given) if whole is None else whole
    values = _found(plan, needs(plan.function), given, whole)
    return Gathered(
        {name: values[name] for name in needs(plan.function)}, {name: found.notes for name, found in whole.items()}
    )


def _found(plan: Plan, names: Sequence[str], given: Mapping[str, Any], whole: Mapping[str, Noted]) -> dict[str, Any]:
    """`given` with evidence of these names, and with all that it needs, of the rows in it."""
    rows = given["rows"]
    values = {**given, **{name: _at(found.value, rows) for name, found in whole.items()}}
    values["sampler"] = lambda others: _found(plan, ["samples"], {**given, "rows": others}, whole)["samples"]
    for step in _needed(plan, names, whole):
        values[step.name] = _told(step, values, rows).value
    return values


def whole_pool(plan: Plan, given: Mapping[str, Any]) -> dict[str, Noted]:
    """The evidence of the plan that looks at the whole pool, computed over all of it or recalled.

    given: also `pool_seed`, the same in every round, and `cache`, a Cache or None.
    """
    steps = [step for step in plan.steps if step.is_whole]
    if not steps:
        return {}
    rows = np.arange(len(given["data"]))
    values = {**given, "rows": rows, "seed": given["pool_seed"]}
    found: dict[str, Noted] = {}
    for step in _needed(plan, [step.name for step in steps], found):
        told = _recalled(step, values, rows, given.get("cache"))
        values[step.name] = told.value
        if step.is_whole:
            found[step.name] = told
    return found


def _needed(plan: Plan, names: Sequence[str], ready: Mapping[str, Noted]) -> list[Step]:
    """The steps that give these names and whatever they need, in the order of computing, but for what is ready."""
    by_name = {step.name: step for step in plan.steps}
    wanted, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in ready and name not in wanted:
            wanted.add(name)
            waiting += needs(by_name[name].function)
    return [step for step in plan.steps if step.name in wanted]


def _recalled(step: Step, values: Mapping[str, Any], rows: Rows, cache: Cache | None) -> Noted:
    """From the cache where it is there; else computed, by one process at a time, and kept."""
    if cache is None or not step.is_trained:
        return _told(step, values, rows)
    key = _key(step, values)
    with cache.alone(key):
        found = cache.recall(key)
        if found is None:
            found = _told(step, values, rows)
            cache.keep(key, found)
    return Noted(found.value.to(values["data"].inputs.device), found.notes)


def _told(step: Step, values: Mapping[str, Any], rows: Rows) -> Noted:
    found = step.function(**{need: values[need] for need in needs(step.function)}, **step.options)
    found = found if isinstance(found, Noted) else Noted(found, {})
    check(step.name, found.value, rows)
    return found


def _key(step: Step, values: Mapping[str, Any]) -> str:
    """Of all that the provider sees, and of what else its sums depend on."""
    seen: dict[str, JSON] = {"format": FORMAT, "threads": torch.get_num_threads(), "provider": _name(step.function)}
    seen |= {name: repr(value) for name, value in {**options(step.function), **step.options}.items()}
    for need in needs(step.function):
        value = values[need]
        if isinstance(value, Data):
            parts = (value.inputs, value.mean, value.std)
            seen[need] = [*map(content, parts), len(value.classes), repr(value.augment), value.inputs.device.type]
        else:
            seen[need] = [content(value), value.device.type] if isinstance(value, Tensor) else repr(value)
    return key_of(seen)


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def _at(value: Tensor, rows: Rows) -> Tensor:
    return value[torch.from_numpy(rows).to(value.device)] if value.dim() else value


def check(name: str, found: Tensor, rows: Rows) -> None:
    """Refuse evidence that breaks its contract. raises: BadScores."""
    if not isinstance(found, Tensor) or found.dim() != AXES.get(name, found.dim()):
        shape = list(found.shape) if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise BadScores(
            f"evidence {name!r} is {shape}; it must be a tensor with {AXES.get(name, 'some')} axes, rows first."
        )
    if found.dim() and len(found) != len(rows) and name not in NOT_BY_ROW:
        raise BadScores(f"evidence {name!r} has {len(found)} entries, but {len(rows)} rows are at hand.")
    if name in ("features", "embeddings"):
        finite = torch.cat([torch.isfinite(part).all(dim=1) for part in torch.split(found, ROWS)])  # bounded memory
        _refuse(~finite, rows, f"{name} are nan or infinite; repair or drop those rows")
    if name in ("difficulty", "cutoff"):
        _refuse(
            ~torch.isfinite(found.reshape(-1)), rows, f"{name} is nan or infinite; look at the provider that gives it"
        )
    if name in ("probs", "samples", "history", "early", "targets"):
        off = ((found.sum(dim=-1) - 1).abs() < SUM_TOLERANCE) & (found >= 0).all(dim=-1)
        _refuse(~off.reshape(len(found), -1).all(dim=1), np.arange(len(found)) if name == "targets" else rows,
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
    if len(rows) == len(seen):  # all of them, as rows at hand are ascending: a memory map stays one
        return seen.flatten(1).float()
    return seen[torch.as_tensor(rows, device=seen.device)].flatten(1).float()


def probs(model: Model, rows: Rows) -> Tensor:
    """[n, C], the model's predictions."""
    return model.probs(rows)


def samples(model: Model, rows: Rows, data: Data, seed: int, *, passes: int = 20, precision: str = "float32") -> Tensor:
    """[n, K, C], `passes` stochastic passes, or the members of a committee; pass k is the same network for every row.

    precision: "bfloat16" runs products in it, faster where the processor has it; benchmarks/mc_dropout.py says which picks
    that changes.
    raises: ConfigError for another precision.
    """
    if precision not in PRECISIONS:
        raise ConfigError(
            f"evidence.samples.precision is {precision!r}{nearest(precision, PRECISIONS)} Allowed are"
            f" {' and '.join(map(repr, PRECISIONS))}."
        )
    with torch.autocast(data.mean.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        return model.samples(rows, passes, seed)


def embeddings(model: Model, rows: Rows) -> Tensor:
    """[n, D], what the model's last layer sees."""
    return model.embed(rows)


def history(model: Model, rows: Rows, watched: Rows) -> Tensor:
    """[n, E, C], predictions after every epoch of this round's training."""
    recorded = model.history()
    return recorded[torch.from_numpy(np.searchsorted(watched, rows)).to(recorded.device)].float()
