from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from activeloop.data.augment import chain
from activeloop.errors import ConfigError
from activeloop.learners.loop import Batches, Recipe, optimiser, seeded, train
from activeloop.learners.nets import cnn, linear, mlp
from activeloop.rng import derive
from activeloop.types import Data


def batches(data: Data, labelled: int, size: int, seed: int = 0) -> Batches:
    return Batches(data, torch.arange(labelled), torch.arange(labelled) % 3, size, seed)


def test_steps_are_counted_as_asked() -> None:
    assert Recipe(batch=10, epochs=3, least_steps=0).steps_for(25) == 9
    assert Recipe(batch=10, epochs=3, least_steps=50).steps_for(25) == 50
    assert Recipe(batch=10, epochs=3, least_steps=50, steps=7).steps_for(25) == 7
    assert Recipe(batch=10, steps=7).epochs_for(25) == 3  # 3 + 3 + 1
    assert Recipe(batch=10, epochs=3, least_steps=0).epochs_for(25) == 3


@pytest.mark.parametrize(
    ("rows", "size", "sizes"),
    [
        (6, 3, [3, 3]),
        (8, 3, [3, 3, 2]),
        (7, 3, [3, 4]),  # a single row has no batch statistics
        (1, 3, [1]),
        (2, 3, [2]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_an_epoch_is_cut_into_batches_and_none_is_a_single_row_if_that_can_be(
    blobs: Data, rows: int, size: int, sizes: list[int]
) -> None:
    drawn = list(islice(batches(blobs, rows, size), 2 * len(sizes)))

    assert [len(x) for x, _ in drawn] == 2 * sizes
    assert Recipe(batch=size).steps_an_epoch(rows) == len(sizes)


def test_an_epoch_is_every_row_once_with_its_label_and_epochs_differ_in_order(blobs: Data) -> None:
    drawn = list(islice(batches(blobs, 20, 6), 8))
    epochs = [torch.cat([x for x, _ in drawn[at : at + 4]]) for at in (0, 4)]
    labels = torch.cat([y for _, y in drawn[:4]])

    where = (epochs[0][:, None] == blobs.inputs[:20]).all(dim=2).nonzero()[:, 1]
    assert sorted(where.tolist()) == list(range(20))
    assert (labels == where % 3).all()
    assert not torch.equal(epochs[0], epochs[1])


def test_rows_too_large_to_be_kept_normalised_come_out_the_same(images: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = list(islice(batches(images, 20, 6), 5))
    monkeypatch.setattr("activeloop.learners.loop.PRELOAD_BYTES", 0)

    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(ready, islice(batches(images, 20, 6), 5), strict=True))


def test_augmentations_are_drawn_anew_every_epoch_and_the_same_from_the_same_seed(images: Data) -> None:
    shaken = replace(images, augment=chain(["crop", "flip"]))
    first = [x for x, _ in islice(batches(shaken, 12, 12), 3)]
    again = [x for x, _ in islice(batches(shaken, 12, 12), 3)]

    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    sums = [x.sum(dim=(1, 2, 3)).sort().values for x in first]  # of the same images, cropped differently
    assert not torch.allclose(sums[0], sums[1])


def test_the_learning_rate_falls_along_half_a_cosine_or_stays() -> None:
    cosine, constant = Recipe(schedule="cosine"), Recipe(schedule="constant")

    assert [round(cosine.factor(step, 4), 6) for step in range(5)] == [1, 0.853553, 0.5, 0.146447, 0]
    assert {constant.factor(step, 4) for step in range(5)} == {1}


@pytest.mark.parametrize(
    ("recipe", "theirs"),
    [
        (Recipe(), lambda p: torch.optim.AdamW(p, 3e-3, weight_decay=1e-2)),
        (Recipe(schedule="constant"), lambda p: torch.optim.AdamW(p, 3e-3, weight_decay=1e-2)),
        (Recipe(optimiser="adam", weight_decay=0.1), lambda p: torch.optim.Adam(p, 3e-3, weight_decay=0.1)),
        (Recipe(optimiser="sgd", lr=0.1), lambda p: torch.optim.SGD(p, 0.1, 0.9, weight_decay=1e-2, nesterov=True)),
        (Recipe(optimiser="sgd", lr=0.1, momentum=0.0), lambda p: torch.optim.SGD(p, 0.1, weight_decay=1e-2)),
    ],
)
def test_training_is_what_a_plain_torch_loop_does(images: Data, recipe: Recipe, theirs) -> None:  # type: ignore[no-untyped-def]
    recipe = replace(recipe, steps=12, batch=8)
    with seeded(5):
        ours = cnn((1, 8, 8), 3, width=4)
        train(ours, batches(images, 20, 8, seed=5), recipe)

    torch.manual_seed(5)
    plain = cnn((1, 8, 8), 3, width=4).train()
    stepper = theirs(plain.parameters())
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(stepper, 12)
    x, y = images.batch(torch.arange(20)), torch.arange(20) % 3
    order = torch.Generator().manual_seed(derive(5, 0, "order"))
    for _ in range(4):
        for at in torch.randperm(20, generator=order).split(8):
            stepper.zero_grad()
            cross_entropy(plain(x[at]), y[at]).backward()
            stepper.step()
            if recipe.schedule == "cosine":
                cosine.step()

    for mine, other in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


def test_the_callback_sees_every_epoch_the_last_one_too_and_true_ends_the_training(blobs: Data) -> None:
    seen: list[int] = []
    train(
        linear((4,), 3),
        batches(blobs, 20, 8),
        Recipe(batch=8, steps=7),
        after_epoch=lambda at: seen.append(at) or False,
    )
    assert seen == [1, 2, 3]  # 3 + 3 + 1 steps

    seen.clear()
    train(
        linear((4,), 3),
        batches(blobs, 20, 8),
        Recipe(batch=8, steps=7),
        after_epoch=lambda at: seen.append(at) or at == 2,
    )
    assert seen == [1, 2]


def test_who_watches_sees_the_logits_of_every_row_before_the_update_once_an_epoch(images: Data) -> None:
    """Augmented and in training mode: what comes of the very forward pass that is learnt from."""
    shaken = replace(images, augment=chain(["crop", "flip"]))
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    net = cnn((1, 8, 8), 3, width=4, dropout=0.0)
    copy = cnn((1, 8, 8), 3, width=4, dropout=0.0)
    copy.load_state_dict(net.state_dict())
    train(net, batches(shaken, 20, 8), Recipe(batch=8, steps=6), watch_step=lambda at, z: seen.append((at, z)))

    epochs = [torch.cat([at for at, _ in seen[cut : cut + 3]]) for cut in (0, 3)]
    assert all(sorted(epoch.tolist()) == list(range(20)) for epoch in epochs)
    at, x, y = next(batches(shaken, 20, 8).drawn())
    assert torch.equal(at, seen[0][0])
    assert (y == at % 3).all()
    torch.testing.assert_close(seen[0][1], copy(x).detach())
    assert not any(logits.requires_grad for _, logits in seen)


def test_watching_changes_nothing(blobs: Data) -> None:
    watched, alone = (mlp((4,), 3) for _ in range(2))
    alone.load_state_dict(watched.state_dict())
    with seeded(1):
        train(watched, batches(blobs, 20, 8), Recipe(steps=7), watch_step=lambda at, logits: None)
    with seeded(1):
        train(alone, batches(blobs, 20, 8), Recipe(steps=7))

    assert all(torch.equal(a, b) for a, b in zip(watched.parameters(), alone.parameters(), strict=True))


def test_epochs_stop_the_usual_schedule_early(blobs: Data) -> None:
    """The first of ten epochs is the same whether nine follow or not: its learning rate is that of ten."""
    recipe = Recipe(batch=8, epochs=10, least_steps=0)
    torch.manual_seed(0)
    whole = mlp((4,), 3, dropout=0.0)
    early = mlp((4,), 3, dropout=0.0)
    early.load_state_dict(whole.state_dict())
    train(early, batches(blobs, 20, 8), recipe, epochs=1)
    train(whole, batches(blobs, 20, 8), recipe, after_epoch=lambda epoch: epoch == 1)

    assert all(torch.equal(a, b) for a, b in zip(early.parameters(), whole.parameters(), strict=True))


def test_a_frozen_weight_stays_as_it_is(blobs: Data) -> None:
    net = mlp((4,), 3)
    first = net[1].weight.requires_grad_(False)  # type: ignore[index]
    before = first.clone()

    train(net, batches(blobs, 20, 8), Recipe(steps=5))

    assert torch.equal(first, before)


@pytest.mark.parametrize(("looks", "epochs"), [(0, 7), (3, 7), (60, 7), (5, 5), (1, 9)])
def test_looks_are_as_many_as_asked_and_the_last_epoch_is_one(looks: int, epochs: int) -> None:
    seen = [epoch for epoch in range(1, epochs + 1) if Recipe(looks=looks).is_look(epoch, epochs)]

    assert len(seen) == min(looks or epochs, epochs)
    assert seen[-1] == epochs
    gaps = {b - a for a, b in zip([0, *seen], seen, strict=False)}
    assert max(gaps) - min(gaps) <= 1


def test_a_batch_of_one_row_trains_where_the_net_can_and_is_refused_in_words_where_it_cannot(blobs: Data) -> None:
    train(mlp((4,), 3), batches(blobs, 1, 8), Recipe(steps=2))
    normalised = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))

    with pytest.raises(ConfigError, match="mini-batch of one row.*label two rows or more.*--initial"):
        train(normalised, batches(blobs, 1, 8), Recipe(steps=2))


def test_a_net_that_ends_its_training_is_in_eval_mode(blobs: Data) -> None:
    net = mlp((4,), 3)
    train(net, batches(blobs, 20, 8), Recipe(steps=2))

    assert not net.training


def test_seeded_leaves_the_global_stream_where_it_was() -> None:
    before = torch.get_rng_state()
    with seeded(1):
        first = torch.rand(3)
    with seeded(1):
        assert torch.equal(torch.rand(3), first)

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"optimiser": "adamv"}, "'optimiser' is 'adamv'; did you mean 'adam.*'adam', 'adamw', 'sgd'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"precision": "bf16"}, "'precision' is 'bf16'.*'float32', 'bfloat16'"),
        ({"lr": -1.0}, "'lr' is -1.0; it must be 0 or more"),
        ({"lr": math.nan}, "'lr' is nan"),
        ({"weight_decay": math.inf}, "'weight_decay' is inf.*finite"),
        ({"lr": 0.0}, "must all be above 0"),
        ({"batch": 0}, "must all be above 0"),
        ({"epochs": 0}, "must all be above 0"),
    ],
)
def test_an_option_out_of_range_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Recipe(**given)  # type: ignore[arg-type]


def test_no_epochs_will_do_where_steps_are_given() -> None:
    assert Recipe(epochs=0, steps=4).steps_for(100) == 4
    assert isinstance(optimiser(Recipe(), [torch.zeros(1, requires_grad=True)]), torch.optim.AdamW)
