"""Runs that train together: each as alone, whichever others there are, wherever it was cut, whatever fails beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from activeloop.config import Config, load
from activeloop.drive import Steps, rounds
from activeloop.errors import ConfigError
from activeloop.fold import State
from activeloop.run import Run
from activeloop.sweep.lockstep import lockstep
from activeloop.sweep.outcome import Outcome, attempted
from activeloop.training import Request, Trained
from activeloop.types import Data, Fit, Labels, Loaded
from oracles import Simulated

NET = ("lockstep=true", "learner.options.net=mlp", "learner.options.steps=25", "learner.options.looks=4",
       "budget=50", "start.size=20", "query=10", "evidence.early.models=2", "evidence.samples.passes=4")  # fmt: skip
STRATEGIES = ("random", "entropy", "margin", "bald", "forgetting", "el2n")


def config(strategy: str, seed: int = 0, *more: str) -> Config:
    return load(None, [*NET, f"acquire.strategy={strategy}", f"seed={seed}", *more])


def nan(probs: torch.Tensor) -> torch.Tensor:
    """A strategy of a user's that has gone wrong."""
    return torch.full((len(probs),), torch.nan)


def work(given: Config, out: Path, data: Loaded) -> Steps[Outcome]:
    name = f"{given.acquire.strategy.rpartition(':')[2]}-{given.seed}"

    def steps() -> Steps[None]:
        assert data.truth is not None
        with Run(out / name, given, data.data, data.test) as run:
            yield from rounds(run, Simulated(data.truth))

    return attempted(name, steps, whole=True)


def journals(out: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in sorted(out.glob("*/journal.jsonl"))}


@pytest.fixture(scope="module")
def configs() -> list[Config]:
    return [config(strategy, seed) for seed in (0, 1) for strategy in STRATEGIES]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, configs: Sequence[Config], digits: Loaded) -> dict[str, bytes]:
    """Journals of each by `ask` alone."""
    out = tmp_path_factory.mktemp("alone")
    assert digits.truth is not None
    for each in configs:
        with Run(out / f"{each.acquire.strategy}-{each.seed}", each, digits.data, digits.test) as run:
            oracle = Simulated(digits.truth)
            while (query := run.ask()) is not None:
                oracle.post(query.id, query.rows)
                run.tell(query.id, oracle.collect(query.id))
    return journals(out)


@pytest.mark.parametrize("at_a_time", [1, 5, 32])
def test_each_run_has_the_journal_that_it_has_alone(
    tmp_path: Path, configs: Sequence[Config], alone: dict[str, bytes], digits: Loaded, at_a_time: int
) -> None:
    outcomes = list(lockstep(partial(work, out=tmp_path, data=digits), configs, at_a_time))

    assert journals(tmp_path) == alone
    assert sorted(each.name for each in outcomes) == sorted(alone)
    assert {(each.told, each.error) for each in outcomes} == {(50, None)}


