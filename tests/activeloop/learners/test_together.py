from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from activeloop.learners import supervised
from activeloop.learners.model import NetModel
from activeloop.learners.nets import cnn, gal2017, linear, mlp, resnet18, wrn_28_2
from activeloop.learners.supervised import Supervised
from activeloop.learners.together import can_stack
from activeloop.types import Data, Labels

DRY = Supervised(net="mlp", net_options={"width": 16, "dropout": 0.0}, steps=30, batch=16)
ROWS = np.arange(120)
SEEDS = [4, 9, 1]


def alone(learner: Supervised, data: Data, labels: Labels) -> list[NetModel]:
    return [learner.fit(data, labels, seed=seed) for seed in SEEDS]


@pytest.mark.parametrize("optimiser", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_stacked_nets_come_out_as_each_alone_up_to_rounding(
    blobs: Data, some: Labels, optimiser: str, schedule: str
) -> None:
    learner = replace(DRY, optimiser=optimiser, schedule=schedule)

    together = learner.fit_many(blobs, some, seeds=SEEDS)

    for one, other in zip(together, alone(learner, blobs, some), strict=True):
        torch.testing.assert_close(one.probs(ROWS), other.probs(ROWS), rtol=1e-3, atol=1e-4)


def test_stacked_convolutions_come_out_as_each_alone(images: Data, some: Labels) -> None:
    learner = Supervised(net_options={"dropout": 0.0}, steps=10)

    for one, other in zip(learner.fit_many(images, some, seeds=SEEDS), alone(learner, images, some), strict=True):
        torch.testing.assert_close(one.probs(ROWS), other.probs(ROWS), rtol=1e-3, atol=1e-4)


def test_stacked_nets_draw_different_dropout_masks_and_learn(images: Data, some: Labels, truth: Labels) -> None:
    models = Supervised(steps=60).fit_many(images, some, seeds=[0, 1])

    for model in models:
        assert (model.probs(ROWS).argmax(dim=1).numpy() == truth).mean() > 0.8
    assert not torch.allclose(models[0].probs(ROWS), models[1].probs(ROWS))


def test_the_same_seeds_give_the_same_nets_to_the_bit(blobs: Data, some: Labels) -> None:
    learner = replace(DRY, net_options={"width": 16, "dropout": 0.3})
    first, again = (learner.fit_many(blobs, some, seeds=SEEDS) for _ in range(2))

    assert all(torch.equal(a.probs(ROWS), b.probs(ROWS)) for a, b in zip(first, again, strict=True))


def test_bfloat16_is_used_together_as_it_is_alone(blobs: Data, some: Labels) -> None:
    half = replace(DRY, precision="bfloat16")
    together, full = half.fit_many(blobs, some, seeds=SEEDS), DRY.fit_many(blobs, some, seeds=SEEDS)

    for one, other, exact in zip(together, alone(half, blobs, some), full, strict=True):
        torch.testing.assert_close(one.probs(ROWS), other.probs(ROWS), rtol=0, atol=0.02)
        assert not torch.equal(one.probs(ROWS), exact.probs(ROWS))


@pytest.mark.parametrize("epochs", [1, 3, 99])
def test_epochs_stop_the_usual_schedule_early(blobs: Data, some: Labels, epochs: int) -> None:
    learner = replace(DRY, steps=0, epochs=5, least_steps=0)
    history = learner.fit(blobs, some, seed=4, watch=ROWS).history()

    stopped = learner.fit_many(blobs, some, seeds=[4], epochs=epochs)[0].probs(ROWS)

    torch.testing.assert_close(stopped, history[:, min(epochs, 5) - 1].float(), rtol=0, atol=2e-3)


def test_nets_with_batch_statistics_are_trained_one_by_one_to_the_very_same_bits(images: Data, some: Labels) -> None:
    learner = Supervised(net="wrn-28-2", net_options={"dropout": 0.2}, steps=3)

    for one, other in zip(learner.fit_many(images, some, seeds=SEEDS), alone(learner, images, some), strict=True):
        for mine, theirs in zip(one.net.state_dict().values(), other.net.state_dict().values(), strict=True):
            assert torch.equal(mine, theirs)


def test_only_layers_known_to_stack_are_stacked() -> None:
    class Mine(nn.Module):
        pass

    frozen = linear((4,), 3)
    next(frozen.parameters()).requires_grad_(False)
    stacks = [linear((4,), 3), mlp((4,), 3), cnn((1, 8, 8), 3), gal2017((1, 8, 8), 3)]

    assert all(can_stack(net) for net in stacks)
    assert not any(can_stack(net) for net in (resnet18((1, 8, 8), 3), wrn_28_2((1, 8, 8), 3), Mine(), frozen))
    assert not can_stack(nn.Sequential(nn.LSTM(4, 3)))


def test_every_built_in_net_without_batch_statistics_trains_stacked_and_no_other_does(
    images: Data, some: Labels, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacked: list[str] = []
    whole = supervised.train_together
    for net in ("linear", "mlp", "cnn", "gal2017", "wrn-28-2"):
        monkeypatch.setattr(
            supervised, "train_together", lambda *a, net=net, **k: (stacked.append(net), whole(*a, **k))
        )
        Supervised(net=net, steps=1).fit_many(images, some, seeds=[0, 1])

    assert stacked == ["linear", "mlp", "cnn", "gal2017"]
