from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from activeloop import load
from activeloop.errors import BadScores, ConfigError
from activeloop.learners.loop import Recipe
from activeloop.providers.dynamics import SCORES
from activeloop.providers.probe import Heads, folded, probe
from activeloop.types import Data

CLASSES = ("a", "b", "c")
TRUTH = torch.arange(90) % 3
QUICK = {"lr": 0.02, "batch": 16, "epochs": 12}


def points() -> torch.Tensor:
    return 3 * torch.eye(4)[TRUTH] + torch.randn(90, 4, generator=torch.Generator().manual_seed(0))


def pool(features: torch.Tensor) -> Data:
    return Data(features, CLASSES, torch.zeros(1), torch.ones(1))


@pytest.mark.parametrize("hidden", [0, 16])
@pytest.mark.parametrize("score", SCORES)
def test_every_score_is_one_finite_number_a_row(score: str, hidden: int) -> None:
    found = probe(points(), TRUTH, pool(points()), 0, score=score, hidden=hidden, folds=3, **QUICK).value

    assert found.shape == (90,)
    assert found.dtype == torch.float64
    assert found.isfinite().all()


@pytest.mark.parametrize("hidden", [0, 16])
def test_rows_across_the_boundary_of_their_cluster_are_the_hardest(hidden: int) -> None:
    """Held out, a wrong label cannot be learnt by heart."""
    labels = TRUTH.clone()
    labels[[4, 50]] = (labels[[4, 50]] + 1) % 3

    found = probe(points(), labels, pool(points()), 0, hidden=hidden, **QUICK)

    assert set(found.value.topk(6).indices.tolist()) >= {4, 50}
    assert found.notes["what"] == "distance to the cluster boundary"
    assert found.notes["never_learnt"] >= 2


def test_a_row_is_judged_by_a_probe_that_has_not_seen_its_label() -> None:
    """Changing the label of one row changes the predictions of its own fold in nothing."""
    features, fold = points(), folded(TRUTH, 3, 0)
    members = fold[:, None] != torch.arange(3)
    rows = (fold == fold[7]).nonzero().flatten()
    looks = []
    for label in (0, 1):
        labels = TRUTH.clone()
        labels[7] = label
        heads = Heads(features, 3, 3, 0, 0)
        heads.train(features, labels, members, Recipe(least_steps=0, **QUICK), 0, lambda _: None)
        looks.append(heads.of(int(fold[7]), features[rows])[0])

    assert torch.equal(looks[0], looks[1])


@pytest.mark.parametrize("hidden", [0, 16])
def test_heads_trained_as_one_are_what_each_is_alone(hidden: int) -> None:
    """The plain loop of one head, which sees its own rows of every shared mini-batch."""
    features, recipe = points(), Recipe(lr=0.01, batch=90, epochs=6, least_steps=0)
    members = torch.stack([torch.arange(90) % 7 > 0, torch.arange(90) < 40], dim=1)
    heads = Heads(features, 2, 3, hidden, 0)
    starts = [layer.detach().clone() for layer in heads.parameters]
    heads.train(features, TRUTH, members, recipe, 0, lambda _: None)

    x = (features - features.mean(dim=0)) / features.std(dim=0, correction=0)
    for head in range(2):
        own = [layer[head].clone().requires_grad_() for layer in starts]
        stepper = torch.optim.AdamW(own, recipe.lr, weight_decay=recipe.weight_decay)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(stepper, 6)
        for _ in range(6):
            inside = x[members[:, head]]
            if hidden:
                inside = (inside @ own[0] + own[1]).relu()
            stepper.zero_grad()
            cross_entropy(inside @ own[-2] + own[-1], TRUTH[members[:, head]]).backward()
            stepper.step()
            cosine.step()
        for stacked, alone in zip(heads.parameters, own, strict=True):
            torch.testing.assert_close(stacked[head], alone, rtol=1e-4, atol=1e-5)


def test_folds_are_of_one_size_and_spread_every_class() -> None:
    fold = folded(TRUTH, 5, 0)

    assert fold.bincount().tolist() == [18] * 5
    assert all((fold[c::3].bincount() == 6).all() for c in range(3))
    assert torch.equal(fold, folded(TRUTH, 5, 0))
    assert not torch.equal(fold, folded(TRUTH, 5, 1))


def test_the_seed_decides() -> None:
    first, again, other = (probe(points(), TRUTH, pool(points()), seed, **QUICK).value for seed in (0, 0, 1))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_feature_that_never_changes_is_no_harm() -> None:
    features = torch.cat([points(), torch.full((90, 1), 3e6)], dim=1)

    assert probe(features, TRUTH, pool(features), 0, **QUICK).value.isfinite().all()


def test_what_breaks_the_contract_is_refused() -> None:
    few, data = points()[:4], pool(points()[:4])
    with pytest.raises(ConfigError, match="5 folds were asked for of 4 rows"):
        probe(few, TRUTH[:4], data, 0)
    with pytest.raises(BadScores, match="reference has 3 entries, but the pool has 4"):
        probe(few, TRUTH[:3], data, 0, folds=2)
    with pytest.raises(BadScores, match="position 1"):
        probe(few.clone().index_fill_(0, torch.tensor([1]), torch.nan), TRUTH[:4], data, 0, folds=2)
    with pytest.raises(BadScores, match="all 90 rows have the same score"):
        probe(points()[:1].expand(90, 4), TRUTH % 2, pool(points()), 0, score="flips", folds=2, **QUICK)
    with pytest.raises(ConfigError, match="hidden is -1"):
        probe(points(), TRUTH, pool(points()), 0, hidden=-1)


def test_labels_without_a_pattern_are_not_learnt_though_the_features_would_allow_it() -> None:
    """With more features than rows a probe knows every row that it has seen by heart."""
    chance = torch.Generator().manual_seed(0)
    features, labels = torch.randn(60, 200, generator=chance), torch.randint(3, (60,), generator=chance)

    found = probe(features, labels, pool(features), 0, score="learning-time", epochs=20, lr=0.02)

    assert float(found.notes["accuracy_on_reference"]) < 0.6  # type: ignore[arg-type]


def test_the_defaults_are_past_their_rise_so_that_dual_finds_the_wrong_pseudo_labels() -> None:
    """Digits, of which a tenth is put into a wrong class."""
    digits = load("digits", test_fraction=0)
    assert digits.truth is not None
    features = digits.data.inputs.flatten(1).float()
    chance = np.random.default_rng(0)
    wrong = chance.permutation(len(features))[: len(features) // 10]
    reference = torch.from_numpy(digits.truth).clone()
    reference[wrong] = (reference[wrong] + 1) % 10

    for score in ("dual", "aum"):
        hard = probe(features, reference, digits.data, 0, score=score).value
        assert hard[wrong].median() > hard.quantile(0.85)
