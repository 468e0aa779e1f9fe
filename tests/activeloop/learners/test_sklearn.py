from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from activeloop.errors import ConfigError, MissingEvidence, UnknownName
from activeloop.learners.sklearn import Sklearn
from activeloop.types import OPEN, Data, Labels

LOGISTIC = Sklearn("sklearn.linear_model.LogisticRegression")
FOREST = Sklearn("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 5})
BAYES = Sklearn("sklearn.naive_bayes.GaussianNB")
ROWS = np.arange(120)


def test_probabilities_are_those_of_scikit_learn_itself(blobs: Data, some: Labels) -> None:
    theirs = LogisticRegression().fit(blobs.inputs[:40].numpy(), some[:40]).predict_proba(blobs.inputs.numpy())

    probs = LOGISTIC.fit(blobs, some, seed=0).probs(ROWS)

    assert probs.dtype == torch.float32
    torch.testing.assert_close(probs, torch.from_numpy(theirs).float())


def test_images_are_flattened_and_normalised(images: Data, some: Labels) -> None:
    model = LOGISTIC.fit(images, some, seed=0)

    assert model.fitted.n_features_in_ == 64
    table = ((images.inputs.float() - 80) / 60).flatten(1)
    theirs = LogisticRegression().fit(table[:40], some[:40]).predict_proba(table)
    torch.testing.assert_close(model.probs(ROWS), torch.from_numpy(theirs).float(), rtol=1e-3, atol=1e-4)


def test_classes_never_seen_get_nothing(blobs: Data, some: Labels) -> None:
    without = np.where(some == 1, OPEN, some)

    probs = LOGISTIC.fit(blobs, without, seed=0).probs(ROWS)

    assert (probs[:, 1] == 0).all()
    torch.testing.assert_close(probs.sum(dim=1), torch.ones(120))


@pytest.mark.parametrize("learner", [LOGISTIC, BAYES, FOREST])
def test_while_all_labels_are_of_one_class_it_is_predicted_everywhere(
    blobs: Data, some: Labels, learner: Sklearn
) -> None:
    model = learner.fit(blobs, np.where(some == 2, 2, OPEN), seed=0)

    assert torch.equal(model.probs(ROWS), torch.tensor([0.0, 0.0, 1.0]).expand(120, 3))
    assert torch.equal(model.samples(ROWS, 2, seed=0)[:, 1], model.probs(ROWS))


def test_the_same_seed_gives_the_same_forest_and_another_seed_another(blobs: Data, some: Labels) -> None:
    first = FOREST.fit(blobs, some, seed=2**63 - 1).probs(ROWS)

    assert torch.equal(first, FOREST.fit(blobs, some, seed=2**63 - 1).probs(ROWS))
    assert not torch.equal(first, FOREST.fit(blobs, some, seed=1).probs(ROWS))


def test_a_random_state_of_the_users_own_is_kept(blobs: Data, some: Labels) -> None:
    fixed = replace(FOREST, params={"n_estimators": 5, "random_state": 3})

    assert torch.equal(fixed.fit(blobs, some, seed=0).probs(ROWS), fixed.fit(blobs, some, seed=1).probs(ROWS))


# samples


def test_members_are_fitted_to_bootstraps_once_and_are_the_same_for_every_row_and_call(
    blobs: Data, some: Labels
) -> None:
    model = FOREST.fit(blobs, some, seed=0)
    whole = model.samples(ROWS, 4, seed=5)
    members = model._members(4, 5)

    assert whole.shape == (120, 4, 3)
    torch.testing.assert_close(whole.sum(dim=2), torch.ones(120, 4))
    assert torch.equal(model.samples(ROWS[::-1].copy(), 4, seed=5), whole.flip(0))
    assert model._members(4, 5) is members
    assert torch.equal(FOREST.fit(blobs, some, seed=0).samples(ROWS, 4, seed=5), whole)
    assert not torch.equal(model.samples(ROWS, 4, seed=6), whole)


def test_a_member_is_a_classifier_fitted_to_rows_drawn_with_replacement(blobs: Data, some: Labels) -> None:
    model = BAYES.fit(blobs, some, seed=0)

    member = model._members(1, 5)[0]

    drawn = np.random.default_rng(5).integers(40, size=40)
    assert 15 < len(set(drawn.tolist())) < 35  # 1 - 1/e of 40 is 25
    np.testing.assert_allclose(member.theta_[0], blobs.inputs[:40][drawn][some[:40][drawn] == 0].mean(dim=0), rtol=1e-5)


def test_members_doubt_more_than_one_classifier_where_labels_are_few(blobs: Data, truth: Labels) -> None:
    few = np.where(np.arange(120) < 6, truth, OPEN)
    samples = LOGISTIC.fit(blobs, few, seed=0).samples(ROWS, 20, seed=0)

    assert samples.std(dim=1).mean() > 0.05


def test_it_looks_at_other_data_with_what_it_fitted(blobs: Data, some: Labels) -> None:
    other = replace(blobs, inputs=blobs.inputs.flip(0))
    model = BAYES.fit(blobs, some, seed=0)

    there = model.on(other)

    assert there.fitted is model.fitted
    torch.testing.assert_close(there.probs(ROWS), model.probs(ROWS).flip(0))
    torch.testing.assert_close(there.samples(ROWS, 2, 0), model.samples(ROWS, 2, 0).flip(0))


# classifiers of the user's own, and refusals


def scaled_forest() -> Pipeline:
    return make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=3))


