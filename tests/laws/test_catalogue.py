"""What every strategy of the catalogue keeps, asked of all of them at once. A new strategy needs no line here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop import catalogue
from activeloop.evidence import VOCABULARY
from activeloop.inject import needs

SCORES = [name for name in catalogue.ACQUISITIONS if "n" not in needs(catalogue.find_strategy(name))]
PICKS = [name for name in (*catalogue.ACQUISITIONS, *catalogue.SELECTORS) if name not in SCORES]
CLASSES, PASSES, EPOCHS, MODELS, WIDTH, TARGETS = 5, 7, 6, 3, 4, 6
ROWS = 40


def evidence(rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
    """Plausible evidence about so many rows, the first few labelled."""
    chance = torch.Generator().manual_seed(seed)

    def probs(*shape: int) -> Tensor:
        return (3 * torch.randn(*shape, CLASSES, generator=chance)).softmax(dim=-1)

    labels = torch.full((rows,), -1)
    labels[:4], labels[4:6] = torch.tensor([0, 1, 2, 1]), -2
    return {
        "rows": np.arange(rows) * 3,
        "labels": labels,
        "probs": probs(rows),
        "samples": probs(rows, PASSES),
        "history": probs(rows, EPOCHS),
        "early": probs(rows, MODELS),
        "early_lengths": 10 * torch.rand(rows, MODELS, generator=chance),
        "embeddings": torch.randn(rows, WIDTH, generator=chance),
        "features": torch.randn(rows, WIDTH, generator=chance),
        "inputs": torch.randn(rows, 1, 2, 2, generator=chance),
        "reference": torch.randint(CLASSES, (rows,), generator=chance),
        "difficulty": torch.rand(rows, generator=chance, dtype=torch.float64),
        "cutoff": torch.tensor(0.0, dtype=torch.float64),
        "targets": probs(TARGETS, PASSES),
    }


def taken(values: dict[str, Any], at: Tensor) -> dict[str, Any]:
    """These positions of everything that there is one of per row."""
    where = {name: at.numpy() if isinstance(value, np.ndarray) else at for name, value in values.items()}
    return {
        name: value[where[name]] if value.ndim and len(value) > TARGETS else value for name, value in values.items()
    }


def call(name: str, values: dict[str, Any], n: int = 5, seed: int = 0) -> Tensor:
    function = catalogue.find_strategy(name)
    given = {**values, "n": n, "rng": np.random.default_rng(seed)}
    result: Tensor = function(**{need: given[need] for need in needs(function)})
    return result


@pytest.mark.parametrize("name", [*catalogue.ACQUISITIONS, *catalogue.SELECTORS])
def test_a_strategy_asks_for_words_of_the_vocabulary_alone(name: str) -> None:
    assert set(needs(catalogue.find_strategy(name))) <= set(VOCABULARY)


@pytest.mark.parametrize("name", [*catalogue.ACQUISITIONS, *catalogue.SELECTORS])
def test_the_docstring_says_what_comes_back_and_where_it_is_from(name: str) -> None:
    text = catalogue.find_strategy(name).__doc__ or ""

    assert "returns:" in text
    assert "source:" in text or name == "random"


@pytest.mark.parametrize("name", SCORES)
def test_a_score_is_one_finite_number_a_row_in_float64(name: str) -> None:
    scores = call(name, evidence())

    assert scores.shape == (ROWS,)
    assert scores.dtype == torch.float64
    assert torch.isfinite(scores).all()


@pytest.mark.parametrize("name", SCORES)
def test_permuting_rows_permutes_scores(name: str) -> None:
    values = evidence()
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(1))

    torch.testing.assert_close(call(name, taken(values, order)), call(name, values)[order], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", SCORES)
def test_scoring_in_chunks_is_scoring_at_once(name: str) -> None:
    values = evidence()
    parts = [call(name, taken(values, torch.arange(a, b))) for a, b in ((0, 1), (1, 17), (17, ROWS))]

    torch.testing.assert_close(torch.cat(parts), call(name, values), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", SCORES)
def test_a_score_changes_none_of_its_evidence(name: str) -> None:
    values, untouched = evidence(), evidence()
    call(name, values)

    for key, value in untouched.items():
        np.testing.assert_array_equal(np.asarray(values[key]), np.asarray(value))


@pytest.mark.parametrize("name", PICKS)
@pytest.mark.parametrize("n", [1, 5, ROWS - 6])
def test_picks_are_n_different_open_positions(name: str, n: int) -> None:
    values = evidence()
    sees_labels = "labels" in needs(catalogue.find_strategy(name))
    picks = call(name, values, n)

    assert len(set(picks.tolist())) == n
    assert not sees_labels or (values["labels"][picks] == -1).all()
    assert 0 <= int(picks.min()) <= int(picks.max()) < ROWS


@pytest.mark.parametrize("name", PICKS)
def test_the_seed_decides_the_picks(name: str) -> None:
    first, again = (call(name, evidence(), 8, seed=3).tolist() for _ in range(2))

    assert first == again


@pytest.mark.parametrize("name", PICKS)
def test_duplicated_rows_are_never_picked_twice(name: str) -> None:
    values = evidence()
    values |= {each: torch.zeros_like(values[each]) for each in ("features", "embeddings")}
    values |= {each: values[each][:1].expand_as(values[each]) for each in ("probs", "samples")}

    assert len(set(call(name, values, ROWS - 6).tolist())) == ROWS - 6
