"""What every strategy of the catalogue keeps, asked of all of them at once. A new strategy needs no line here."""

from __future__ import annotations

import pytest

from activeloop import catalogue
from activeloop.inject import needs
from activeloop.testing import contracts

STRATEGIES = [*catalogue.ACQUISITIONS, *catalogue.SELECTORS]
BRIDGED = [
    "baal:bald", "baal:margin", "baal:epig", "modal:margin_sampling", "modal:vote_entropy_sampling",
    "modal:information_density", "modal:uncertainty_batch_sampling",
]  # fmt: skip
ROWS = [(name, says) for name in STRATEGIES + BRIDGED for says in contracts.of_strategy(catalogue.find_strategy(name))]


@pytest.mark.parametrize(("name", "says"), ROWS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_strategy_keeps_the_contract(name: str, says: str) -> None:
    function = catalogue.find_strategy(name)

    contracts.of_strategy(function)[says](function)


@pytest.mark.parametrize("kind", ["acquisitions", "selectors"])
def test_every_strategy_says_where_it_is_from(kind: str) -> None:
    assert [entry.name for entry in catalogue.describe(kind) if not entry.source] == []


@pytest.mark.parametrize("name", [name for name in STRATEGIES if "n" not in needs(catalogue.find_strategy(name))])
def test_scores_are_float64(name: str) -> None:
    from activeloop.testing.evidence import call, evidence

    assert str(call(catalogue.find_strategy(name), evidence()).dtype) == "torch.float64"
