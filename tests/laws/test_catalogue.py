"""What the whole catalogue keeps, asked of all at once. A new strategy or oracle without options needs no line here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from modAL.models import ActiveLearner, Committee
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from activeloop import catalogue
from activeloop.cli.check import maker_of
from activeloop.config import LearnerConfig
from activeloop.inject import needs
from activeloop.rounds import make_learner
from activeloop.testing import contracts, learner_contract, oracle_contract
from activeloop.testing.kinds import kind_of
from activeloop.testing.trial import Trial

STRATEGIES = [*catalogue.ACQUISITIONS, *catalogue.SELECTORS]
BRIDGED = [
    "baal:bald", "baal:margin", "baal:epig", "modal:margin_sampling", "modal:vote_entropy_sampling",
    "modal:information_density", "modal:uncertainty_batch_sampling",
]  # fmt: skip
ROWS = [(name, says) for name in STRATEGIES + BRIDGED for says in contracts.of_strategy(catalogue.find_strategy(name))]


def pair() -> Committee:
    """A modAL committee, as a user would write one."""
    return Committee([ActiveLearner(LogisticRegression(random_state=0)), ActiveLearner(GaussianNB())])


# with settings that are quick; a new learner needs a line, and one of a classifier stands for all
LEARNERS = [
    ("supervised", {"steps": 30}, (1, 8, 8)),
    ("supervised", {"net": "mlp", "steps": 30, "start": "warm", "patience": 2}, (6,)),
    ("supervised", {"net": "linear", "steps": 30}, (6,)),
    ("sklearn:sklearn.naive_bayes.GaussianNB", {}, (6,)),
    ("sklearn:sklearn.ensemble.RandomForestClassifier", {"params": {"n_estimators": 5}}, (6,)),
    ("sklearn:sklearn.neighbors.KNeighborsClassifier", {}, (1, 8, 8)),
    ("committee", {"members": ["sklearn.linear_model.LogisticRegression", "sklearn.naive_bayes.GaussianNB"]}, (6,)),
    (f"modal:{__name__}:pair", {}, (6,)),
]
# oracle -> how it is written with its rate or file; `asymmetric` has a map for CIFAR-10's classes alone
RATES = {
    "recorded": "recorded:people.npz", "symmetric": "symmetric:0.4", "pair": "pair:0.4",
    "transition": "transition:noise.npy", "instance": "instance:0.3", "confusable": "confusable:0.3", "tired": "tired:20",
    "habituated": "habituated:0.5", "gambler": "gambler:3", "anchored": "anchored:0.5",
    "overconfident": "overconfident:0.2", "underconfident": "underconfident:0.2", "abstaining": "abstaining:0.2",
    "delayed": "delayed:2", "costly": "costly:0.1", "named": "named:anna", "panel": "panel:3",
}  # fmt: skip
TRIED = [name for name in catalogue.ORACLES if name != "asymmetric"]


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


def test_every_learner_is_among_those_tried() -> None:
    assert {name.partition(":")[0] for name, _, _ in LEARNERS} == set(catalogue.LEARNERS)


@pytest.mark.parametrize("learner", LEARNERS, ids=[f"{name}-{options.get('net', '')}" for name, options, _ in LEARNERS])
@pytest.mark.parametrize("kept", ["LOOKS", "LABELS", "CHANCE"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_learner_keeps_the_contract(learner: tuple[str, dict[str, object], tuple[int, ...]], kept: str) -> None:
    name, options, shape = learner
    tried = Trial(make_learner(LearnerConfig(name, options)), shape)

    for check in getattr(learner_contract, kept).values():
        check(tried)


@pytest.mark.parametrize("name", TRIED)
@pytest.mark.parametrize("says", oracle_contract.CHECKS)
def test_every_oracle_keeps_the_contract(name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("noise.npy", np.full((4, 4), 0.1) + 0.6 * np.eye(4))
    np.savez("people.npz", anna=np.arange(60) % 4, ben=np.arange(60) % 3)

    oracle_contract.CHECKS[says](maker_of(RATES.get(name, name)))


def test_check_knows_the_kind_of_every_name() -> None:
    assert {kind_of(name) for name in STRATEGIES + BRIDGED} == {"strategy"}
    assert {kind_of(name) for name, _, _ in LEARNERS} == {"learner"}
    assert {kind_of(RATES.get(name, name)) for name in catalogue.ORACLES} == {"oracle"}
