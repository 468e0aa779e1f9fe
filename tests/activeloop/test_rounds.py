from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop import catalogue
from activeloop.config import Config
from activeloop.errors import BadScores, ConfigError, UnknownName
from activeloop.evidence import Plan
from activeloop.rounds import in_chunks, make_learner, measure, metrics, prepare, resolve_device, threads
from activeloop.run import Run
from activeloop.types import Loaded

Configure = Callable[..., Config]


def test_metrics_by_hand() -> None:
    probs = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])

    found = metrics(probs, np.array([0, 0, 1, 1]))

    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.75
    assert found["loss"] == pytest.approx(-(math.log(0.9) + math.log(0.6) + math.log(0.8) + math.log(0.3)) / 4)


def test_balanced_accuracy_weighs_a_rare_class_like_a_common_one() -> None:
    always_common = torch.tensor([[1.0, 0.0]] * 10)

    found = metrics(always_common, np.array([0] * 9 + [1]))

    assert (found["accuracy"], found["balanced_accuracy"]) == (0.9, 0.5)


def strategy_that(gives: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    find = catalogue.find_strategy
    monkeypatch.setattr(catalogue, "find_strategy", lambda name: gives if name == "mine" else find(name))


def picks_of(folder: Path, config: Config, data: Loaded) -> tuple[int, ...]:
    """The first query that the strategy picks."""
    assert data.truth is not None
    with Run(folder, config, data.data, data.test) as run:
        while (query := run.ask()) is not None and query.use != "acquire":
            run.tell(query.id, {row: int(data.truth[row]) for row in query.rows})
        assert query is not None
        return query.rows


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda probs: probs[:, 0] * torch.nan, "scores are nan or infinite"),
        (lambda probs: probs[:, 0] / 0, "scores are nan or infinite"),
        (lambda probs: probs, r"gave \[\d+, 10\] for \d+ rows"),
        (lambda probs: probs[1:, 0], r"gave \[\d+\] for \d+ rows; it must give a tensor"),
        (lambda probs: probs[:, 0].numpy(), "gave ndarray"),
    ],
)
def test_scores_that_are_none_are_refused_and_the_run_stays_as_it_was(
    tmp_path: Path, quick: Configure, digits: Loaded, monkeypatch: pytest.MonkeyPatch,
    give: Callable[[Tensor], Tensor], message: str,
) -> None:  # fmt: skip
    def mine(probs: Tensor) -> Tensor:
        return give(probs)

    strategy_that(mine, monkeypatch)
    with pytest.raises(BadScores, match=message):
        picks_of(tmp_path, quick("acquire.strategy=mine"), digits)
    with Run(tmp_path) as run:
        assert run.state.told == 20


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda labels, n: torch.arange(n - 1), "gave 9 picks"),
        (lambda labels, n: torch.zeros(n, dtype=torch.int64), "1 of them different"),
        (lambda labels, n: torch.arange(n) + 10**6, "10 outside"),
        (lambda labels, n: (labels >= 0).nonzero().flatten()[:n], "10 not open"),
    ],
)
def test_picks_that_break_their_contract_are_refused(
    tmp_path: Path, quick: Configure, digits: Loaded, monkeypatch: pytest.MonkeyPatch,
    give: Callable[[Tensor, int], Tensor], message: str,
) -> None:  # fmt: skip
    def mine(labels: Tensor, n: int) -> Tensor:
        return give(labels, n)

    strategy_that(mine, monkeypatch)
    with pytest.raises(BadScores, match=message):
        picks_of(tmp_path, quick("acquire.strategy=mine"), digits)


