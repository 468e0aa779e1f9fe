"""No strategy can reach the hidden labels: there is no path from what it is given to them."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop import catalogue
from activeloop.cli.oracle import oracle_for
from activeloop.cli.reference import computed
from activeloop.config import Config
from activeloop.drive import drive
from activeloop.run import Run
from activeloop.types import Loaded

Configure = Callable[..., Config]


def reachable(*roots: object) -> list[object]:
    """Everything that can be got at from these objects, modules and functions' globals left aside."""
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, (ModuleType, type)):
            continue
        seen[id(item)] = item
        if isinstance(item, FunctionType):
            waiting += [cell.cell_contents for cell in item.__closure__ or () if cell.cell_contents is not None]
        else:
            waiting += gc.get_referents(item)
    return list(seen.values())


def holds(item: object, truth: np.ndarray[Any, Any]) -> bool:
    """Whether this is the truth, whole: as an array or a tensor, of any kind of number."""
    if isinstance(item, Tensor) and item.shape == truth.shape:
        return bool((item.cpu().double() == torch.from_numpy(truth).double()).all())
    return isinstance(item, np.ndarray) and item.shape == truth.shape and bool((item == truth).all())


def test_the_truth_is_out_of_reach_of_a_run_and_its_learner(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    truth = digits.truth
    assert truth is not None
    with Run(tmp_path, quick(), digits.data, digits.test, digits.known) as run:
        while (query := run.ask()) is not None:
            run.tell(query.id, {row: int(truth[row]) for row in query.rows})
            assert not [item for item in reachable(run) if holds(item, truth)]


def test_the_truth_is_out_of_reach_of_a_strategy(
    tmp_path: Path, quick: Configure, digits: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = digits.truth
    assert truth is not None
    found: list[bool] = []

    def spy(probs: Tensor, rows: object, inputs: Tensor, labels: Tensor, features: Tensor) -> Tensor:
        found.append(any(holds(item, truth) for item in reachable(probs, rows, inputs, labels, features)))
        return probs[:, 0].double()

    find = catalogue.find_strategy
    monkeypatch.setattr(catalogue, "find_strategy", lambda name: spy if name == "spy" else find(name))
    with Run(tmp_path, quick("acquire.strategy=spy"), digits.data, digits.test) as run:
        while (query := run.ask()) is not None:
            run.tell(query.id, {row: int(truth[row]) for row in query.rows})

    assert len(found) >= 2
    assert not any(found)


@pytest.mark.parametrize("noise", ["pair:0.2", "instance:0.2", "confusable:0.2"])
def test_what_noise_is_computed_from_is_out_of_reach_of_a_run_that_it_answers(
    tmp_path: Path, quick: Configure, digits: Loaded, noise: str
) -> None:
    truth, config = digits.truth, quick(f"oracle.noise={noise}")
    assert truth is not None
    reference = computed(digits, tmp_path / "truth", tmp_path / "cache")
    probs = reference("probs")
    oracle = oracle_for(config, digits, reference)
    with Run(tmp_path / "run", config, digits.data, digits.test) as run:
        for _ in drive(run, oracle):
            reached = reachable(run)
            assert not [item for item in reached if item is oracle or holds(item, truth) or holds(item, probs)]
    assert holds(probs, probs.copy())


def test_the_search_itself_finds_a_truth_that_leaks(digits: Loaded) -> None:
    truth = digits.truth
    assert truth is not None

    assert [item for item in reachable({"deep": [lambda: truth]}) if holds(item, truth)]
    assert [item for item in reachable(digits) if holds(item, truth)]
    assert not [item for item in reachable(digits.data) if holds(item, truth)]
