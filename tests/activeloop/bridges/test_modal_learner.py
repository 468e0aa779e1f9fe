"""modAL's committees as learners of ours: taught by us they are what modAL's own loop has, and ask for the same rows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from modAL.disagreement import consensus_entropy_sampling, max_disagreement_sampling, vote_entropy
from modAL.models import ActiveLearner, Committee
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from activeloop import Run, acquisitions, configure
from activeloop.bridges.modal_learner import Modal, ModalModel
from activeloop.config import Config
from activeloop.errors import BadScores, ConfigError, MissingEvidence, UnknownName
from activeloop.types import OPEN, Data, Labels, Loaded

Finish = Callable[[Path, Config, Loaded], Path]
Array = NDArray[np.float32]
ROWS = np.arange(400)


def committee() -> Committee:
    kinds = GaussianNB(var_smoothing=0.1), KNeighborsClassifier(5), LogisticRegression(C=0.01, max_iter=500)
    return Committee([ActiveLearner(kind) for kind in kinds])


def trees() -> Committee:
    return Committee([ActiveLearner(DecisionTreeClassifier()) for _ in range(3)])


def lines() -> Committee:
    return Committee([ActiveLearner(LogisticRegression()) for _ in range(5)])


def single() -> ActiveLearner:
    return ActiveLearner(GaussianNB(var_smoothing=0.1))


def none() -> GaussianNB:
    return GaussianNB()


def without_probabilities() -> Committee:
    return Committee([ActiveLearner(GaussianNB()), ActiveLearner(LinearSVC())])


ONE = committee()


def always_the_same() -> Committee:
    return ONE


def foreign() -> ActiveLearner:
    return ActiveLearner(GaussianNB(), X_training=np.eye(64), y_training=np.arange(64) % 20)


@pytest.fixture(autouse=True)
def mine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "my_modal", sys.modules[__name__])


@pytest.fixture(scope="module")
def pool(digits: Loaded) -> Data:
    return replace(digits.data, inputs=digits.data.inputs[:400])


@pytest.fixture(scope="module")
def truth(digits: Loaded) -> Labels:
    assert digits.truth is not None
    return digits.truth[:400]


@pytest.fixture(scope="module")
def some(truth: Labels) -> Labels:
    return np.where(np.arange(400) < 40, truth, OPEN)


def table(pool: Data) -> Array:
    flat: Array = pool.batch(ROWS).flatten(1).numpy()
    return flat


def taught(pool: Data, labels: Labels) -> Committee:
    made, rows = committee(), np.flatnonzero(labels >= 0)
    made.teach(table(pool)[rows], labels[rows])
    return made


def test_samples_are_its_votes_and_probs_its_consensus(pool: Data, some: Labels) -> None:
    theirs, model = taught(pool, some), Modal("my_modal:committee").fit(pool, some, seed=0)

    assert theirs.classes_.tolist() == list(range(10))
    torch.testing.assert_close(model.samples(ROWS, 20, 0).numpy(), theirs.vote_proba(table(pool)).astype(np.float32))
    torch.testing.assert_close(model.probs(ROWS).numpy(), theirs.predict_proba(table(pool)).astype(np.float32))
    assert Modal("my_modal:committee").offers(pool) == {"probs": "[n, 10]", "samples": "[n, 3, 10]"}


def test_classes_that_no_label_has_get_nothing_and_the_others_keep_their_places(pool: Data, some: Labels) -> None:
    without = np.where(np.isin(some, (0, 4)), OPEN, some)
    theirs, samples = taught(pool, without), Modal("my_modal:committee").fit(pool, without, seed=0).samples(ROWS, 3, 0)

    assert theirs.classes_.tolist() == [1, 2, 3, 5, 6, 7, 8, 9]
    assert bool((samples[:, :, [0, 4]] == 0).all())
    torch.testing.assert_close(samples[:, :, 9].numpy(), theirs.vote_proba(table(pool))[:, :, 7].astype(np.float32))
    torch.testing.assert_close(samples.sum(dim=2), torch.ones(400, 3))


def test_a_member_whose_bootstrap_lacks_a_class_keeps_the_places_of_the_others(pool: Data, truth: Labels) -> None:
    few = np.where(np.arange(400) < 12, truth, OPEN)
    model = Modal("my_modal:trees", bootstrap=True).fit(pool, few, seed=0)
    samples, members = model.samples(ROWS, 3, 0), list(model.taught)

    assert len({tuple(member.estimator.classes_) for member in members}) > 1
    for at, member in enumerate(members):
        own = member.estimator.classes_
        expected = torch.zeros(400, 10, dtype=torch.float64)
        expected[:, own] = torch.from_numpy(member.estimator.predict_proba(table(pool)))
        torch.testing.assert_close(samples[:, at], expected.float())


def test_the_seed_decides_chance_and_numpys_stream_is_left_alone(pool: Data, some: Labels) -> None:
    np.random.seed(5)
    before = np.random.random()
    np.random.seed(5)
    first, again, other = (
        Modal("my_modal:trees", bootstrap=True).fit(pool, some, seed=seed).samples(ROWS, 3, 0) for seed in (1, 1, 2)
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert np.random.random() == before


def test_while_all_labels_are_of_one_class_it_is_predicted_everywhere(pool: Data, some: Labels) -> None:
    model = Modal("my_modal:committee").fit(pool, np.where(some == 2, 2, OPEN), seed=0)

    assert bool((model.samples(ROWS, 3, 0)[:, :, 2] == 1).all())
    assert bool((model.probs(ROWS)[:, 2] == 1).all())


def test_an_active_learner_is_one_model(pool: Data, some: Labels) -> None:
    learner = Modal("my_modal:single")
    model = learner.fit(pool, some, seed=0)

    theirs = GaussianNB(var_smoothing=0.1).fit(table(pool)[:40], some[:40]).predict_proba(table(pool))
    torch.testing.assert_close(model.probs(ROWS).numpy(), theirs.astype(np.float32))
    assert set(learner.offers(pool)) == {"probs"}
    with pytest.raises(MissingEvidence, match="is one model: return a Committee"):
        model.samples(ROWS, 3, 0)


def asked_by_us(folder: Path, strategy: str, pool: Data, truth: Labels, known: Labels) -> list[set[int]]:
    """The rows of three queries after the known labels, told from the truth."""
    learner = {"name": "modal:my_modal:committee"}
    config = configure(budget=12, query=4, start={"size": 0}, acquire={"strategy": strategy}, learner=learner)
    asked = []
    with Run(folder, config, pool, known=known) as run:
        while (query := run.ask()) is not None:
            run.tell(query.id, {row: int(truth[row]) for row in query.rows})
            asked.append(set(query.rows))
    return asked


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("predictive-entropy", consensus_entropy_sampling),
        ("modal:consensus_entropy_sampling", consensus_entropy_sampling),
        ("modal:max_disagreement_sampling", max_disagreement_sampling),
    ],
)
def test_modals_own_loop_asks_for_the_same_rows(
    ours: str, theirs: Callable[..., object], tmp_path: Path, pool: Data, truth: Labels, some: Labels
) -> None:
    made, left, asked = taught(pool, some), np.arange(40, 400), []
    made.query_strategy = theirs
    for _ in range(3):
        at, _ = made.query(table(pool)[left], n_instances=4)
        made.teach(table(pool)[left[at]], truth[left[at]])
        asked.append(set(left[at].tolist()))
        left = np.delete(left, at)

    assert asked_by_us(tmp_path, ours, pool, truth, some) == asked


def test_votes_tie_so_the_rows_that_we_ask_for_have_the_highest_entropies_by_modals_measure(
    tmp_path: Path, pool: Data, truth: Labels, some: Labels
) -> None:
    held = some.copy()
    for rows in asked_by_us(tmp_path, "vote-entropy", pool, truth, some):
        entropies = vote_entropy(taught(pool, held), table(pool))
        entropies[held >= 0] = -1
        assert sorted(entropies[list(rows)]) == pytest.approx(sorted(entropies)[-4:])
        held[list(rows)] = truth[list(rows)]


def test_mean_divergence_from_the_consensus_is_ours(pool: Data, some: Labels) -> None:
    votes = taught(pool, some).vote_proba(table(pool))
    with np.errstate(divide="ignore", invalid="ignore"):
        by_hand = np.nan_to_num(votes * np.log(votes / votes.mean(axis=1, keepdims=True))).sum(axis=2).mean(axis=1)

    found = acquisitions.kl_to_consensus(Modal("my_modal:committee").fit(pool, some, seed=0).samples(ROWS, 3, 0))
    torch.testing.assert_close(found, torch.from_numpy(by_hand), rtol=1e-4, atol=1e-5)


def test_a_run_is_the_same_each_time(tmp_path: Path, finish: Finish, digits: Loaded) -> None:
    learner = {"name": "modal:my_modal:trees", "options": {"bootstrap": True}}
    config = configure(budget=40, query=10, acquire={"strategy": "epig"}, learner=learner)
    first, again = (finish(tmp_path / name, config, digits).read_bytes() for name in ("first", "again"))

    assert first == again


def test_the_command_line_compares_strategies_with_it(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from modAL.models import ActiveLearner, Committee\n"
        "from sklearn.naive_bayes import BernoulliNB, GaussianNB\n\n\n"
        "def committee():\n"
        "    return Committee([ActiveLearner(GaussianNB(var_smoothing=0.1)), ActiveLearner(BernoulliNB())])\n"
    )
    command = [sys.executable, "-m", "activeloop", "compare", "--learner", "modal:mine:committee", "--out", "out",
               "--strategies", "random,vote-entropy", "--seeds", "1", "--budget", "40"]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    assert "vote-entropy" in done.stdout


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        ("", ConfigError, "needs the function that makes it: learner.name=modal:mine:committee"),
        ("my_modal:nothing", UnknownName, "'my_modal:nothing' cannot be imported"),
        ("my_modal:none", ConfigError, "returned a GaussianNB; it must return a modAL Committee or ActiveLearner"),
        ("my_modal:without_probabilities", ConfigError, "member 1 of .* a LinearSVC, has no predict_proba"),
        ("my_modal:always_the_same", ConfigError, "build everything anew inside the function"),
    ],
)
def test_what_cannot_be_used_is_refused_before_any_label_is_bought(
    make: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        Modal(make)


def test_what_it_cannot_learn_or_give_is_said(pool: Data, some: Labels) -> None:
    model = Modal("my_modal:committee").fit(pool, some, seed=0)
    assert isinstance(model, ModalModel)
    with pytest.raises(MissingEvidence, match="no embeddings"):
        model.embed(ROWS)
    with pytest.raises(MissingEvidence, match="no history"):
        model.history()
    with pytest.raises(MissingEvidence, match="trains in one go"):
        Modal("my_modal:committee").fit(pool, some, seed=0, watch=ROWS)
    with pytest.raises(ConfigError, match="no row is labelled"):
        Modal("my_modal:committee").fit(pool, np.full(400, OPEN), seed=0)
    with pytest.raises(ConfigError, match="cannot be taught 2 labels: .*at least 2 classes"):
        Modal("my_modal:lines", bootstrap=True).fit(pool, np.where(np.arange(400) < 2, some, OPEN), seed=0)
    with pytest.raises(BadScores, match="knows the class 10, and classes here are 0…9"):
        Modal("my_modal:foreign").fit(pool, some, seed=0).probs(ROWS)
