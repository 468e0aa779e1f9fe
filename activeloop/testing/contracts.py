"""What a strategy must keep: a check a line, each a function that raises AssertionError."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from activeloop.errors import ActiveloopError
from activeloop.evidence import NOT_BY_ROW, VOCABULARY
from activeloop.inject import needs
from activeloop.testing.evidence import (
    LABELLED,
    PROBABILITIES,
    ROWS,
    SKIPPED,
    call,
    evidence,
    taken,
)

Function = Callable[..., Any]
Check = Callable[[Function], None]
OPEN_ROWS = ROWS - LABELLED - SKIPPED


def picks(function: Function) -> bool:
    """Whether it picks rows rather than scoring them."""
    return "n" in needs(function)


def asks_for_the_vocabulary(function: Function) -> None:
    unknown = set(needs(function)) - set(VOCABULARY)
    assert not unknown, f"asks for {', '.join(sorted(unknown))}; a strategy may ask for {', '.join(VOCABULARY)}"


def says_what_comes_back(function: Function) -> None:
    text = function.__doc__ or ""
    assert "returns:" in text, "its docstring has no line `returns:` with shape, type and range"


def changes_nothing(function: Function) -> None:
    values, untouched = evidence(), evidence()
    call(function, values)
    for name, value in untouched.items():
        assert np.array_equal(np.asarray(values[name]), np.asarray(value)), f"it changes {name!r}, which others see too"


# functions that score


def gives_a_finite_number_a_row(function: Function) -> None:
    scores = call(function, evidence())
    assert isinstance(scores, Tensor), f"gives a {type(scores).__name__}, not a tensor"
    assert scores.shape == (ROWS,), f"gives {list(scores.shape)} for {ROWS} rows, not [{ROWS}]"
    assert bool(torch.isfinite(scores).all()), "gives nan or infinity for evidence that is finite"


def permuting_rows_permutes_scores(function: Function) -> None:
    values, order = evidence(), torch.randperm(ROWS, generator=torch.Generator().manual_seed(1))
    _equal(call(function, taken(values, order)), call(function, values)[order], "rows in another order")


def scores_in_chunks_as_at_once(function: Function) -> None:
    values = evidence()
    parts = [call(function, taken(values, torch.arange(a, b))) for a, b in ((0, 1), (1, 17), (17, ROWS))]
    _equal(torch.cat(parts), call(function, values), "rows looked at in three parts")


def refuses_nan_or_passes_it_on(function: Function) -> None:
    values, at = evidence(), 11
    asked = [name for name in needs(function) if name not in NOT_BY_ROW and _is_real(values.get(name))]
    for name in asked:
        values[name][at] = torch.nan
    if not asked:
        return
    try:
        scores = call(function, values)
    except ActiveloopError:
        return
    assert not bool(torch.isfinite(scores[at])), (
        f"gives {float(scores[at]):.3g} for a row whose {', '.join(asked)} is nan"
    )


# functions that pick


def picks_different_open_rows(function: Function) -> None:
    sees_labels = "labels" in needs(function)
    for n in (1, 5, OPEN_ROWS):
        values = evidence()
        found = _positions(call(function, values, n), n)
        if sees_labels:
            closed = [at for at in found if int(values["labels"][at]) != -1]
            assert not closed, f"picks positions {closed}, which are labelled or skipped"


def the_seed_decides(function: Function) -> None:
    first, again = (_positions(call(function, evidence(), 8, seed=3), 8) for _ in range(2))
    assert first == again, f"picks {first} and then {again} from the same evidence, n and rng"


def duplicates_are_picked_once(function: Function) -> None:
    values = evidence()
    values |= {name: torch.zeros_like(values[name]) for name in ("features", "embeddings")}
    values |= {name: values[name][:1].expand_as(values[name]) for name in PROBABILITIES}
    _positions(call(function, values, OPEN_ROWS), OPEN_ROWS)


ANY: Mapping[str, Check] = {
    "asks for words of the vocabulary": asks_for_the_vocabulary,
    "says what comes back": says_what_comes_back,
    "changes none of its evidence": changes_nothing,
}
SCORES: Mapping[str, Check] = {
    "gives a finite number a row": gives_a_finite_number_a_row,
    "permuting rows permutes scores": permuting_rows_permutes_scores,
    "scores in chunks as at once": scores_in_chunks_as_at_once,
    "refuses nan or passes it on": refuses_nan_or_passes_it_on,
}
PICKS: Mapping[str, Check] = {
    "picks so many different open rows": picks_different_open_rows,
    "the seed decides": the_seed_decides,
    "duplicates are picked once": duplicates_are_picked_once,
}


def of_strategy(function: Function) -> Mapping[str, Check]:
    """The checks that this one must pass, by what they say; first those without which the others mean nothing."""
    return {**ANY, **(PICKS if picks(function) else SCORES)}


def agrees_with(function: Function, reference: Function) -> None:
    """Equal scores, or equal picks at equal seeds, on several draws of evidence."""
    for seed in range(5):
        values = evidence(seed=seed)
        found, expected = (call(each, values, seed=seed) for each in (function, reference))
        if picks(function):
            assert found.tolist() == expected.tolist(), f"picks {found.tolist()}, the reference {expected.tolist()}"
        else:
            _equal(found, torch.as_tensor(expected), "the reference", 1e-6)


def _equal(found: Tensor, expected: Tensor, other: str, tolerance: float = 1e-9) -> None:
    apart = (found.double() - expected.double()).abs()
    worst = int(apart.argmax())
    assert bool((apart <= tolerance).all()), (
        f"gives {float(found[worst]):.9g} at position {worst} and {float(expected[worst]):.9g} for {other}"
    )


def _positions(found: Any, n: int) -> list[int]:
    at = [int(each) for each in torch.as_tensor(found).tolist()]
    assert len(at) == n, f"gives {len(at)} picks, and {n} were asked for"
    assert len(set(at)) == n, f"gives {len(at)} picks, {len(set(at))} of them different"
    outside = [each for each in at if not 0 <= each < ROWS]
    assert not outside, f"gives positions {outside}, outside 0…{ROWS - 1}: are they row numbers?"
    return at


def _is_real(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()
