"""Nets of several runs side by side: as each alone, and the same to the bit in any company."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.parametrizations import weight_norm

from activeloop.errors import BadScores, ConfigError
from activeloop.learners.lockstep import _Room, segments
from activeloop.learners.model import NetModel
from activeloop.learners.nets import cnn, linear, mlp
from activeloop.learners.supervised import Supervised
from activeloop.types import OPEN, Data, Fit

WIDTH = 21  # of inputs and hidden layers: no multiple of what a processor takes at a time
ROWS = np.arange(90)
DRY = Supervised(net="mlp", net_options={"width": WIDTH, "dropout": 0.0}, steps=30, batch=16)
WET = replace(DRY, net_options={"width": WIDTH, "dropout": 0.3})


def fit(seed: int, labelled: int = 37, **more: object) -> Fit:
    """Rows, labels and the rows that are labelled differ from seed to seed."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(3, size=len(ROWS))
    inputs = torch.from_numpy(chance.normal(size=(len(ROWS), WIDTH)).astype(np.float32))
    inputs[:, :3] += 2 * torch.eye(3)[truth]
    labels = np.full(len(ROWS), OPEN)
    chosen = chance.permutation(len(ROWS))[:labelled]
    labels[chosen] = truth[chosen]
    data = Data(inputs, ("a", "b", "c"), torch.zeros(WIDTH), torch.ones(WIDTH))
    return Fit(data, labels, seed, **more)  # type: ignore[arg-type]


def alone(learner: Supervised, asked: Fit) -> NetModel:
    return learner.fit(
        asked.data,
        asked.labels,
        seed=asked.seed,
        watch=asked.watch,
        validation=asked.validation,
        previous=asked.previous,
    )


def equal(one: NetModel, other: NetModel) -> bool:
    same = torch.equal(one.probs(ROWS), other.probs(ROWS))
    return same and (one.recorded is None or torch.equal(one.history(), other.history()))


@pytest.mark.parametrize(
    "learner",
    [
        DRY,
        replace(DRY, optimiser="adam", schedule="constant", batch=37),
        replace(DRY, optimiser="sgd", lr=0.03, batch=7),
        replace(DRY, optimiser="sgd", lr=0.03, momentum=0.0, weight_decay=0.0),
        replace(DRY, net="linear", net_options={}),
    ],
    ids=["adamw", "adam", "sgd", "plain sgd", "linear"],
)
def test_each_comes_out_as_alone_up_to_rounding_after_every_epoch(learner: Supervised) -> None:
    fits = [fit(seed, watch=ROWS) for seed in range(3)]

    for model, asked in zip(learner.fit_each(fits), fits, strict=True):
        other = alone(learner, asked)
        torch.testing.assert_close(model.probs(ROWS), other.probs(ROWS), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(model.history().float(), other.history().float(), rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("labelled", [2, 17, 37])
@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_each_is_the_same_to_the_bit_whichever_others_there_are(labelled: int, optimiser: str) -> None:
    learner = replace(WET, optimiser=optimiser)
    fits = [fit(seed, labelled, watch=ROWS[seed:]) for seed in range(23)]
    all_of_them = learner.fit_each(fits)

    for places in ([0], [22], [3, 1], range(5, 13), range(20)[::-1]):
        some = learner.fit_each([fits[at] for at in places])
        assert all(equal(model, all_of_them[at]) for model, at in zip(some, places, strict=True))


def test_those_of_other_sizes_or_kinds_are_apart() -> None:
    few, many = fit(0, 12), fit(1, 40)
    early, still_there = replace(fit(2), epochs=1), fit(2)
    learner = replace(WET, patience=2)  # which acts where there are validation labels
    checked = fit(3, validation=fit(3).labels)
    fits = [few, many, checked, early, still_there]

    for model, asked in zip(learner.fit_each(fits), fits, strict=True):
        assert equal(model, learner.fit_each([asked])[0])
    assert not equal(learner.fit_each([early])[0], learner.fit_each([still_there])[0])


@pytest.mark.parametrize(
    ("learner", "given"),
    [
        (replace(WET, patience=1), {"validation": fit(9).labels}),
        (replace(WET, precision="bfloat16"), {}),
        (replace(WET, net="tests.activeloop.learners.test_lockstep:normed", net_options={}), {}),
    ],
    ids=["patience", "bfloat16", "batch norm"],
)
def test_what_cannot_be_side_by_side_is_as_alone_to_the_bit(learner: Supervised, given: dict[str, object]) -> None:
    fits = [fit(seed, watch=ROWS, **given) for seed in range(2)]

    for model, asked in zip(learner.fit_each(fits), fits, strict=True):
        assert equal(model, alone(learner, asked))


def normed(shape: tuple[int, ...], classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(shape[0], 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, classes))


def test_a_warm_start_goes_on_from_each_run_s_own_weights() -> None:
    learner = replace(DRY, start="warm")
    before = [alone(learner, fit(seed)) for seed in range(2)]
    fits = [fit(seed, 40, previous=model) for seed, model in enumerate(before)]

    for model, asked in zip(learner.fit_each(fits), fits, strict=True):
        torch.testing.assert_close(model.probs(ROWS), alone(learner, asked).probs(ROWS), rtol=1e-3, atol=1e-4)
        assert not torch.allclose(
            model.probs(ROWS), learner.fit_each([replace(asked, previous=None)])[0].probs(ROWS), atol=1e-3
        )


def test_models_hold_no_memory_of_each_other() -> None:
    for model in WET.fit_each([fit(0), fit(1)]):
        assert all(value.untyped_storage().nbytes() == value.nbytes for value in model.net.parameters())


def test_one_that_diverges_is_named() -> None:
    wild = replace(DRY, optimiser="sgd", lr=1e30)

    with pytest.raises(BadScores, match="training diverged: .* weight tensors of net 'mlp'"):
        wild.fit_each([fit(0), fit(1)])


def test_nothing_labelled_is_refused() -> None:
    with pytest.raises(ConfigError, match="no row is labelled"):
        WET.fit_each([replace(fit(0), labels=np.full(len(ROWS), OPEN))])


# the chain and its derivatives


def test_chains_of_linear_layers_relu_and_dropout_are_recognised_and_nothing_else() -> None:
    shared, frozen = nn.Linear(4, 4), nn.Linear(4, 4)
    frozen.weight.requires_grad_(False)
    hooked = nn.Linear(4, 4)
    hooked.register_forward_hook(lambda *_: None)

    for net in (linear((4,), 3), mlp((4,), 3), mlp((1, 2, 2), 3), nn.Linear(4, 3)):
        assert segments(
            net, (1, 2, 2) if isinstance(net[0] if isinstance(net, nn.Sequential) else net, nn.Flatten) else (4,)
        )
    assert segments(nn.Linear(2, 3), (1, 2, 2)) is None, "acts on the last axis of an image alone"
    for net in (
        cnn((1, 8, 8), 3), nn.Sequential(shared, nn.ReLU(), shared), frozen, hooked, normed((4,), 3),
        nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 3)), weight_norm(nn.Linear(4, 4)), nn.ReLU(),
    ):  # fmt: skip
        assert segments(net, (4,)) is None


