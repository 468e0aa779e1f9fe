"""The contracts of strategies, learners and oracles as tests for your own package.

    from activeloop.testing import LearnerContract, OracleContract, StrategyContract

    class TestMine(StrategyContract):
        strategy = "mine:doubt"

`activeloop check mine:doubt` runs the same, and measures how time and memory of a strategy grow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from activeloop import catalogue
from activeloop.config import LearnerConfig
from activeloop.rounds import make_learner
from activeloop.testing import contracts, learner_contract, oracle_contract
from activeloop.testing.oracle_contract import Maker
from activeloop.testing.trial import Trial

T = TypeVar("T")


class StrategyContract:
    """Name the strategy, and a plain reference where there is one; pytest finds a test a check.

    strategy: as on the command line.    reference: module:function that must give the same, or "".
    """

    strategy: str
    reference: str = ""

    def test_it_asks_for_what_there_is_and_says_what_comes_back(self) -> None:
        _keep(contracts.ANY, self._function)

    def test_its_scores_keep_the_contract(self) -> None:
        if not contracts.picks(self._function):
            _keep(contracts.SCORES, self._function)

    def test_its_picks_keep_the_contract(self) -> None:
        if contracts.picks(self._function):
            _keep(contracts.PICKS, self._function)

    def test_it_agrees_with_the_reference(self) -> None:
        if self.reference:
            contracts.agrees_with(self._function, catalogue.find_strategy(self.reference))

    @property
    def _function(self) -> contracts.Function:
        return catalogue.find_strategy(self.strategy)


class LearnerContract:
    """Name the learner.

    learner: as on the command line.    options: of it, such as fewer steps than it needs to learn well.
    shape: of one input of the made-up pool.
    """

    learner: str
    options: ClassVar[Mapping[str, Any]] = {}
    shape: tuple[int, ...] = (1, 8, 8)

    def test_its_models_give_what_it_offers(self) -> None:
        _keep(learner_contract.LOOKS, self._trial)

    def test_it_learns_from_labelled_rows_alone(self) -> None:
        _keep(learner_contract.LABELS, self._trial)

    def test_its_seed_decides(self) -> None:
        _keep(learner_contract.CHANCE, self._trial)

    @property
    def _trial(self) -> Trial:
        return Trial(make_learner(LearnerConfig(self.learner, dict(self.options))), self.shape)


class OracleContract:
    """Name the oracle, or what makes one: `oracle_contract.Maker` says what it is called with.

    oracle: as on the command line.
    """

    oracle: str

    def test_it_answers_what_it_is_asked(self) -> None:
        _keep(oracle_contract.ANSWERS, self._maker)

    def test_asking_again_has_no_effect(self) -> None:
        _keep(oracle_contract.REPEATS, self._maker)

    @property
    def _maker(self) -> Maker:
        return Maker(catalogue.find("oracles", self.oracle))


def _keep(checks: Mapping[str, Callable[[T], None]], subject: T) -> None:
    for check in checks.values():
        check(subject)