def test_runs_cut_in_different_places_end_as_they_would_have(
    tmp_path: Path, configs: Sequence[Config], alone: dict[str, bytes], digits: Loaded
) -> None:
    for at, (name, whole) in enumerate(alone.items()):
        (tmp_path / name).mkdir()
        (tmp_path / name / "journal.jsonl").write_bytes(whole[: len(whole) * at // len(alone)])

    list(lockstep(partial(work, out=tmp_path, data=digits), configs))

    assert journals(tmp_path) == alone


def test_what_fails_is_the_outcome_of_one_run_and_the_others_go_on(
    tmp_path: Path, configs: Sequence[Config], alone: dict[str, bytes], digits: Loaded
) -> None:
    bad = f"{__name__}:nan"
    wild = config("entropy", 5, "learner.options.optimiser=sgd", "learner.options.lr=1e30")
    chosen = [configs[0], config(bad, 3), configs[1], wild]
    found = {each.name: each for each in lockstep(partial(work, out=tmp_path, data=digits), chosen)}

    assert "scores are nan" in str(found["nan-3"].error)
    assert "training diverged" in str(found["entropy-5"].error)
    assert found["random-0"].error is found["entropy-0"].error is None
    assert {name: journals(tmp_path)[name] for name in ("random-0", "entropy-0")} == {
        name: alone[name] for name in ("random-0", "entropy-0")
    }
    with Run(tmp_path / "nan-3"):
        pass  # its lock is free again


def test_the_first_training_of_strategies_at_equal_seed_is_done_once(
    tmp_path: Path, configs: Sequence[Config], digits: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    from activeloop.learners.supervised import Supervised

    fitted: list[int] = []
    fit_each = Supervised.fit_each
    monkeypatch.setattr(Supervised, "fit_each", lambda own, fits: (fitted.append(len(fits)), fit_each(own, fits))[1])
    some = [each for each in configs if each.acquire.strategy not in ("el2n", "forgetting")]
    list(lockstep(partial(work, out=tmp_path, data=digits), some))

    assert fitted == [2, 8, 8, 8], "two seeds of four strategies"


def test_warnings_are_those_of_the_run_that_gave_them(tmp_path: Path, digits: Loaded) -> None:
    lacking, whole = config("random", 0), config("margin", 1, "start.strategy=balanced:2")
    found = {each.name: each for each in lockstep(partial(work, out=tmp_path, data=digits), [lacking, whole])}

    assert [text for text in found["random-0"].warnings if "holds no label of" in text]
    assert not found["margin-1"].warnings


def test_a_run_that_is_not_configured_for_it_is_refused_and_lets_go_of_the_others(
    tmp_path: Path, digits: Loaded
) -> None:
    mixed = [config("random"), load(None, [*NET[1:], "seed=2"])]

    with pytest.raises(ConfigError, match="without `lockstep` in its configuration"):
        list(lockstep(partial(work, out=tmp_path, data=digits), mixed))
    with Run(tmp_path / "random-0"):
        pass


def test_threads_outside_are_as_before_between_results(tmp_path: Path, digits: Loaded) -> None:
    torch.set_num_threads(2)
    with closing(lockstep(partial(work, out=tmp_path, data=digits), [config("random"), config("margin")], 1)) as runs:
        for _ in runs:
            assert torch.get_num_threads() == 2


# which run trains when, without training


class Named:
    """A learner whose model is who was trained with it."""

    def offers(self, data: Data) -> dict[str, str]:
        return {}

    def fit(self, data: Data, labels: Labels, *, seed: int, **_: Any) -> Any:
        return (seed,)

    def fit_each(self, fits: Sequence[Fit]) -> Any:
        return [tuple(fit.seed for fit in fits)] * len(fits)


LEARNER = Named()


def counted(
    item: tuple[int, list[int]], data: Loaded
) -> Generator[State | Request, Trained | None, tuple[int, list[Any]]]:
    """A run that trains on so many labels, one training after the other."""
    seed, sizes = item
    company = []
    for size in sizes:
        labels = np.where(np.arange(len(data.data)) < size, 0, -1)
        trained = yield Request(LEARNER, Fit(data.data, labels, seed), in_lockstep=True)  # type: ignore[arg-type]
        assert trained is not None
        company.append(trained.model)
    return seed, company


def company(items: Sequence[tuple[int, list[int]]], data: Loaded, at_a_time: int = 32) -> dict[int, list[Any]]:
    return dict(lockstep(partial(counted, data=data), items, at_a_time))


def test_a_run_that_lags_catches_up_before_the_others_go_on(digits: Loaded) -> None:
    assert company([(0, [30, 40]), (1, [10, 20, 30, 40])], digits) == {
        0: [(0, 1), (0, 1)],
        1: [(1,), (1,), (0, 1), (0, 1)],
    }


def test_new_runs_begin_when_half_the_lanes_are_free(digits: Loaded) -> None:
    sizes = {0: [10], 1: [10, 20], 2: [10, 20, 30], 3: [10, 20, 30], 4: [10, 20], 5: [10]}

    assert company(list(sizes.items()), digits, at_a_time=4) == {
        0: [(0, 1, 2, 3)],
        1: [(0, 1, 2, 3), (1, 2, 3)],
        2: [(0, 1, 2, 3), (1, 2, 3), (2, 3)],
        3: [(0, 1, 2, 3), (1, 2, 3), (2, 3)],
        4: [(4, 5), (4,)],
        5: [(4, 5)],
    }


# killed


PROGRAM = """
import sys
from pathlib import Path
from activeloop.cli.many import in_lockstep
from tests.activeloop.sweep.test_lockstep import config

runs = [(f"{s}-{seed}", config(s, seed)) for seed in (0, 1) for s in ("margin", "forgetting", "bald")]
for outcome in in_lockstep(runs, Path(sys.argv[1])):
    assert outcome.error is None, outcome.error
"""


@pytest.mark.slow
def test_a_sweep_killed_again_and_again_ends_with_the_same_journals(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]

    def start(out: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(out)], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
        )

    def bytes_of(out: Path) -> int:
        return sum(map(len, journals(out / "runs").values()))

    assert start(tmp_path / "whole").wait(timeout=300) == 0
    kills, out = 0, tmp_path / "killed"
    for _ in range(100):
        process, before = start(out), bytes_of(out)
        while process.poll() is None and bytes_of(out) <= before + 1500:
            time.sleep(0.005)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1

    assert process.returncode == 0
    assert kills >= 5
    assert journals(out / "runs") == journals(tmp_path / "whole/runs")
