from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.random import Generator
from torch import Tensor

from activeloop.acquisitions import margin
from activeloop.cli.main import main
from activeloop.testing import StrategyContract, contracts
from activeloop.testing.growth import SIZES, growth


def in_place(probs: Tensor) -> Tensor:
    return probs.mul_(2).double().amax(dim=1)


def ranked(probs: Tensor) -> Tensor:
    """A rank among the rows at hand: another number in each chunk."""
    return probs.double().amax(dim=1).argsort().argsort().double()


def by_position(probs: Tensor) -> Tensor:
    return torch.arange(len(probs)).double()


def per_class(probs: Tensor) -> Tensor:
    return probs


def repaired(probs: Tensor) -> Tensor:
    return probs.nan_to_num(0).double().amax(dim=1)


def twice(labels: Tensor, n: int) -> Tensor:
    return torch.full((n,), 10)


def labelled(labels: Tensor, n: int) -> Tensor:
    return torch.arange(n)


def careless(labels: Tensor, n: int) -> Tensor:
    free = (labels == -1).nonzero().flatten()
    return free[torch.from_numpy(np.random.default_rng().permutation(len(free))[:n])]


def ids(rows: np.ndarray, n: int) -> Tensor:  # type: ignore[type-arg]
    return torch.from_numpy(rows[-n:])


def model(probs: Tensor, model: object) -> Tensor:
    return probs[:, 0]


@pytest.mark.parametrize(
    ("function", "check", "seen"),
    [
        (in_place, "changes none of its evidence", "changes 'probs', which others see too"),
        (ranked, "scores in chunks as at once", "for rows looked at in three parts"),
        (by_position, "permuting rows permutes scores", "for rows in another order"),
        (per_class, "gives a finite number a row", r"gives \[40, 5\] for 40 rows, not \[40\]"),
        (repaired, "refuses nan or passes it on", "gives 0 for a row whose probs is nan"),
        (twice, "picks so many different open rows", "gives 5 picks, 1 of them different"),
        (labelled, "picks so many different open rows", r"picks positions \[0\], which are labelled or skipped"),
        (careless, "the seed decides", "from the same evidence, n and rng"),
        (ids, "picks so many different open rows", "outside 0…39: are they row numbers"),
        (model, "asks for words of the vocabulary", "asks for model; a strategy may ask for"),
        (by_position, "says what comes back", "no line `returns:`"),
    ],
)
def test_every_broken_promise_is_caught_and_named(function: contracts.Function, check: str, seen: str) -> None:
    with pytest.raises(AssertionError, match=seen):
        contracts.of_strategy(function)[check](function)


class TestMargin(StrategyContract):
    strategy = "margin"
    reference = "modal:margin_sampling"


class TestKCenter(StrategyContract):
    strategy = "k-center"


def test_a_reference_that_differs_is_told() -> None:
    with pytest.raises(AssertionError, match="for the reference"):
        contracts.agrees_with(margin, lambda probs: margin(probs) + 0.1)

    def first(labels: Tensor, n: int, rng: Generator) -> Tensor:
        return (labels == -1).nonzero().flatten()[:n]

    contracts.agrees_with(first, first)
    with pytest.raises(AssertionError, match="the reference"):
        contracts.agrees_with(first, lambda labels, n, rng: first(labels, n, rng).flip(0))


def test_time_and_memory_of_a_quadratic_function_grow() -> None:
    def pairs(features: Tensor) -> Tensor:
        return torch.cdist(features.double(), features.double()).sum(dim=1)

    found = growth(pairs)

    assert len(found.seconds) == len(SIZES)
    peak = found.peak[-1]
    assert peak is None or peak > 8 * SIZES[-1] ** 2 / 2**20 / 2


MINE = '''
from torch import Tensor


def doubt(probs: Tensor, *, sharpness: float = 2.0) -> Tensor:
    """1 - the largest probability, raised to a power. probs: [n, C]. returns: [n], float64, in [0, 1]."""
    return (1 - probs.double().amax(dim=1)) ** sharpness


def broken(probs: Tensor) -> Tensor:
    """returns: what it should not."""
    raise ZeroDivisionError("my own mistake")
'''


def test_the_command_checks_a_users_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # a name of its own: another test's `mine` may be imported in this process already
    (tmp_path / "of_a_user.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    assert main(["check", "of_a_user:doubt"]) == 0
    said = capsys.readouterr().out
    assert "of_a_user:doubt: scores rows" in said
    assert "time grows as rows^" in said
    assert "7 of 7 kept" in said
    assert main(["check", "of_a_user:broken", "--against", "margin"]) == 2
    said = capsys.readouterr().out
    assert "BROKEN  gives a finite number a row: raises ZeroDivisionError: my own mistake" in said
    assert "time grows" not in said
    assert main(["check", "of_a_user:none"]) == 2
    assert main(["check", "of_a_user:doubt", "--set", "learner.options.net=mlp"]) == 2
    assert "--set goes with --kind learner, and this is of the kind strategy" in capsys.readouterr().err


def test_the_classes_are_found_by_pytest_in_another_package(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "test_mine.py").write_text(
        "from activeloop.testing import StrategyContract\n\n\n"
        "class TestDoubt(StrategyContract):\n    strategy = 'mine:doubt'\n\n\n"
        "class TestBroken(StrategyContract):\n    strategy = 'mine:broken'\n"
    )
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip

    assert "2 failed, 6 passed" in said.stdout, said.stdout + said.stderr
    assert "my own mistake" in said.stdout
