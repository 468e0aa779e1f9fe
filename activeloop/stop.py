"""When a run ends by itself. Rules are plain functions of what was measured or predicted so far, live and replayed.

A rule's positional parameter says what it looks at: `values` [rounds], of a metric of which more is better, or
`predictions` [rounds, rows], class ids of the watched rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from activeloop.config import Config
from activeloop.errors import ConfigError
from activeloop.fold import State
from activeloop.inject import checked_options, needs

Predictions = NDArray[np.int64]  # [rounds, rows]
WATCHED = 1000  # rows, where a rule wants predictions and `stop.watch` does not say how many


def plateau(values: Sequence[float], *, window: int = 5, gain: float = 0.005) -> bool:
    """The best of the last `window` rounds is less than `gain` above the best before them.

    Cheap and blind: it sees what the test or validation rows can tell, and takes a slow stretch for the end.
    """
    if len(values) <= window:
        return False
    return max(values[-window:]) - max(values[:-window]) < gain


def stabilising(predictions: Predictions, *, window: int = 3, agreement: float = 0.99) -> bool:
    """Successive models agree on the watched rows: Cohen's kappa averages `agreement` or more over `window` pairs.

    Needs no labels, so that it costs none and does not depend on how few there are to measure on. Kappa is one where two
    models say the same, zero where they agree no more than chance would.
    source: Bloodgood & Vijay-Shanker 2009, arXiv:1409.5165, whose cutoff and window these are.
    """
    if len(predictions) <= window:
        return False
    pairs = zip(predictions[-window - 1 : -1], predictions[-window:], strict=True)
    return float(np.mean([kappa(before, after) for before, after in pairs])) >= agreement


def classification_change(predictions: Predictions, *, window: int = 2, change: float = 0.01) -> bool:
    """In each of the last `window` rounds at most a fraction `change` of the watched rows changed its class.

    source: Zhu, Wang & Hovy 2008, who ask for no change at all in one round: nets trained anew each time never give that.
    """
    if len(predictions) <= window:
        return False
    changed = (predictions[-window:] != predictions[-window - 1 : -1]).mean(axis=1)
    return bool((changed <= change).all())


RULES: Mapping[str, Callable[..., bool]] = {
    "plateau": plateau,
    "stabilising": stabilising,
    "classification-change": classification_change,
}


def kappa(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Cohen's kappa of two classifications of the same rows; one where both name a single class and it is the same."""
    agreed = float((one == other).mean())
    by_chance = float(sum((one == label).mean() * (other == label).mean() for label in np.unique(one)))
    return 1.0 if by_chance == 1.0 else (agreed - by_chance) / (1 - by_chance)


def looks_at_predictions(rule: str) -> bool:
    return "predictions" in needs(RULES[rule])


def watched(config: Config) -> int:
    """How many rows are watched, if the pool has as many."""
    if config.stop.watch or not config.stop.rule or not looks_at_predictions(config.stop.rule):
        return config.stop.watch
    return WATCHED


def check_rule(config: Config, is_measured: bool) -> None:
    """raises: ConfigError for an option that the rule does not have, or a rule that would never see a value."""
    if not config.stop.rule:
        if config.stop.options:
            raise ConfigError(
                f"stop.options are {config.stop.options} without a rule: set stop.rule, one of {', '.join(RULES)}."
            )
        return
    checked_options(RULES[config.stop.rule], config.stop.options, config.stop.rule)
    if config.stop.options.get("window", 1) < 1:
        raise ConfigError(f"stop.options.window is {config.stop.options['window']}; it must be 1 or more.")
    if not is_measured and not looks_at_predictions(config.stop.rule):
        raise ConfigError(
            f"stop.rule {config.stop.rule!r} looks at {config.stop.metric}, and nothing is measured: bring a test set, set"
            " validation, or take the rule 'stabilising'."
        )


def reason_to_stop(state: State, config: Config, predictions: Predictions | None = None) -> str | None:
    """ "budget", "pool", "target" or the rule's name; None to go on. `state` is measured on all labels told so far.

    predictions: of every round so far, where rows are watched.
    """
    if state.told >= config.budget:
        return "budget"
    if not len(state.pickable):
        return "pool"
    latest = {measure.round: measure.metrics[config.stop.metric] for measure in state.measures if measure.metrics}
    values = list(latest.values())
    if config.stop.target is not None and values and values[-1] >= config.stop.target:
        return "target"
    rule = config.stop.rule
    if rule and RULES[rule](predictions if looks_at_predictions(rule) else values, **config.stop.options):
        return rule
    return None