def deep() -> nn.Module:
    """Everything that a chain may hold, in odd places."""
    return nn.Sequential(
        nn.Dropout(0.2), nn.Flatten(), nn.Linear(12, 20, bias=False), nn.Dropout(0.4), nn.ReLU(), nn.Identity(),
        nn.Sequential(nn.Linear(20, 9), nn.ReLU(inplace=True), nn.Dropout(0.1), nn.Dropout(0.5)), nn.Linear(9, 6),
        nn.Linear(6, 3),
    )  # fmt: skip


def test_derivatives_are_those_of_autograd_under_the_same_masks() -> None:
    nets, rows = [deep(), deep()], 5
    chain = segments(nets[0], (12,))
    assert chain is not None
    values = [torch.stack(each) for each in zip(*(net.parameters() for net in nets), strict=True)]
    gradients = [torch.zeros_like(value) for value in values]
    x, labels = torch.randn(2, rows, 12), torch.randint(3, (2, rows))
    room = _Room(chain, values, gradients, rows, 12)
    filled = torch.cat([x, torch.randn(2, room.rows - rows, 12)], dim=1)  # rows that fill up weigh nothing
    answers = nn.functional.one_hot(torch.cat([labels, torch.zeros(2, room.rows - rows, dtype=torch.int64)], dim=1), 3)
    room.draw([np.random.SFC64(seed) for seed in (3, 4)])
    with torch.no_grad():
        room.differentiate(filled, answers.float().transpose(1, 2))

    masks = [mask for part in room.masks for mask in part]
    for at, net in enumerate(nets):
        cross_entropy(_forward(net, x[at], [mask[at] for mask in masks], rows), labels[at]).backward()
        for gradient, value in zip(gradients, net.parameters(), strict=True):
            torch.testing.assert_close(gradient[at], value.grad, rtol=1e-4, atol=1e-6)


def _forward(net: nn.Module, x: Tensor, masks: list[Tensor], rows: int) -> Tensor:
    left = iter(masks)
    for layer in (each for each in net.modules() if not list(each.children())):
        if isinstance(layer, nn.Dropout):
            mask = next(left)
            x = x * (mask[:rows] if x.shape[1] == 12 else mask[:, :rows].T)
        else:
            x = layer(x.clone())
    return x


def test_masks_drop_at_their_rate_and_keep_the_mean() -> None:
    chain = segments(mlp((12,), 3, width=128, dropout=0.3), (12,))
    assert chain is not None
    values = [torch.zeros(2, *value.shape) for value in mlp((12,), 3, width=128).parameters()]
    room = _Room(chain, values, values, 32, 12)
    chances = [np.random.SFC64(seed) for seed in (0, 1)]
    several = []
    for _ in range(40):
        room.draw(chances)
        several.append(torch.cat([mask.flatten(1) for part in room.masks for mask in part], dim=1))
    drawn = torch.stack(several)

    numbers = drawn[:, 0].numel()  # 327,680: three standard errors are 0.0024
    assert ((drawn == 0).float().mean(dim=(0, 2)) - 0.3).abs().max() < 3 * (0.3 * 0.7 / numbers) ** 0.5
    assert (drawn.mean(dim=(0, 2)) - 1).abs().max() < 3 * (0.3 / 0.7 / numbers) ** 0.5
    assert not torch.equal(drawn[0, 0], drawn[0, 1])
    assert not torch.equal(drawn[0, 0], drawn[1, 0])
