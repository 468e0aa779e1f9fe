from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from activeloop import load
from activeloop.acquisitions import bald
from activeloop.config import Config
from activeloop.config import load as configure
from activeloop.errors import ConfigError, MissingEvidence
from activeloop.evidence import resolve
from activeloop.learners.model import NetModel
from activeloop.learners.sklearn import Sklearn
from activeloop.learners.supervised import Supervised
from activeloop.providers.laplace import deviations, hessian, laplace
from activeloop.types import Data, Labels, Loaded

Finish = Callable[[Path, Config, Loaded], Path]
STRUCTURES = ("full", "kron", "diag")
ROWS = np.arange(30)


@pytest.fixture(scope="module")
def data() -> Data:
    return load("digits").data


@pytest.fixture(scope="module")
def labels() -> Labels:
    digits = load("digits")
    assert digits.truth is not None
    return np.where(np.arange(len(digits.data)) < 60, digits.truth, -1)


@pytest.fixture(scope="module", params=["linear", "mlp", "cnn"])
def model(request: pytest.FixtureRequest, data: Data, labels: Labels) -> NetModel:
    return Supervised(net=request.param, steps=100).fit(data, labels, seed=0)


@pytest.fixture(scope="module")
def seen() -> tuple[Tensor, Tensor]:
    """What a last layer with 3 inputs, and 1 for the bias, sees of 12 rows, and probabilities of 3 classes."""
    chance = torch.Generator().manual_seed(0)
    x = torch.randn(12, 4, generator=chance, dtype=torch.float64)
    x[:, 3] = 1
    return x, (2 * torch.randn(12, 3, generator=chance, dtype=torch.float64)).softmax(dim=1)


def covariance(x: Tensor, probs: Tensor, structure: str, prior: float) -> Tensor:
    """[C D, C D], of the deviations: unit vectors in place of normal draws give its square root."""
    normal = torch.eye(probs.shape[1] * x.shape[1], dtype=torch.float64).view(-1, probs.shape[1], x.shape[1])
    root = deviations(x, probs, normal, structure, prior).flatten(1)
    return root.T @ root


def test_the_hessian_is_what_autograd_finds(seen: tuple[Tensor, Tensor]) -> None:
    x, labels = seen[0], torch.arange(12) % 3
    weights = torch.randn(3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def loss(given: Tensor) -> Tensor:
        return cross_entropy(x @ given.T, labels, reduction="sum")

    theirs = torch.autograd.functional.hessian(loss, weights).view(12, 12)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(hessian(x, (x @ weights.T).softmax(dim=1)), theirs)


def test_full_draws_have_the_inverse_hessian_for_covariance(seen: tuple[Tensor, Tensor]) -> None:
    expected = (hessian(*seen) + 0.5 * torch.eye(12, dtype=torch.float64)).inverse()

    torch.testing.assert_close(covariance(*seen, "full", 0.5), expected)


def test_diag_is_the_inverse_of_the_diagonal(seen: tuple[Tensor, Tensor]) -> None:
    expected = torch.diag(1 / (hessian(*seen).diagonal() + 0.5))

    torch.testing.assert_close(covariance(*seen, "diag", 0.5), expected)


def test_kron_is_full_where_all_rows_have_equal_predictions(seen: tuple[Tensor, Tensor]) -> None:
    x, probs = seen[0], seen[1][:1].expand(12, 3)

    torch.testing.assert_close(covariance(x, probs, "kron", 0.5), covariance(x, probs, "full", 0.5))


@pytest.mark.parametrize("structure", STRUCTURES)
def test_with_no_doubt_in_the_labels_what_is_left_is_the_prior(structure: str) -> None:
    x, certain = torch.randn(5, 4, dtype=torch.float64), torch.eye(3, dtype=torch.float64)[[0, 1, 2, 0, 1]]

    torch.testing.assert_close(
        covariance(x, certain, structure, 4.0), torch.eye(12, dtype=torch.float64) / 4, atol=1e-12, rtol=0
    )


@pytest.mark.parametrize("structure", STRUCTURES)
def test_more_labelled_rows_leave_less_open(structure: str, seen: tuple[Tensor, Tensor]) -> None:
    x, probs = seen
    half = covariance(x[:6], probs[:6], structure, 0.5).diagonal().sum()

    assert covariance(x, probs, structure, 0.5).diagonal().sum() < half


@pytest.mark.parametrize("structure", ["kron", "diag"])
def test_logits_of_many_passes_have_the_mean_and_spread_of_the_closed_form(
    structure: str, data: Data, labels: Labels
) -> None:
    """Log ratios of two classes' probabilities are Gaussian: their moments are known without sampling."""
    net = Supervised(net="linear", steps=100).fit(data, labels, seed=0)
    rows, held = np.arange(60, 64), np.flatnonzero(labels >= 0)
    samples = laplace(net.embed(rows), net, labels, 5, passes=4000, structure=structure).double()
    found = samples[:, :, 0].log() - samples[:, :, 1].log()

    def with_one(x: Tensor) -> Tensor:
        return torch.cat([x, torch.ones(len(x), 1)], dim=1).double()

    spread = covariance(with_one(net.embed(held)), net.probs(held).double(), structure, 3.0 * 64)
    between = torch.zeros(4, 10, 65, dtype=torch.float64)
    between[:, 0], between[:, 1] = with_one(net.embed(rows)), -with_one(net.embed(rows))
    variance = torch.einsum("np,pq,nq->n", between.flatten(1), spread, between.flatten(1))
    probs = net.probs(rows).double()
    torch.testing.assert_close(found.var(dim=1), variance, rtol=0.1, atol=0)  # of 4,000: 2.2 % of one deviation
    error = (found.mean(dim=1) - (probs[:, 0] / probs[:, 1]).log()) / (variance / 4000).sqrt()
    assert float(error.abs().max()) < 4


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_pass_is_one_network_for_every_row_and_the_seed_decides(
    structure: str, model: NetModel, labels: Labels
) -> None:
    def drawn(rows: np.ndarray, passes: int = 4, seed: int = 7) -> Tensor:  # type: ignore[type-arg]
        return laplace(model.embed(rows), model, labels, seed, passes=passes, structure=structure)

    whole = drawn(ROWS)

    assert whole.shape == (30, 4, 10)
    assert whole.dtype == torch.float32
    torch.testing.assert_close(whole.sum(dim=2), torch.ones(30, 4))
    torch.testing.assert_close(torch.cat([drawn(ROWS[:9]), drawn(ROWS[9:])]), whole)
    torch.testing.assert_close(drawn(ROWS, passes=2), whole[:, :2])
    assert torch.equal(drawn(ROWS), whole)
    assert not torch.equal(drawn(ROWS, seed=8), whole)


def test_a_narrow_prior_leaves_the_net_as_it_is_and_a_wide_one_disagrees_more(model: NetModel, labels: Labels) -> None:
    wide, usual, narrow = (
        laplace(model.embed(ROWS), model, labels, 0, prior_precision=prior) for prior in (10.0, 0.0, 1e12)
    )

    torch.testing.assert_close(narrow.mean(dim=1), model.probs(ROWS), rtol=0, atol=1e-4)
    assert bald(narrow).mean() < 1e-6 < bald(usual).mean() < bald(wide).mean()


def test_a_layer_without_bias_has_none_drawn(data: Data, labels: Labels) -> None:
    chance = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, bias=False))
    net[1].weight.data = torch.randn(10, 64, generator=chance) / 8
    blank = replace(data, inputs=torch.zeros(5, 1, 8, 8), mean=torch.zeros(1, 1, 1), std=torch.ones(1, 1, 1))
    model = NetModel(net, data)

    samples = laplace(model.on(blank).embed(np.arange(5)), model, labels, 0)
    torch.testing.assert_close(samples, torch.full((5, 20, 10), 0.1))


