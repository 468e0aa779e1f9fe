from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from activeloop.errors import ConfigError, MissingEvidence
from activeloop.providers.reference import final, named_clusters, neighbours, previous
from activeloop.types import OPEN, SKIP, Data, Labels, Loaded, Rows


def line(*places: float) -> Data:
    """Rows at these places of a line."""
    return Data(torch.tensor(places)[:, None], ("a", "b", "c"), torch.zeros(1), torch.ones(1))


def labels(*given: int) -> Labels:
    return np.array(given, dtype=np.int64)


ASKED = np.array([0])


@pytest.mark.parametrize(
    ("k", "training", "winner"),
    [
        (1, (OPEN, 2, 1, 1), 2),  # the nearest alone
        (3, (OPEN, 2, 1, 1), 1),  # two votes against one
        (2, (OPEN, 2, 1, 1), 2),  # one each: the nearer
        (4, (OPEN, 2, 1, 1, 2), 2),  # two each, at distances 1 and 4 against 2 and 3: that of the nearest row
        (4, (OPEN, 1, 2, 2, 1), 1),  # the same with the names exchanged: not the lower class id
        (5, (OPEN, 0, 1, 2, 2, 1), 1),  # two each and one: of the two, that of the nearer row
        (99, (OPEN, 2, 1, 1), 1),  # fewer rows than k: all of them vote
        (3, (OPEN, SKIP, 0, 1, 0), 0),  # skipped rows have no vote
    ],
)
def test_most_of_the_nearest_win_and_a_tie_goes_to_the_nearer(k: int, training: tuple[int, ...], winner: int) -> None:
    data = line(0, 1, 2, 3, 4, 5)
    seen = labels(*training, *[OPEN] * (6 - len(training)))

    assert neighbours(data, ASKED, seen, k=k).tolist() == [winner]


def test_nearness_is_on_the_users_features_where_there_are_some() -> None:
    data = replace(line(0, 1, 9), features=torch.tensor([[0.0], [9.0], [1.0]]))

    assert neighbours(data, ASKED, labels(OPEN, 1, 2), k=1).tolist() == [2]


def test_it_agrees_with_scikit_learn_where_votes_are_not_tied(digits: Loaded) -> None:
    assert digits.truth is not None
    training = np.where(np.arange(len(digits.data)) < 200, digits.truth, OPEN)
    rows = np.arange(200, 700)
    flat = digits.data.inputs.flatten(1).numpy().astype(np.float64)
    theirs = KNeighborsClassifier(5).fit(flat[:200], digits.truth[:200])
    votes = np.sort(theirs.predict_proba(flat[rows]), axis=1)
    clear = votes[:, -1] > votes[:, -2]

    ours = neighbours(digits.data, rows, training).numpy()

    assert clear.mean() > 0.8
    assert (ours == theirs.predict(flat[rows]))[
        clear
    ].mean() > 0.99  # pixels are small integers: distances may be equal


def test_permuting_rows_permutes_the_votes(digits: Loaded) -> None:
    assert digits.truth is not None
    training = np.where(np.arange(len(digits.data)) < 50, digits.truth, OPEN)
    rows = np.arange(50, 150)
    order = np.random.default_rng(0).permutation(100)

    assert torch.equal(neighbours(digits.data, rows[order], training), neighbours(digits.data, rows, training)[order])


def test_nobody_to_ask_and_no_vote_are_refused() -> None:
    with pytest.raises(MissingEvidence, match="labelled rows, and there are none yet"):
        neighbours(line(0, 1), ASKED, labels(OPEN, SKIP))
    with pytest.raises(ConfigError, match="k is 0; at least 1"):
        neighbours(line(0, 1), ASKED, labels(OPEN, 1), k=0)


class Says:
    def probs(self, rows: Rows) -> Tensor:
        return torch.tensor([[0.2, 0.3, 0.5]]).repeat(len(rows), 1)


def test_previous_is_the_last_model_and_the_neighbours_before_there_is_one() -> None:
    data, training = line(0, 1), labels(OPEN, 1)

    assert previous(Says(), data, ASKED, training).tolist() == [2]  # type: ignore[arg-type]
    assert previous(None, data, ASKED, training).tolist() == [1]


def test_final_is_what_the_model_itself_predicts() -> None:
    assert final(Says(), np.arange(3)).tolist() == [2, 2, 2]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("training", "names"),
    [
        ((2, 2, 0, OPEN, 1, 1), (2, 2, 0, 0, 1, 1)),  # each by the labels of its own
        ((2, 2, OPEN, OPEN, 1, OPEN), (2, 2, 0, 0, 1, 1)),  # the middle one holds none: the class left over
        ((2, 0, 2, 2, 1, SKIP), (0, 0, 2, 2, 1, 1)),  # 2 agrees with more in the middle: it names one cluster only
    ],
)
def test_a_cluster_has_the_class_by_which_most_labels_agree(training: tuple[int, ...], names: tuple[int, ...]) -> None:
    found = named_clusters(torch.tensor([0, 0, 1, 1, 2, 2]), line(0, 1, 2, 3, 4, 5), labels(*training))

    assert found.tolist() == list(names)


def test_numbering_clusters_otherwise_names_them_alike(digits: Loaded) -> None:
    assert digits.truth is not None
    clusters = torch.from_numpy(digits.truth)
    training = np.where(np.arange(len(digits.data)) < 300, digits.truth, OPEN)

    assert torch.equal(named_clusters((clusters + 3) % 10, digits.data, training), clusters)


def test_clusters_cannot_be_named_without_labels_or_classes_enough() -> None:
    with pytest.raises(MissingEvidence, match="none yet"):
        named_clusters(torch.tensor([0, 1]), line(0, 1), labels(OPEN, OPEN))
    with pytest.raises(ConfigError, match="there are 4 clusters and 3 classes"):
        named_clusters(torch.tensor([0, 3]), line(0, 1), labels(OPEN, 1))
