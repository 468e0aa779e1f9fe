from __future__ import annotations

import pytest

from activeloop.errors import ConfigError
from activeloop.inject import checked_options, needs, options


def strategy(probs: object, labels: object, *, metric: str = "euclidean", restarts: int = 1, rate: float = 0.5) -> None:
    """Two needs, three options."""


def test_positional_parameters_are_needs_and_keyword_only_ones_options() -> None:
    assert needs(strategy) == ("probs", "labels")
    assert options(strategy) == {"metric": "euclidean", "restarts": 1, "rate": 0.5}


def test_an_unknown_option_is_refused_with_the_nearest_and_all() -> None:
    with pytest.raises(ConfigError, match="no option 'restart'; did you mean 'restarts'.*metric, restarts, rate"):
        checked_options(strategy, {"restart": 3}, "strategy")


def test_an_option_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="'restarts' of 'strategy' is 'many'; it takes int, by default 1"):
        checked_options(strategy, {"restarts": "many"}, "strategy")


def test_a_whole_number_will_do_for_a_float_and_a_truth_value_will_not() -> None:
    assert checked_options(strategy, {"rate": 1}, "strategy") == {"rate": 1}
    with pytest.raises(ConfigError, match="takes float"):
        checked_options(strategy, {"rate": True}, "strategy")


def test_an_option_without_default_must_be_given() -> None:
    def demanding(probs: object, *, heads: int) -> None: ...

    with pytest.raises(ConfigError, match="needs the option 'heads'"):
        checked_options(demanding, {}, "demanding")
