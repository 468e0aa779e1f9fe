"""The contract of strategies as tests for your own package.

    from activeloop.testing import StrategyContract

    class TestMine(StrategyContract):
        strategy = "mine:doubt"

`activeloop check mine:doubt` runs the same and measures how time and memory grow.
"""

from __future__ import annotations

from collections.abc import Mapping

from activeloop import catalogue
from activeloop.testing import contracts


class StrategyContract:
    """Name the strategy, and a plain reference where there is one; pytest finds a test a check.

    strategy: as on the command line.    reference: module:function that must give the same, or "".
    """

    strategy: str
    reference: str = ""

    def test_it_asks_for_what_there_is_and_says_what_comes_back(self) -> None:
        self._keep(contracts.ANY)

    def test_its_scores_keep_the_contract(self) -> None:
        if not contracts.picks(self._function):
            self._keep(contracts.SCORES)

    def test_its_picks_keep_the_contract(self) -> None:
        if contracts.picks(self._function):
            self._keep(contracts.PICKS)

    def test_it_agrees_with_the_reference(self) -> None:
        if self.reference:
            contracts.agrees_with(self._function, catalogue.find_strategy(self.reference))

    @property
    def _function(self) -> contracts.Function:
        return catalogue.find_strategy(self.strategy)

    def _keep(self, checks: Mapping[str, contracts.Check]) -> None:
        for check in checks.values():
            check(self._function)
