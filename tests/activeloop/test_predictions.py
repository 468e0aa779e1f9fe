from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from activeloop import acquisitions, selectors
from activeloop.config import AcquireConfig
from activeloop.errors import ActiveloopError, BadScores, ConfigError, MissingEvidence
from activeloop.predictions import picks, score
from activeloop.rounds import CHUNK
from activeloop.testing.evidence import evidence

N = 300
BROUGHT = {
    name: np.asarray(value)
    for name, value in evidence(N).items()
    if name not in ("rows", "labels", "features", "inputs")
}
FEATURES = {"features": evidence(N)["features"].numpy()}


@pytest.mark.parametrize("strategy", ["margin", "bald", "forgetting", "el2n", "epig", "modal:vote_entropy_sampling"])
def test_scores_are_those_of_the_function(strategy: str) -> None:
    from activeloop.catalogue import find_strategy
    from activeloop.testing.evidence import call

    assert np.allclose(score(strategy, BROUGHT), call(find_strategy(strategy), evidence(N)).numpy(), rtol=1e-12)


def test_a_memory_map_of_float16_is_scored_a_chunk_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 5 * CHUNK // 2
    probs = torch.rand(rows, 4, generator=torch.Generator().manual_seed(0)).softmax(dim=1).half().numpy()
    np.save(tmp_path / "P.npy", probs)
    held = []
    monkeypatch.setattr("activeloop.predictions.check", lambda name, found, at: held.append(len(found)))
    scores = score("margin", {"probs": np.load(tmp_path / "P.npy", mmap_mode="c")})

    assert np.array_equal(scores, acquisitions.margin(torch.from_numpy(probs).float()).numpy())
    assert (max(held), sum(held)) == (CHUNK, rows)


def test_picks_are_the_highest_open_rows_and_labels_and_seed_count() -> None:
    scores = score("entropy", BROUGHT)
    best = np.argsort(-scores)
    labels = np.full(N, -1)
    labels[best[0]], labels[best[1]] = 0, -2

    assert picks("entropy", BROUGHT, 5, labels=labels).tolist() == best[2:7].tolist()
    drawn = [picks("entropy", BROUGHT, 5, how=AcquireConfig(pick="power"), seed=seed).tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_selectors_pick_by_arrays_too_and_labelled_rows_count_as_chosen() -> None:
    labels = np.full(N, -1)
    labels[:3] = 0
    features = torch.from_numpy(FEATURES["features"])
    expected = selectors.k_center(features, torch.from_numpy(labels), 4, np.random.default_rng(0))

    assert picks("k-center", FEATURES, 4, labels=labels).tolist() == expected.tolist()
    assert len(set(picks("badge", BROUGHT, 7).tolist())) == 7


@pytest.mark.parametrize(
    ("strategy", "arrays", "error", "message"),
    [
        ("margin", {}, MissingEvidence, "'margin' looks at probs, and there is no 'probs': bring it as an array"),
        ("margin", {"prob": np.ones((3, 2)) / 2}, ActiveloopError, "no evidence is called 'prob'; did you mean 'probs'"),
        ("margin", {"probs": np.ones((3, 2))}, BadScores, "3 of 3 rows: probs are not probabilities"),
        ("margin", {"probs": np.ones(3)}, BadScores, "evidence 'probs' is .3.; it must be a tensor with 2 axes"),
        ("badge", {"probs": np.ones((3, 2)) / 2, "embeddings": np.ones((4, 2))}, ConfigError, "probs 3, embeddings 4"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    strategy: str,
    arrays: dict[str, np.ndarray],
    error: type[Exception],
    message: str,  # type: ignore[type-arg]
) -> None:
    with pytest.raises(error, match=message):
        picks(strategy, arrays, 2)


def test_other_requests_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="'badge' picks rows itself and gives no scores: use `picks`"):
        score("badge", BROUGHT)
    with pytest.raises(ConfigError, match="-n is 301; 300 of the 300 rows are open"):
        picks("margin", BROUGHT, 301)
    with pytest.raises(ConfigError, match=r"labels have the shape \(2,\), and the evidence is of 300 rows"):
        picks("margin", BROUGHT, 3, labels=np.zeros(2))
    with pytest.raises(ConfigError, match="pick 'diverse' needs a run around it"):
        picks("margin", BROUGHT, 3, how=AcquireConfig(pick="diverse"))
