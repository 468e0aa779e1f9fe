from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from activeloop import acquisitions, catalogue, load
from activeloop.bridges import baal as bridge
from activeloop.config import Config
from activeloop.errors import BadScores, MissingEvidence, UnknownName
from activeloop.types import Loaded

Configure = Callable[..., Config]
Finish = Callable[[Path, Config, Loaded], Path]


def samples(rows: int = 60, passes: int = 9, classes: int = 5) -> Tensor:
    chance = torch.Generator().manual_seed(0)
    return (2 * torch.randn(rows, passes, classes, generator=chance, dtype=torch.float64)).softmax(dim=2)


MEAN = {"margin": acquisitions.margin, "entropy": acquisitions.entropy, "certainty": acquisitions.least_confidence}


@pytest.mark.parametrize("name", bridge.HEURISTICS)
def test_shared_definitions_give_the_same_order(name: str) -> None:
    s, t = samples(), samples(rows=7)
    theirs = catalogue.find_strategy(f"baal:{name}")
    ours = {
        "bald": lambda: acquisitions.bald(s),
        "variance": lambda: s.var(dim=1, correction=0).mean(dim=1),
        "epig": lambda: acquisitions.epig(s, t),
    }.get(name, lambda: MEAN[name](s.mean(dim=1)))()

    found = theirs(s, t) if name == "epig" else theirs(s)

    assert found.dtype == torch.float64
    order = found.argsort(descending=True)
    assert (ours[order].diff() <= 1e-6).all()


def test_a_heuristic_that_stands_on_its_head_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = bridge.theirs.Margin.__init__

    def wrong(self: object) -> None:
        right(self)
        self.reversed = True  # type: ignore[attr-defined]

    monkeypatch.setattr(bridge.theirs.Margin, "__init__", wrong)
    with pytest.raises(BadScores, match="'baal:margin'.*would ask for the certain rows"):
        catalogue.find_strategy("baal:margin")


def test_nan_stays_nan_for_us_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    s, scored = samples(), catalogue.find_strategy("baal:bald")
    s[3, 2, 1] = torch.nan

    assert scored(s).isnan().nonzero().flatten().tolist() == [3]


def test_an_unknown_or_random_heuristic_names_those_there_are() -> None:
    with pytest.raises(UnknownName, match=r"'blad'; did you mean 'bald'.*baal:bald, baal:certainty"):
        catalogue.find_strategy("baal:blad")
    with pytest.raises(UnknownName, match="no deterministic heuristic called 'random'"):
        catalogue.find_strategy("baal:random")


def test_a_run_by_baals_heuristic_asks_for_the_rows_of_ours(
    tmp_path: Path, finish: Finish, digits: Loaded, net: Callable[..., Config]
) -> None:
    def asked(strategy: str) -> bytes:
        journal = finish(
            tmp_path / strategy.replace(":", "-"), net(f"acquire.strategy={strategy}"), digits
        ).read_bytes()
        return b"".join(line for line in journal.splitlines(True) if b'"asked"' in line)

    assert asked("baal:bald") == asked("bald")


@pytest.fixture
def net(quick: Configure) -> Configure:
    from activeloop.config import load as configure

    def made(*sets: str) -> Config:
        return configure(None, ["budget=40", "start.size=20", "query=10", "learner.options.steps=30", *sets])

    return made


class Pool:
    """Digits as baal's loop wants them: pairs of an image's pixels and its class."""

    def __init__(self, rows: int) -> None:
        loaded = load("digits")
        assert loaded.truth is not None
        self.x = loaded.data.inputs[:rows].flatten(1).numpy() / 16
        self.y = loaded.truth[:rows]

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, at: int) -> tuple[NDArray[np.float32], int]:
        return self.x[at], int(self.y[at])


@pytest.mark.parametrize(("ours", "theirs"), [("margin", "Margin"), ("entropy", "Entropy"), ("batch-bald", None)])
def test_ours_in_baals_own_loop(ours: str, theirs: str | None) -> None:
    from baal.active import ActiveLearningDataset
    from baal.active.active_loop import ActiveLearningLoop
    from sklearn.linear_model import LogisticRegression

    def labelled(heuristic: object) -> list[int]:
        pool = Pool(300)
        dataset = ActiveLearningDataset(pool)
        dataset.label(list(range(30)))

        def predict(left: object) -> NDArray[np.float64]:
            x, y = map(np.array, zip(*[dataset[at] for at in range(len(dataset))], strict=True))
            rows = np.stack([left[at][0] for at in range(len(left))])  # type: ignore[index,arg-type]
            every = [LogisticRegression(C=c, max_iter=500).fit(x, y).predict_proba(rows) for c in (0.01, 1.0)]
            return np.stack(every, axis=2)

        loop = ActiveLearningLoop(dataset, predict, heuristic, query_size=5)
        for _ in range(3):
            assert loop.step()
        return np.flatnonzero(dataset.labelled).tolist()

    found = labelled(bridge.heuristic(ours, query_size=5))
    assert len(found) == 45
    if theirs is not None:
        assert found == labelled(getattr(bridge.theirs, theirs)())


def test_baal_is_not_let_to_repair_what_we_refuse() -> None:
    margin = bridge.heuristic("margin")
    spoilt = samples().transpose(1, 2).numpy()
    spoilt[4] = np.nan

    with pytest.raises(BadScores, match="1 of 60 predictions are not probabilities; the first is 4"):
        margin.get_ranks(spoilt)
    with pytest.raises(BadScores, match="not probabilities.*softmax of them by itself"):
        margin.get_ranks(np.log(samples().transpose(1, 2).numpy()))


def test_what_baals_loop_cannot_give_is_said_at_once() -> None:
    with pytest.raises(
        MissingEvidence, match="'forgetting' needs history, reference, and baal's loop knows predictions"
    ):
        bridge.heuristic("forgetting")


def test_baal_is_imported_only_where_its_name_is_used() -> None:
    script = "import sys; from activeloop.catalogue import find_strategy; find_strategy('margin'); print('baal' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "False"
