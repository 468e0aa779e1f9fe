from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from modAL.disagreement import consensus_entropy_sampling, vote_entropy_sampling
from modAL.models import ActiveLearner, Committee
from modAL.uncertainty import entropy_sampling, margin_sampling, uncertainty_sampling
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from activeloop import acquisitions, catalogue, load
from activeloop.bridges import modal as bridge
from activeloop.errors import ConfigError, MissingEvidence, UnknownName

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def digits() -> tuple[Array, NDArray[np.int64]]:
    loaded = load("digits")
    assert loaded.truth is not None
    return loaded.data.inputs[:400].flatten(1).numpy().astype(np.float64) / 16, loaded.truth[:400]


@pytest.fixture(scope="module")
def samples() -> torch.Tensor:
    chance = torch.Generator().manual_seed(0)
    return (2 * torch.randn(60, 9, 5, generator=chance, dtype=torch.float64)).softmax(dim=2)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("uncertainty_sampling", acquisitions.least_confidence), ("margin_sampling", acquisitions.margin),
        ("entropy_sampling", acquisitions.entropy),
    ],
)  # fmt: skip
def test_uncertainty_is_ours(name: str, ours: Callable[..., torch.Tensor], samples: torch.Tensor) -> None:
    probs = samples[:, 0]

    torch.testing.assert_close(catalogue.find_strategy(f"modal:{name}")(probs), ours(probs))


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("vote_entropy_sampling", acquisitions.vote_entropy),
        ("consensus_entropy_sampling", acquisitions.predictive_entropy),
    ],
)
def test_disagreement_is_ours(name: str, ours: Callable[..., torch.Tensor], samples: torch.Tensor) -> None:
    torch.testing.assert_close(catalogue.find_strategy(f"modal:{name}")(samples), ours(samples))


def test_max_disagreement_is_at_least_the_mean_divergence(samples: torch.Tensor) -> None:
    assert (catalogue.find_strategy("modal:max_disagreement_sampling")(samples) >= acquisitions.bald(samples)).all()


def test_density_and_ranked_batches_pick_different_open_rows(samples: torch.Tensor) -> None:
    features, labels = torch.randn(60, 4, generator=torch.Generator().manual_seed(1)), torch.full((60,), -1)
    labels[:5], labels[5:8] = 0, -2
    dense = catalogue.find_strategy("modal:information_density")(features, 6, np.random.default_rng(0))
    batch = catalogue.find_strategy("modal:uncertainty_batch_sampling")
    picks = batch(samples[:, 0], features, labels, 20, np.random.default_rng(0)).tolist()

    distance = torch.cdist(features.double(), features.double())
    assert dense.tolist() == (1 / (1 + distance)).mean(dim=1).topk(6).indices.tolist()
    assert len(set(picks)) == 20
    assert min(picks) >= 8


def test_an_unknown_strategy_names_those_there_are() -> None:
    with pytest.raises(UnknownName, match="'margin'.*Allowed are modal:uncertainty_sampling, modal:margin_sampling"):
        catalogue.find_strategy("modal:margin")


def rounds(learner: ActiveLearner | Committee, x: Array, y: NDArray[np.int64], n: int = 4) -> list[int]:
    """The rows that modAL's own loop asks for in three rounds after the first forty."""
    left, asked = np.arange(40, len(y)), []
    for _ in range(3):
        at, rows = learner.query(x[left], n_instances=n)
        assert len(rows) == n
        learner.teach(x[left[at]], y[left[at]])
        asked += sorted(left[at].tolist())
        left = np.delete(left, at)
    return asked


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("margin", margin_sampling), ("entropy", entropy_sampling), ("least-confidence", uncertainty_sampling)],
)
def test_ours_in_an_active_learner_ask_for_the_rows_of_theirs(
    ours: str, theirs: Callable[..., object], digits: tuple[Array, NDArray[np.int64]]
) -> None:
    x, y = digits

    def asked(strategy: Callable[..., object]) -> list[int]:
        estimator = LogisticRegression(max_iter=500)
        return rounds(ActiveLearner(estimator, strategy, X_training=x[:40], y_training=y[:40]), x, y)

    assert asked(bridge.query_strategy(ours)) == asked(theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("vote-entropy", vote_entropy_sampling), ("predictive-entropy", consensus_entropy_sampling)]
)
def test_ours_in_a_committee(ours: str, theirs: Callable[..., object], digits: tuple[Array, NDArray[np.int64]]) -> None:
    x, y = digits

    def asked(strategy: Callable[..., object]) -> list[int]:
        members = [
            ActiveLearner(estimator, X_training=x[:40], y_training=y[:40])
            for estimator in (
                LogisticRegression(max_iter=500),
                GaussianNB(var_smoothing=0.1),
                LogisticRegression(C=0.01),
            )
        ]
        return rounds(Committee(members, query_strategy=strategy), x, y)

    found = asked(bridge.query_strategy(ours))
    assert len(set(found)) == 12
    if ours == "predictive-entropy":  # votes tie, and modAL takes the last of equals where we draw
        assert found == asked(theirs)


def test_a_selector_sees_the_labelled_rows_of_the_learner(digits: tuple[Array, NDArray[np.int64]]) -> None:
    x, y = digits
    learner = ActiveLearner(
        LogisticRegression(max_iter=500), bridge.query_strategy("k-center"), X_training=x[:40], y_training=y[:40]
    )
    (first, *_), _ = learner.query(x[40:], n_instances=3)

    assert first == np.linalg.norm(x[40:, None] - x[None, :40], axis=2).min(axis=1).argmax()
    assert len(set(rounds(learner, x, y))) == 12


def test_what_modal_cannot_give_is_said(digits: tuple[Array, NDArray[np.int64]]) -> None:
    x, y = digits
    with pytest.raises(MissingEvidence, match="'forgetting' needs history, reference, and modAL's learners offer"):
        bridge.query_strategy("forgetting")
    with pytest.raises(ConfigError, match="'margin' has no option 'k'"):
        bridge.query_strategy("margin", k=3)
    learner = ActiveLearner(GaussianNB(), bridge.query_strategy("bald"), X_training=x[:40], y_training=y[:40])
    with pytest.raises(MissingEvidence, match="'bald' needs samples, the members of a Committee"):
        learner.query(x[40:])
