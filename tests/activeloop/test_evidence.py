from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop import catalogue
from activeloop.errors import BadScores, ConfigError, MissingEvidence, UnknownName
from activeloop.evidence import Plan, gather, resolve, samples
from activeloop.learners.model import NetModel
from activeloop.learners.nets import mlp
from activeloop.types import Data

OFFERS = {"probs": "[n, 10]", "samples": "[n, K, 10]", "embeddings": "[n, 64]", "history": "", "early": ""}


def plan(strategy: str, offers: dict[str, str] = OFFERS, **settings: dict[str, object]) -> Plan:
    given = {"options": {}, "bind": {}, "evidence": {}, **settings}
    return resolve(strategy, offers=offers, **given)  # type: ignore[arg-type]


def test_a_plan_lists_what_is_needed_in_the_order_of_computing() -> None:
    assert [step.name for step in plan("forgetting").steps] == ["history", "reference"]
    assert [step.provider for step in plan("forgetting").steps] == ["history", "previous"]
    assert not plan("random").steps


def test_binding_gives_a_name_to_another_provider() -> None:
    assert [step.provider for step in plan("k-center", bind={"features": "embeddings"}).steps] == ["embeddings"]
    assert plan("k-center", bind={"features": "embeddings"}).trains
    assert not plan("k-center").trains


def test_what_the_learner_lacks_is_named_with_the_chain_and_the_remedy() -> None:
    with pytest.raises(
        MissingEvidence, match=r"'bald' cannot run: 'bald' which needs 'samples'.*offers probs.*dropout"
    ):
        plan("bald", {"probs": "[n, 10]"})
    with pytest.raises(MissingEvidence, match="no model, since nothing is labelled yet.*k-center"):
        plan("entropy", {})


def test_a_strategy_that_asks_for_what_nobody_gives_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def curious(probs: Tensor, model: object) -> Tensor:
        return probs[:, 0]

    monkeypatch.setattr(catalogue, "find_strategy", lambda name: curious)
    with pytest.raises(MissingEvidence, match="'curious' asks for 'model'.*A strategy may ask for rows, labels"):
        plan("curious")


def test_unknown_names_in_bindings_and_options_are_refused() -> None:
    with pytest.raises(UnknownName, match="no evidence is called 'featurs'; did you mean 'features'"):
        plan("k-center", bind={"featurs": "embeddings"})
    with pytest.raises(UnknownName, match="'embedings'; did you mean 'embeddings'"):
        plan("k-center", bind={"features": "embedings"})
    with pytest.raises(ConfigError, match="'samples' has no option 'pases'; did you mean 'passes'"):
        plan("bald", evidence={"samples": {"pases": 3}})


class Says:
    """A model that gives what it was given."""

    def __init__(self, told: Tensor) -> None:
        self.told = told

    def probs(self, rows: np.ndarray) -> Tensor:  # type: ignore[type-arg]
        return self.told


@pytest.mark.parametrize(
    ("row", "message"),
    [([0.7, 0.7], "1 of 2 rows.*first is row 9"), ([float("nan"), 1.0], "1 of 2 rows"), ([1.5, -0.5], "1 of 2")],
)
def test_probabilities_that_are_none_are_refused_and_not_repaired(row: list[float], message: str) -> None:
    given = {"rows": np.array([4, 9]), "model": Says(torch.tensor([[0.5, 0.5], row]))}

    with pytest.raises(BadScores, match=message):
        gather(plan("entropy"), given)


@pytest.mark.parametrize("shape", [(2,), (2, 1, 3)])
def test_evidence_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    given = {"rows": np.array([4, 9]), "model": Says(torch.ones(shape))}

    with pytest.raises(BadScores, match="evidence 'probs' is .*must be a tensor with 2 axes"):
        gather(plan("entropy"), given)


def test_features_with_nan_are_refused_with_the_dataset_row() -> None:
    inputs = torch.zeros(10, 3)
    inputs[7, 1] = torch.nan
    given = {"rows": np.array([2, 7]), "data": Data(inputs, ("a", "b"), torch.zeros(3), torch.ones(3))}

    with pytest.raises(BadScores, match="1 of 2 rows: features are nan or infinite.*the first is row 7"):
        gather(plan("k-center", {}), {**given, "labels": torch.tensor([-1, -1]), "n": 1, "rng": None})


def test_passes_in_bfloat16_are_near_those_in_float32_and_another_precision_is_refused() -> None:
    torch.manual_seed(0)
    data = Data(torch.rand(20, 6), ("a", "b", "c"), torch.zeros(6), torch.ones(6))
    model, rows = NetModel(mlp((6,), 3).eval(), data), np.arange(20)
    exact, half = (samples(model, rows, data, 0, precision=precision) for precision in ("float32", "bfloat16"))

    assert half.dtype == torch.float32
    assert 0 < (exact - half).abs().max() < 0.01
    torch.testing.assert_close(half.sum(dim=2), torch.ones(20, 20))
    with pytest.raises(ConfigError, match="precision is 'bfloat'; did you mean 'bfloat16'"):
        samples(model, rows, data, 0, precision="bfloat")


@pytest.mark.parametrize("strategy", ["el2n", "aum", "forgetting"])
def test_a_reference_that_numbers_groups_in_its_own_order_is_no_class(strategy: str) -> None:
    with pytest.raises(ConfigError, match="'clusters' numbers its groups in an order of its own.*'named-clusters'"):
        plan(strategy, bind={"reference": "clusters"})

    assert "clusters" in [step.name for step in plan(strategy, bind={"reference": "named-clusters"}).steps]


def test_what_only_wants_groups_may_have_them_by_any_number() -> None:
    assert plan("cluster-margin", bind={"reference": "clusters"}).picks
