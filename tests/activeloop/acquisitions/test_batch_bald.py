from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop.acquisitions import bald, batch_bald
from activeloop.acquisitions.batch_bald import Joint
from activeloop.errors import BadScores, ConfigError


def samples(rows: int = 30, passes: int = 8, classes: int = 3, seed: int = 0, sharp: float = 2.0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return (sharp * torch.randn(rows, passes, classes, generator=chance, dtype=torch.float64)).softmax(dim=2)


def information(batch: Tensor) -> float:
    """Of a batch [b, K, C], by summing over all combinations of labels."""
    entropy = 0.0
    for labels in product(range(batch.shape[2]), repeat=len(batch)):
        each = torch.stack([row[:, label] for row, label in zip(batch, labels, strict=True)]).prod(dim=0)
        entropy -= float(torch.special.xlogy(each.mean(), each.mean()))
    return entropy - float(torch.special.entr(batch).sum(dim=2).mean(dim=1).sum())


def plain(values: Tensor, n: int, limit: int, seed: int) -> list[int]:
    """Every row looked at before every pick."""
    chance = np.random.default_rng(seed)
    joint, turn = Joint(values, limit, chance), torch.from_numpy(chance.permutation(len(values)))
    picks: list[int] = []
    while len(picks) < n:
        gains, _ = joint.gains(torch.arange(len(values)))
        gains[picks] = -torch.inf
        order = turn.argsort()
        picks.append(int(order[gains[order].argmax()]))
        joint.add(picks[-1])
    return picks


@pytest.mark.parametrize("rows", [[4], [4, 7], [4, 7, 9, 1]])
def test_gains_add_up_to_the_mutual_information_of_the_batch(rows: list[int]) -> None:
    values = samples()
    joint, total = Joint(values, 10_000, np.random.default_rng(0)), 0.0
    for row in rows:
        total += float(joint.gains(torch.tensor([row]))[0])
        joint.add(row)

    assert joint.is_exact
    assert total == pytest.approx(information(values[rows]), abs=1e-5)


def test_drawn_combinations_estimate_it_within_their_error() -> None:
    values, rows = samples(passes=20), [4, 7, 9, 1, 12]
    joint = Joint(values, 200, np.random.default_rng(0))
    for row in rows:
        joint.add(row)
    gain, error = joint.gains(torch.tensor([20]))

    assert not joint.is_exact
    assert joint.times is not None
    assert (len(joint.table) <= 200, float(joint.times.sum())) == (True, 200)
    exact = information(values[[*rows, 20]]) - information(values[rows])
    assert 0 < float(error) < 0.1
    assert abs(float(gain) - exact) < 4 * float(error)


def test_an_estimate_errs_by_no_more_than_what_is_left_to_be_told() -> None:
    sure = torch.eye(3, dtype=torch.float64)[torch.randint(3, (12, 9), generator=torch.Generator().manual_seed(0))]
    joint = Joint(0.999 * sure + 0.001 / 3, 500, np.random.default_rng(0))
    for row in range(11):  # 9 passes, told apart by then
        joint.add(row)
    gain, error = joint.gains(torch.tensor([11]))

    assert not joint.is_exact
    assert 0 <= float(gain) < 0.02
    assert float(error) < 1e-3, "most combinations leave one pass standing, after which no label is news"


def test_the_first_pick_is_balds_and_a_look_alike_is_not_the_second() -> None:
    values = samples()
    best = int(bald(values).argmax())
    values = torch.cat([values, values[best : best + 1]])

    picks = batch_bald(values, 2, np.random.default_rng(0)).tolist()
    assert picks[0] in (best, 30)
    assert picks[1] not in (best, 30)


@pytest.mark.parametrize(("limit", "seed"), [(10_000, 0), (10_000, 1), (50, 2), (300, 3), (1000, 4)])
def test_the_lazy_greedy_picks_what_the_plain_one_picks(limit: int, seed: int) -> None:
    values = samples(rows=400, passes=12, classes=4, seed=seed)

    picks = batch_bald(values, 7, np.random.default_rng(seed), joint_samples=limit)

    assert picks.tolist() == plain(values, 7, limit, seed)


def test_the_lazy_greedy_looks_at_few_rows_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, gains = [], Joint.gains
    monkeypatch.setattr(Joint, "gains", lambda self, rows: looks.append(len(rows)) or gains(self, rows))

    chance = torch.Generator().manual_seed(0)
    spread = torch.rand(3000, 1, 1, generator=chance) ** 2  # as a trained model is: sure of most rows
    values = (4 * spread * torch.randn(3000, 40, 4, generator=chance) + 4 * torch.eye(4)[0]).softmax(dim=2)
    batch_bald(values, 6, np.random.default_rng(0))

    assert looks[0] == 3000
    assert sum(looks[1:]) < 5 * 3000 / 3, "five picks more, by less than a third of looking at every row"


def test_passes_that_agree_have_nothing_to_tell_and_every_row_is_picked_once() -> None:
    same = samples(rows=9, passes=1).expand(9, 5, 3)

    assert sorted(batch_bald(same, 9, np.random.default_rng(0)).tolist()) == list(range(9))


def test_bad_requests_are_refused() -> None:
    with pytest.raises(BadScores, match="31 picks were asked for, but 30 rows are open"):
        batch_bald(samples(), 31, np.random.default_rng(0))
    with pytest.raises(ConfigError, match="joint_samples is 0; it must be 1 or more"):
        batch_bald(samples(), 3, np.random.default_rng(0), joint_samples=0)


def test_a_nan_in_any_pass_is_refused_by_its_position() -> None:
    samples = torch.full((6, 4, 2), 0.5)
    samples[3, 2, 0] = torch.nan

    with pytest.raises(BadScores, match="1 of 6 rows have samples that are nan; the first is at position 3"):
        batch_bald(samples, 2, np.random.default_rng(0))