def test_candidates_bound_what_a_round_looks_at(
    tmp_path: Path, quick: Configure, digits: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def mine(rows: np.ndarray, probs: Tensor) -> Tensor:  # type: ignore[type-arg]
        seen.append(len(rows))
        return probs[:, 0].double()

    strategy_that(mine, monkeypatch)
    picks_of(tmp_path, quick("acquire.strategy=mine", "candidates=100"), digits)

    assert seen == [100]


def test_only_a_strategy_that_asks_for_labels_sees_labelled_rows(
    tmp_path: Path, quick: Configure, digits: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def mine(rows: np.ndarray, labels: Tensor, n: int) -> Tensor:  # type: ignore[type-arg]
        seen.append(int((labels >= 0).sum()))
        return (labels == -1).nonzero().flatten()[:n]

    strategy_that(mine, monkeypatch)
    picks_of(tmp_path, quick("acquire.strategy=mine"), digits)

    assert seen == [20]


def test_a_huge_pool_is_scored_in_chunks_with_the_same_picks(
    tmp_path: Path, quick: Configure, digits: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = picks_of(tmp_path / "whole", quick("acquire.strategy=bald"), digits)
    monkeypatch.setattr("activeloop.rounds.CHUNK", 97)

    assert picks_of(tmp_path / "chunks", quick("acquire.strategy=bald"), digits) == whole


def test_a_diverse_pick_spreads_over_the_highest_scores_alone(
    tmp_path: Path, quick: Configure, digits: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = digits.data.inputs.flatten(1).double()
    strategy_that(lambda features: features.double()[:, 20:40].sum(dim=1), monkeypatch)
    best = pixels[:, 20:40].sum(dim=1)
    found = {}
    for name, sets in {
        "top": [],
        "all": ["acquire.pick=diverse", "acquire.among=1"],
        "diverse": ["acquire.pick=diverse", "acquire.among=4"],
        "drawn": ["acquire.pick=diverse", "acquire.among=4", "acquire.spread=k-means++"],
    }.items():
        picked = picks_of(tmp_path / name, quick("acquire.strategy=mine", *sets), digits)
        found[name] = list(picked)

    n = len(found["top"])
    assert set(found["all"]) == set(found["top"])
    lowest = best.sort(descending=True).values[4 * n + 20]  # 20 labelled rows may be among them
    for name in ("diverse", "drawn"):
        assert best[found[name]].min() >= lowest
        assert set(found[name]) != set(found["top"])
    nearest = {
        name: float(torch.cdist(pixels[rows], pixels[rows]).fill_diagonal_(1e9).min()) for name, rows in found.items()
    }
    assert nearest["diverse"] > nearest["top"]


def test_a_spread_that_cannot_be_is_refused_before_anything_runs(quick: Configure, digits: Loaded) -> None:
    for name, message in {
        "entropy": "acquire.spread is 'entropy', which scores rows; name a selector such as k-center",
        "k-centre": "no strategy is called 'k-centre'; did you mean 'k-center'",
    }.items():
        with pytest.raises((ConfigError, UnknownName), match=message):
            prepare(quick("acquire.pick=diverse", f"acquire.spread={name}"), digits.data, digits.test)
    with pytest.raises(ConfigError, match="acquire.among is 0; it must be 1 or more"):
        quick("acquire.pick=diverse", "acquire.among=0")


def test_evidence_of_many_classes_is_held_a_few_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, held = torch.rand(2000, 4, 100), list[int]()  # 1,600 bytes a row

    def looked(samples: Tensor) -> Tensor:
        held.append(len(samples))
        return samples[:, 0, 0].double()

    monkeypatch.setattr("activeloop.rounds.CHUNK_BYTES", 160_000)
    scores = in_chunks(Plan("mine", looked, {}, ()), lambda part: {"samples": samples[part]}, 2000)

    assert (scores == samples[:, 0, 0].double().numpy()).all()
    assert (held[0], set(held[1:-1]), sum(held)) == (256, {100}, 2000)


def test_a_diverged_model_is_refused_with_its_remedy_and_nothing_told_is_lost(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    config = quick("learner.name=supervised", 'learner.options={optimiser="sgd", lr=1e9, net="mlp", steps=30}')
    with pytest.raises(BadScores, match="training diverged.*Lower the learning rate.*now 1e\\+09"):
        picks_of(tmp_path, config, digits)
    with Run(tmp_path) as run:
        assert (run.state.told, run.state.measures) == (20, ())


def test_probabilities_that_are_none_never_become_a_metric(digits: Loaded, quick: Configure) -> None:
    class Diverged:
        def on(self, data: object) -> Diverged:
            return self

        def probs(self, rows: np.ndarray) -> Tensor:  # type: ignore[type-arg]
            return torch.full((len(rows), 10), torch.nan)

    setup = prepare(quick(), digits.data, digits.test)
    with pytest.raises(BadScores, match="359 of 359 rows: probs are not probabilities.*lower the learning rate"):
        measure(setup, Diverged(), np.array([]))  # type: ignore[arg-type]


def test_probabilities_over_other_classes_never_become_a_metric(digits: Loaded, quick: Configure) -> None:
    class Twenty:
        def on(self, data: object) -> Twenty:
            return self

        def probs(self, rows: np.ndarray) -> Tensor:  # type: ignore[type-arg]
            return torch.full((len(rows), 20), 0.05)

    with pytest.raises(BadScores, match=r"gave probs \[359, 20\]; they must be \[359, 10\]"):
        measure(prepare(quick(), digits.data, digits.test), Twenty(), np.array([]))  # type: ignore[arg-type]


def test_early_stopping_without_validation_labels_is_refused(quick: Configure, digits: Loaded) -> None:
    config = quick("learner.name=supervised", "learner.options={patience=3}")
    with pytest.raises(ConfigError, match="validation is 0: set validation=50"):
        prepare(config, digits.data, digits.test)


def test_threads_are_set_inside_and_put_back() -> None:
    before = torch.get_num_threads()
    with threads(2):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before


def test_a_device_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    assert resolve_device("auto") == "cpu"
    with pytest.raises(ConfigError, match="'cuda', but torch sees no CUDA device"):
        resolve_device("cuda")


def test_learners_and_their_options_are_checked_by_name(quick: Configure, digits: Loaded) -> None:
    with pytest.raises(UnknownName, match="'supervisd'; did you mean 'supervised'"):
        prepare(quick("learner.name=supervisd", "learner.options={}"), digits.data, digits.test)
    with pytest.raises(ConfigError, match="'supervised' has no option 'epoch'; did you mean 'epochs'"):
        make_learner(quick("learner.name=supervised", "learner.options={epoch=3}").learner)
    with pytest.raises(ConfigError, match="needs a classifier"):
        make_learner(quick("learner.name=sklearn", "learner.options={}").learner)
