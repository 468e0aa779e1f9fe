"""Evidence about the whole pool: computed once, kept by content, sliced to the rows at hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop import catalogue
from activeloop.config import Config, load
from activeloop.evidence import Plan, gather, resolve, whole_pool
from activeloop.run import Run
from activeloop.store.cache import Cache
from activeloop.types import Data, Loaded, Noted

Configure = Callable[..., Config]
CALLS: list[int] = []


def counted(features: Tensor, data: Data, seed: int, *, shift: int = 0) -> Noted:
    """A provider of whole pools that notes how often it is called. returns: [N] the first feature and `shift`."""
    CALLS.append(len(features))
    return Noted(features[:, 0].double() + shift, {"seed": seed})


def hardest(difficulty: Tensor, n: int) -> Tensor:
    """A selector. returns: [n] positions."""
    return difficulty.argsort(descending=True)[:n]


def as_hard(difficulty: Tensor) -> Tensor:
    """A score."""
    return difficulty


@pytest.fixture(autouse=True)
def _in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    CALLS.clear()
    monkeypatch.setitem(catalogue.EVIDENCE, "counted", f"{__name__}:counted")
    find, own = catalogue.find, {"counted": counted, "hardest": hardest, "as-hard": as_hard}
    monkeypatch.setattr(catalogue, "find", lambda kind, name: own.get(name) or find(kind, name))
    strategy = catalogue.find_strategy
    monkeypatch.setattr(catalogue, "find_strategy", lambda name: own.get(name) or strategy(name))


def plan(shift: int = 0) -> Plan:
    options = {"difficulty": {"shift": shift}} if shift else {}
    return resolve("hardest", options={}, bind={"difficulty": "counted"}, evidence=options, offers={})


def given(folder: Path | None, rows: list[int], values: Tensor | None = None, pool_seed: int = 5) -> dict[str, Any]:
    inputs = torch.arange(20.0).reshape(10, 2) if values is None else values
    data = Data(inputs, ("a", "b"), torch.zeros(2), torch.ones(2))
    cache = None if folder is None else Cache(folder)
    return {"data": data, "rows": np.array(rows), "pool_seed": pool_seed, "cache": cache, "n": 1}


def test_it_is_computed_over_all_rows_and_sliced_to_those_at_hand() -> None:
    found = gather(plan(), given(None, [2, 7]))

    assert CALLS == [10]
    assert found.values["difficulty"].tolist() == [4.0, 14.0]
    assert found.notes == {"difficulty": {"seed": 5}}


def test_it_is_kept_by_content_and_computed_once(tmp_path: Path) -> None:
    first = gather(plan(), given(tmp_path, [1]))
    again = gather(plan(), given(tmp_path, [1, 2, 3]))

    assert CALLS == [10]
    assert again.values["difficulty"].tolist() == [2.0, 4.0, 6.0]
    assert first.notes == again.notes


@pytest.mark.parametrize("change", ["values", "options", "seed", "threads"])
def test_what_it_was_computed_from_is_in_the_key(tmp_path: Path, change: str) -> None:
    gather(plan(), given(tmp_path, [1]))
    values = torch.arange(20.0).reshape(10, 2) + 1 if change == "values" else None
    if change == "threads":
        torch.set_num_threads(2)
    gather(plan(shift=change == "options"), given(tmp_path, [1], values, pool_seed=5 + (change == "seed")))

    assert CALLS == [10, 10]


def test_a_score_sees_the_whole_pool_once_however_many_chunks_it_is_scored_in(
    tmp_path: Path, quick: Configure, digits: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activeloop.rounds.CHUNK", 100)
    assert digits.truth is not None
    config = quick("acquire.strategy=as-hard", "acquire.bind.difficulty=counted", f"data.cache={tmp_path / 'cache'}")
    with Run(tmp_path / "run", config, digits.data, digits.test) as run:
        picked = []
        while (query := run.ask()) is not None:
            picked += query.rows if query.use == "acquire" else ()
            run.tell(query.id, {row: int(digits.truth[row]) for row in query.rows})

    assert [len(digits.data)] == CALLS
    hard = digits.data.inputs.flatten(1)[:, 0].double()
    started = set(range(len(hard))) - set(picked)
    assert min(hard[picked]) >= max(hard[list(started)]) - 16  # by difficulty, the start's rows aside
    assert len(picked) == 20


def test_nothing_is_computed_for_a_plan_that_needs_none() -> None:
    assert whole_pool(resolve("random", options={}, bind={}, evidence={}, offers={}), {}) == {}


def test_a_preset_is_a_selector_with_other_settings_and_the_users_win() -> None:
    quick = resolve("elfs-quick", options={}, bind={}, evidence={}, offers={})
    steps = {step.name: step for step in quick.steps}
    assert steps["difficulty"].options["score"] == "dual"
    assert {name: step.provider for name, step in steps.items()} == {
        "features": "pixels", "reference": "clusters", "difficulty": "proxy", "cutoff": "search",
    }  # fmt: skip

    mine = resolve(
        "elfs-quick", options={"quota": True}, bind={"difficulty": "probe"},
        evidence={"reference": {"heads": 3}, "difficulty": {"score": "aum"}}, offers={},
    )  # fmt: skip
    steps = {step.name: step for step in mine.steps}
    assert mine.options == {"quota": True}
    assert steps["reference"].options["heads"] == 3
    assert steps["reference"].options["layers"] == "linear"
    assert steps["difficulty"].options == {"score": "aum"}, "a proxy's options are none of the probe's"


@pytest.mark.parametrize("name", [name for name in catalogue.PRESETS if name in catalogue.SELECTORS])
def test_every_selector_of_a_preset_resolves_without_a_model(name: str) -> None:
    assert not resolve(name, options={}, bind={}, evidence={}, offers={}).trains


def test_embeddings_as_features_bind_what_acquires_and_refuse_a_start(quick: Configure, digits: Loaded) -> None:
    from activeloop.errors import MissingEvidence
    from activeloop.rounds import prepare

    sets = ["data.features=embeddings", "acquire.strategy=k-center"]
    setup = prepare(load(None, sets), digits.data, digits.test)
    assert [step.provider for step in setup.acquire.steps] == ["embeddings"]
    with pytest.raises(MissingEvidence, match="no model, since nothing is labelled yet"):
        prepare(load(None, [*sets, "start.strategy=k-means"]), digits.data, digits.test)
