from __future__ import annotations

import numpy as np
import pytest
import torch

from activeloop.errors import BadScores, ConfigError
from activeloop.providers import cutoff as module
from activeloop.providers.cutoff import fixed, prior, search
from activeloop.selectors.double_end import dropped, window
from activeloop.types import Data

N, CLASSES = 300, ("a", "b", "c")
TRUTH = torch.arange(N) % 3
QUICK = {"lr": 0.02, "epochs": 15, "batch": 64}


def pool(rows: int = N) -> Data:
    points = 3 * torch.eye(4)[TRUTH[:rows]] + torch.randn(rows, 4, generator=torch.Generator().manual_seed(0)) / 2
    return Data(points, CLASSES, torch.zeros(1), torch.ones(1))


def noisy() -> tuple[torch.Tensor, torch.Tensor]:
    """A reference that is wrong in a third of the rows, which are the hardest of all, and that difficulty."""
    chance = np.random.default_rng(0)
    wrong = torch.from_numpy(chance.permutation(N)[: N // 3])
    reference, difficulty = TRUTH.clone(), torch.from_numpy(chance.uniform(size=N))
    reference[wrong] = (reference[wrong] + 1) % 3
    difficulty[wrong] += 1
    return reference, difficulty


def found(n: int = 40, seed: int = 0, **options: object) -> tuple[float, dict[float, float]]:
    data, (reference, difficulty) = pool(), noisy()
    noted = search(n, data.inputs, reference, difficulty, data, seed, **{**QUICK, **options})  # type: ignore[arg-type]
    tried = {one["cutoff"]: one["accuracy"] for one in noted.notes["tried"]}  # type: ignore[index,union-attr,call-overload]
    assert noted.value.shape == ()
    assert noted.value.dtype == torch.float64
    return float(noted.value), tried


def test_a_fixed_cutoff_is_what_was_given() -> None:
    assert float(fixed(value=0.3).value) == 0.3
    assert float(fixed().value) == 0
    with pytest.raises(ConfigError, match="cutoff is 1; it is the share"):
        fixed(value=1.0)


@pytest.mark.parametrize(
    ("n", "cutoff"),
    [(1, 0.4), (30, 0.4), (45, 0.35), (60, 0.3), (90, 0.16), (150, 0.1), (180, 0.05), (210, 0), (300, 0)],
)
def test_the_prior_falls_from_a_tenth_to_seven_tenths_of_the_pool(n: int, cutoff: float) -> None:
    assert float(prior(n, pool()).value) == pytest.approx(cutoff)


@pytest.mark.parametrize("n", range(1, 301, 7))
def test_the_prior_never_leaves_too_few_rows(n: int) -> None:
    cutoff = float(prior(n, pool(), at_a_tenth=0.95).value)

    assert n + dropped(cutoff, N) <= N
    assert len(window(torch.rand(N), cutoff, torch.full((N,), -1), n, np.random.default_rng(0))) == n


@pytest.mark.parametrize("how", ["probe", "proxy"])
def test_the_cutoff_that_leaves_out_the_wrong_rows_wins(how: str) -> None:
    """A third is wrong, so a window of 0.13 after no cutoff is all wrong, and one after 0.4 all right."""
    cutoff, tried = found(how=how, net="linear", grid="0,0.1,0.4,0.6")

    assert cutoff in (0.4, 0.6)
    assert tried[0.4] > tried[0] + 0.3
    assert tried[cutoff] == max(tried.values())


def test_where_a_pool_is_features_a_probe_stands_in_for_the_net() -> None:
    """`resnet18` could not look at them."""
    data, (reference, difficulty) = pool(), noisy()
    noted = search(40, data.inputs, reference, difficulty, data, 0, how="proxy", net="resnet18", epochs=2)

    assert noted.notes["how"] == "probe"
    assert "stands in for a net" in str(noted.notes["instead_of_a_net"])


def test_of_equally_good_cutoffs_the_one_nearest_to_the_prior_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._Trial, "accuracies", lambda self, cutoffs, epochs: [0.5] * len(cutoffs))

    assert found(n=30)[0] == 0.4
    assert found(n=60)[0] == 0.3
    assert found(n=45)[0] == 0.3  # 0.35 is as near to 0.4


def test_cutoffs_that_leave_too_few_rows_are_not_tried() -> None:
    assert list(found(n=150, epochs=1)[1]) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    with pytest.raises(ConfigError, match="no room for any cutoff of 0.5,0.6: add one of at most 0.33"):
        found(n=200, grid="0.5,0.6")


def test_halving_gives_the_better_half_twice_the_epochs_until_one_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    rungs: list[tuple[list[float], int]] = []

    def accuracies(self: object, cutoffs: list[float], epochs: int) -> list[float]:
        rungs.append((cutoffs, epochs))
        return [1 - abs(cutoff - 0.6) for cutoff in cutoffs]

    monkeypatch.setattr(module._Trial, "accuracies", accuracies)
    cutoff, tried = found(halving=True, epochs=40)

    assert cutoff == 0.6
    assert [(len(cutoffs), epochs) for cutoffs, epochs in rungs] == [(9, 5), (5, 10), (3, 20), (2, 40)]
    assert len(tried) == 9


def test_the_seed_decides_and_halving_and_hidden_layers_work() -> None:
    assert found(epochs=4) == found(epochs=4)
    assert found(epochs=4, seed=1)[1] != found(epochs=4)[1]
    assert found(epochs=8, halving=True, hidden=8)[0] in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def test_windows_are_of_the_rows_that_are_not_held_out_and_as_large_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[module._Trial, list[torch.Tensor]]] = []

    def probes(self: module._Trial, windows: list[torch.Tensor], epochs: int) -> list[float]:
        seen.append((self, windows))
        return [0.0] * len(windows)

    monkeypatch.setattr(module._Trial, "_probes", probes)
    found(n=40, grid="0,0.25")

    trial, (first, second) = seen[0]
    assert len(trial.held) == 30
    assert len(first) == len(second) == 36  # of 270, as 40 of 300
    assert not set(trial.held.tolist()) & {*first.tolist(), *second.tolist()}
    difficulty = noisy()[1]
    rest = torch.tensor(sorted(set(range(N)) - set(trial.held.tolist())))
    ordered = rest[difficulty[rest].argsort(descending=True)]
    assert first.tolist() == ordered[:36].tolist()
    assert second.tolist() == ordered[67:103].tolist()  # a quarter of 270 is 67.5


def test_what_cannot_be_searched_is_refused() -> None:
    data, (reference, difficulty) = pool(), noisy()
    with pytest.raises(ConfigError, match="how is 'probes'"):
        found(how="probes")
    with pytest.raises(ConfigError, match="grid is '0;1'; it must be cutoffs with commas"):
        found(grid="0;1")
    with pytest.raises(ConfigError, match="window of 1 row teaches nothing"):
        found(n=1)
    with pytest.raises(ConfigError, match="0 picks of 300 rows"):
        found(n=0)
    with pytest.raises(BadScores, match="all 300 rows have the same difficulty"):
        search(30, data.inputs, reference, torch.zeros(N), data, 0)
    with pytest.raises(BadScores, match="nan or infinite; the first is position 5"):
        search(30, data.inputs, reference, difficulty.index_fill(0, torch.tensor([5]), torch.nan), data, 0)
    with pytest.raises(BadScores, match="into 1 class"):
        search(30, data.inputs, torch.zeros(N, dtype=torch.int64), difficulty, data, 0)