class Cosines(nn.Module):
    """A net whose logits are not what its last linear layer gives."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = 5 * self.last(x.flatten(1))
        return logits


def test_what_has_no_such_layer_is_told_so(data: Data, labels: Labels) -> None:
    odd = NetModel(Cosines(), data)
    with pytest.raises(MissingEvidence, match="logits of this net are not what its last nn.Linear gives.*'ensemble'"):
        laplace(odd.embed(ROWS), odd, labels, 0)
    bayes = Sklearn("sklearn.naive_bayes.GaussianNB").fit(data, labels, seed=0)
    with pytest.raises(MissingEvidence, match="a SklearnModel has none: use learner.name=supervised, or leave"):
        laplace(torch.zeros(30, 64), bayes, labels, 0)


def test_a_learner_without_embeddings_is_refused_before_any_training() -> None:
    with pytest.raises(MissingEvidence, match=r"'bald' which needs 'samples' which needs 'embeddings'.*=supervised"):
        resolve("bald", options={}, bind={"samples": "laplace"}, evidence={}, offers={"probs": "", "samples": ""})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"passes": 0}, "0 passes were asked for"),
        ({"structure": "ful"}, "structure is 'ful'; did you mean 'full'"),
        ({"prior_precision": -1.0}, "prior_precision is -1.0; it must be above 0"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    options: dict[str, object], message: str, model: NetModel, labels: Labels
) -> None:
    with pytest.raises(ConfigError, match=message):
        laplace(model.embed(ROWS), model, labels, 0, **options)  # type: ignore[arg-type]


def test_a_full_hessian_that_fits_no_memory_is_refused() -> None:
    x, probs = torch.ones(2, 1000, dtype=torch.float64), torch.full((2, 10), 0.1, dtype=torch.float64)
    with pytest.raises(ConfigError, match="has 10,000 weights, and a full Hessian takes 8,192.*structure=kron"):
        deviations(x, probs, torch.zeros(1, 10, 1000, dtype=torch.float64), "full", 1.0)


@pytest.mark.parametrize("strategy", ["bald", "epig", "batch-bald"])
def test_a_run_by_it_is_the_same_each_time(tmp_path: Path, finish: Finish, digits: Loaded, strategy: str) -> None:
    sets = [f"acquire.strategy={strategy}", "acquire.bind.samples=laplace", "learner.options.net=linear"]
    config = configure(None, ["budget=40", "query=10", "learner.options.steps=20", *sets])
    first, again = (finish(tmp_path / name, config, digits).read_bytes() for name in ("first", "again"))

    assert first == again