class Constant:
    """As little as a classifier can be."""

    def fit(self, x: Any, y: Any) -> Constant:
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, x: Any) -> Any:
        return np.full((len(x), len(self.classes_)), 1 / len(self.classes_))


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(sys.modules, "my_classifiers", sys.modules[__name__])
    return "my_classifiers"


def test_a_pipeline_of_the_users_own_is_seeded_in_its_steps(mine: str, blobs: Data, some: Labels) -> None:
    learner = Sklearn(f"{mine}.scaled_forest")

    first, again, other = (learner.fit(blobs, some, seed=seed).probs(ROWS) for seed in (0, 0, 1))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_fit_and_predict_proba_are_all_that_a_classifier_needs(mine: str, blobs: Data, some: Labels) -> None:
    probs = Sklearn(f"{mine}.Constant").fit(blobs, some, seed=0).probs(ROWS)

    torch.testing.assert_close(probs, torch.full((120, 3), 1 / 3))


@pytest.mark.parametrize(
    ("estimator", "params", "kind", "message"),
    [
        ("sklearn.linear_model.LogisticRegresion", {}, UnknownName, "no classifier can be imported.*Write sklearn:"),
        ("sklearn.nowhere.Forest", {}, UnknownName, "No module named 'sklearn.nowhere'"),
        ("LogisticRegression", {}, UnknownName, "its import path, such as"),
        ("sklearn.svm.LinearSVC", {}, ConfigError, "has no predict_proba: choose"),
        ("sklearn.svm.SVC", {}, ConfigError, "has no predict_proba.*params.probability=true"),
        ("sklearn.linear_model.LogisticRegression", {"c": 1}, ConfigError, "refuses the params.*'c'"),
        ("sklearn.linear_model.LogisticRegression", {"C": -1.0}, ConfigError, "refuses the params.*'C' parameter"),
        ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": "many"}, ConfigError, "refuses the params"),
    ],
)
def test_what_cannot_be_used_is_refused_before_any_label_is_bought(
    estimator: str, params: dict[str, object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        Sklearn(estimator, params)


def test_more_neighbours_than_labels_are_refused_when_fitting(blobs: Data, truth: Labels) -> None:
    labels = np.full(120, OPEN)
    labels[:4] = truth[:4]

    with pytest.raises(ConfigError, match=r"KNeighborsClassifier' cannot learn from 4 labels: .*Label more"):
        Sklearn("sklearn.neighbors.KNeighborsClassifier").fit(blobs, labels, seed=0)


def test_what_it_does_not_give_is_refused_with_the_next_step(blobs: Data, some: Labels) -> None:
    model = BAYES.fit(blobs, some, seed=0)

    assert set(BAYES.offers(blobs)) == {"probs", "samples"}
    with pytest.raises(MissingEvidence, match="trains in one go"):
        BAYES.fit(blobs, some, seed=0, watch=ROWS)
    with pytest.raises(MissingEvidence, match="has no embeddings; use a net"):
        model.embed(ROWS)
    with pytest.raises(MissingEvidence, match="has no history; use a net"):
        model.history()
    with pytest.raises(ConfigError, match="0 stochastic passes"):
        model.samples(ROWS, 0, seed=0)
    with pytest.raises(ConfigError, match="no row is labelled"):
        BAYES.fit(blobs, np.full(120, OPEN), seed=0)
