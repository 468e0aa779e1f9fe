from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from activeloop.errors import BadScores, ConfigError, UnknownName
from activeloop.providers.dynamics import SCORES, Dynamics, classes_in, difficulty, refuse_constant

T, N, C, EARLY, WINDOW = 14, 40, 4, 5, 6
Log = NDArray[np.float64]


def shown(logits: torch.Tensor, reference: torch.Tensor, *, batch: int = 7, norms: torch.Tensor | None = None,
          early: int = EARLY, window: int = WINDOW) -> Dynamics:  # fmt: skip
    """logits: [T, N, C], shown in mini-batches of a new order every epoch."""
    seen = Dynamics(reference, early=early, window=window)
    for epoch, look in enumerate(logits):
        order = torch.randperm(len(look), generator=torch.Generator().manual_seed(epoch))
        for at in order.split(batch):
            seen.see(at, look[at], None if norms is None else norms[epoch, at])
    return seen


@pytest.fixture
def log() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random logits that favour the reference more as epochs pass, the reference, and norms; row 0 is never right."""
    chance = torch.Generator().manual_seed(0)
    reference = torch.randint(C, (N,), generator=chance)
    logits = 2 * torch.randn(T, N, C, generator=chance)
    logits[:, torch.arange(N), reference] += torch.linspace(0, 3, T)[:, None]
    logits[:, 0, reference[0]] = -20
    return logits, reference, torch.rand(T, N, generator=chance) * 3


def softmax(logits: Log) -> Log:
    lifted = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(lifted / lifted.sum(-1, keepdims=True))


def margins(values: Log, y: NDArray[np.int64]) -> list[float]:
    """Mean over epochs, row by row, in the plainest way."""
    return [
        float(np.mean([v[c] - max(v[k] for k in range(C) if k != c) for v in values[:, row]]))
        for row, c in enumerate(y)
    ]


def errors(p: Log, y: NDArray[np.int64]) -> Log:
    return np.asarray(np.linalg.norm(p - np.eye(C)[y], axis=-1))


def windows(p: Log, y: NDArray[np.int64], hardest: float, value: Callable[[Log], float]) -> list[float]:
    own, learnt = p[:, np.arange(N), y], (p.argmax(-1) == y).any(0)
    return [
        float(np.mean([value(own[t : t + WINDOW, row]) for t in range(T - WINDOW + 1)])) if learnt[row] else hardest
        for row in range(len(y))
    ]  # fmt: skip


def forgettings(right: NDArray[np.bool_]) -> list[float]:
    counted = [sum(a and not b for a, b in pairwise(row)) for row in right.T]
    return [T if not row.any() else float(count) for row, count in zip(right.T, counted, strict=True)]


def learning_times(right: NDArray[np.bool_]) -> list[float]:
    return [float(min([t for t in range(T) if row[t:].all()], default=T) + 1) for row in right.T]


def naive(score: str, z: Log, y: NDArray[np.int64], norms: Log) -> object:
    p = softmax(z)
    right = p.argmax(-1) == y
    return {
        "aum": lambda: margins(p, y),
        "aum-logits": lambda: margins(z, y),
        "forgetting": lambda: forgettings(right),
        "el2n": lambda: errors(p, y)[:EARLY].mean(0),
        "grand": lambda: (errors(p, y) * np.sqrt(1 + norms**2))[:EARLY].mean(0),
        "dual": lambda: windows(p, y, 10, lambda own: 10 * float(np.std(own, ddof=1)) * (1 - float(np.mean(own)))),
        "dyn-unc": lambda: windows(p, y, 1, lambda own: float(np.std(own, ddof=1))),
        "learning-time": lambda: learning_times(right),
        "flips": lambda: [float((row[1:] != row[:-1]).sum()) for row in p.argmax(-1).T],
    }[score]()


@pytest.mark.parametrize("score", SCORES)
def test_a_running_score_is_what_the_whole_log_gives(score: str, log: tuple[torch.Tensor, ...]) -> None:
    logits, reference, norms = log
    seen = shown(logits, reference, norms=norms)

    expected = naive(score, logits.double().numpy(), reference.numpy(), norms.double().numpy())

    np.testing.assert_allclose(SCORES[score].read(seen).numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("score", SCORES)
def test_mini_batches_of_any_size_and_order_give_the_same(score: str, log: tuple[torch.Tensor, ...]) -> None:
    logits, reference, norms = log
    small, whole = (difficulty(shown(logits, reference, batch=b, norms=norms), score) for b in (3, N))

    torch.testing.assert_close(small, whole, rtol=1e-6, atol=1e-7)
    assert small.dtype == torch.float64


def course(*right: str) -> Dynamics:
    """One row for each string: `+` is an epoch in which it is predicted as its reference, `-` one in which it is not."""
    table = torch.tensor([[letter == "+" for letter in row] for row in right]).T  # [T, rows]
    logits = torch.stack([table.float() * 4, 2 * torch.ones_like(table, dtype=torch.float)], dim=-1)
    return shown(logits, torch.zeros(len(right), dtype=torch.int64), early=2, window=2)


def test_forgetting_counts_right_then_wrong_and_puts_rows_never_learnt_at_the_hard_end() -> None:
    assert difficulty(course("++++", "+-+-", "-+++", "----", "---+"), "forgetting").tolist() == [0, 2, 0, 4, 0]


def test_learning_time_is_when_a_row_stays_right_and_one_past_the_end_where_it_does_not() -> None:
    assert difficulty(course("++++", "+-++", "---+", "+++-", "----"), "learning-time").tolist() == [1, 3, 4, 5, 5]


def test_flips_need_no_label() -> None:
    assert difficulty(course("++++", "+-+-", "----", "--++"), "flips").tolist() == [0, 3, 0, 1]


@pytest.mark.parametrize("score", [score for score in SCORES if score != "flips"])
def test_a_row_never_learnt_is_harder_than_one_always_right(score: str) -> None:
    right, wrong = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    logits = torch.cat([right, wrong]).expand(4, 2, 2)
    seen = shown(logits, torch.zeros(2, dtype=torch.int64), window=2, norms=torch.ones(4, 2))

    always, never = difficulty(seen, score).tolist()
    assert never > always


@pytest.mark.parametrize("score", ["dual", "dyn-unc"])
def test_a_row_whose_probability_wavers_is_harder_than_one_that_is_sure(score: str) -> None:
    wavering, sure = difficulty(course("+-+-+-", "++++++"), score).tolist()

    assert sure == pytest.approx(0, abs=1e-7)
    assert wavering > 0


def test_dual_of_two_epochs_by_hand() -> None:
    """p is e4 / (e4 + e2) and then 1 / (1 + e2): 0.8808 and 0.1192, of deviation 0.5385 and mean 0.5."""
    seen = course("+-", "++")

    assert difficulty(seen, "dual")[0].item() == pytest.approx(10 * 0.538526 * 0.5, abs=1e-4)


def test_aum_of_two_epochs_by_hand() -> None:
    """Margins of probabilities are 0.7616 where right and -0.7616 where wrong; of logits 2 and -2."""
    seen = course("++", "+-", "--")

    torch.testing.assert_close(
        difficulty(seen, "aum"), torch.tensor([-0.761594, 0, 0.761594]).double(), rtol=0, atol=1e-5
    )
    assert difficulty(seen, "aum-logits").tolist() == [-2, 0, 2]


def test_a_training_that_diverged_too_short_or_cut_off_is_refused() -> None:
    seen = Dynamics(torch.zeros(3, dtype=torch.int64))
    seen.see(torch.arange(3), torch.full((3, 2), torch.nan))
    with pytest.raises(BadScores, match="diverged: 3 of 3 rows.*learning rate"):
        difficulty(seen, "flips")
    with pytest.raises(ConfigError, match="look at 10 epochs at a time, and there were 4"):
        difficulty(shown(torch.rand(4, 3, 2), torch.zeros(3, dtype=torch.int64), window=10), "dual")
    with pytest.raises(ConfigError, match="'grand' needs the lengths"):
        difficulty(course("+-", "++"), "grand")
    seen = course("+-", "++")
    seen.see(torch.tensor([0]), torch.zeros(1, 2))
    with pytest.raises(ConfigError, match="5 rows were shown of a pool of 2"):
        difficulty(seen, "aum")


def test_a_score_that_tells_no_row_from_another_is_refused() -> None:
    with pytest.raises(BadScores, match="all 2 rows have the same score 'forgetting' .0.*more epochs, take another"):
        difficulty(course("++", "-+"), "forgetting")
    with pytest.raises(BadScores, match="1 of 2 rows.*position 1"):
        refuse_constant(torch.tensor([0.0, torch.nan]).double(), "distance")


def test_an_unknown_score_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="'aumm'; did you mean 'aum'.*dyn-unc"):
        difficulty(course("+-", "++"), "aumm")
    with pytest.raises(ConfigError, match="window 1"):
        Dynamics(torch.zeros(3, dtype=torch.int64), window=1)


def test_a_reference_that_nothing_can_be_learnt_from_is_refused() -> None:
    assert classes_in(torch.tensor([0, 1, 4]), 3, 3) == 5  # more clusters than classes are no error
    assert classes_in(torch.tensor([0, 1, 1]), 3, 10) == 10  # and so are empty ones
    with pytest.raises(BadScores, match="all 3 rows into 1 class"):
        classes_in(torch.zeros(3, dtype=torch.int64), 3, 3)
    with pytest.raises(BadScores, match="1 of 3.*-1 at position 1"):
        classes_in(torch.tensor([0, -1, 1]), 3, 3)
    with pytest.raises(BadScores, match="2 entries, but the pool has 3"):
        classes_in(torch.tensor([0, 1]), 3, 3)


def test_dual_of_a_training_that_is_still_in_its_rise_is_warned_of() -> None:
    """The first row is learnt at once, the second hardly at all: it moved less, and so would be the easier one."""
    rise = torch.linspace(-1, 1, 4)[:, None] * torch.tensor([3.0, 0.2])
    logits = torch.stack([rise, torch.zeros_like(rise)], dim=-1)
    seen = shown(logits, torch.zeros(2, dtype=torch.int64), window=4)

    with pytest.warns(UserWarning, match="learnt first are the hard ones.*right for 100%.*more epochs or faster"):
        difficulty(seen, "dual")
