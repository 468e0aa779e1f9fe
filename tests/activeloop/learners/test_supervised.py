from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from activeloop.data.augment import chain
from activeloop.errors import BadScores, ConfigError, MissingEvidence
from activeloop.learners.model import NetModel
from activeloop.learners.supervised import Supervised
from activeloop.types import OPEN, Data, Labels

SMALL = Supervised(net="mlp", net_options={"width": 16}, steps=12, batch=16)


def weights(model: NetModel) -> list[torch.Tensor]:
    return [value.clone() for value in model.net.state_dict().values()]


def equal(one: NetModel, other: NetModel) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


ROWS = np.arange(120)


def test_it_learns_what_can_be_learnt(blobs: Data, images: Data, some: Labels, truth: Labels) -> None:
    for data, learner in ((blobs, Supervised(net="linear")), (images, Supervised(steps=60))):
        right = learner.fit(data, some, seed=0).probs(ROWS).argmax(dim=1).numpy() == truth
        assert right[40:].mean() > 0.8  # of rows it never saw


@pytest.mark.parametrize("net", ["cnn", "wrn-28-2"])
def test_the_same_seed_gives_the_same_weights_to_the_bit_whatever_was_drawn_before(
    images: Data, some: Labels, net: str
) -> None:
    learner = Supervised(net=net, steps=3)
    first = learner.fit(images, some, seed=7)
    torch.rand(5)

    assert equal(first, learner.fit(images, some, seed=7))
    assert not equal(first, learner.fit(images, some, seed=8))


def test_augmented_training_is_deterministic_too_and_differs_from_plain(images: Data, some: Labels) -> None:
    shaken = replace(images, augment=chain(["crop", "flip"]))
    learner = Supervised(steps=3)
    first = learner.fit(shaken, some, seed=7)

    assert equal(first, learner.fit(shaken, some, seed=7))
    assert not equal(first, learner.fit(images, some, seed=7))


def test_training_draws_nothing_from_the_global_stream(blobs: Data, some: Labels) -> None:
    before = torch.get_rng_state()

    SMALL.offers(blobs)
    SMALL.fit(blobs, some, seed=0)
    SMALL.fit_many(blobs, some, seeds=[0, 1])

    assert torch.equal(torch.get_rng_state(), before)


def test_only_labelled_rows_are_trained_on(blobs: Data, some: Labels) -> None:
    changed = replace(blobs, inputs=torch.where(torch.arange(120)[:, None] < 40, blobs.inputs, 99.0))
    skipped = np.where(some == OPEN, -2, some)

    assert equal(SMALL.fit(blobs, some, seed=0), SMALL.fit(changed, some, seed=0))
    assert equal(SMALL.fit(blobs, some, seed=0), SMALL.fit(blobs, skipped, seed=0))


def test_nothing_labelled_is_refused(blobs: Data) -> None:
    with pytest.raises(ConfigError, match="no row is labelled.*answer the start query first"):
        SMALL.fit(blobs, np.full(120, OPEN), seed=0)


# watching


@pytest.mark.parametrize("net", ["mlp", "wrn-28-2"])
def test_watching_changes_no_bit_of_any_weight(images: Data, some: Labels, net: str) -> None:
    learner = Supervised(net=net, epochs=2, least_steps=0)

    assert equal(learner.fit(images, some, seed=0), learner.fit(images, some, seed=0, watch=ROWS[:9]))


def test_a_history_holds_every_epoch_and_ends_in_the_models_own_predictions(blobs: Data, some: Labels) -> None:
    watch = np.array([3, 50, 119])
    learner = replace(SMALL, steps=0, epochs=6, least_steps=0)
    model = learner.fit(blobs, some, seed=0, watch=watch)

    assert model.history().shape == (3, 6, 3)
    torch.testing.assert_close(model.history()[:, -1].float(), model.probs(watch), rtol=0, atol=1e-3)
    stopped = learner.fit_many(blobs, some, seeds=[0], epochs=2)  # dropout masks differ, hence only the shape below
    assert stopped[0].probs(watch).shape == (3, 3)


def test_the_first_epoch_recorded_is_the_model_after_one_epoch(blobs: Data, some: Labels) -> None:
    learner = Supervised(net="linear", epochs=5, least_steps=0)
    watched = learner.fit(blobs, some, seed=0, watch=ROWS).history()[:, 0].float()
    early = learner.fit_many(blobs, some, seeds=[0], epochs=1)[0].probs(ROWS)

    torch.testing.assert_close(watched, early, rtol=0, atol=1e-3)


def test_fewer_looks_are_a_part_of_all_looks(blobs: Data, some: Labels) -> None:
    learner = replace(SMALL, steps=0, epochs=6, least_steps=0)
    whole = learner.fit(blobs, some, seed=0, watch=ROWS).history()
    part = replace(learner, looks=2).fit(blobs, some, seed=0, watch=ROWS).history()

    assert torch.equal(part, whole[:, [2, 5]])


# early stopping


def validation_of(truth: Labels) -> Labels:
    return np.where(np.arange(120) >= 80, truth, OPEN)


def test_the_epoch_of_lowest_validation_loss_is_restored(blobs: Data, some: Labels, truth: Labels) -> None:
    """Labels of training are wrong by one class, so that the validation loss rises with every epoch but the first few."""
    wrong = np.where(some >= 0, (some + 1) % 3, some)
    learner = Supervised(net="linear", epochs=20, least_steps=0, lr=0.1, patience=20)
    held = validation_of(truth)

    model = learner.fit(blobs, wrong, seed=0, watch=ROWS, validation=held)

    likelihood = (
        model.history().float()[held >= 0].gather(2, torch.tensor(truth[held >= 0])[:, None, None].expand(-1, 20, 1))
    )
    best = int(likelihood.clamp_min(1e-7).log().sum(dim=(0, 2)).argmax())
    assert best < 19
    torch.testing.assert_close(model.probs(ROWS), model.history()[:, best].float(), rtol=0, atol=1e-3)


def test_patience_ends_the_training_and_the_history_with_it(blobs: Data, some: Labels, truth: Labels) -> None:
    wrong = np.where(some >= 0, (some + 1) % 3, some)
    learner = Supervised(net="linear", epochs=50, least_steps=0, lr=0.1, patience=2)

    history = learner.fit(blobs, wrong, seed=0, watch=ROWS, validation=validation_of(truth)).history()
    rare = replace(learner, looks=1).fit(blobs, wrong, seed=0, watch=ROWS, validation=validation_of(truth)).history()

    assert history.shape[1] < 50
    assert torch.equal(
        rare, history[:, -1:]
    )  # the last epoch is recorded, though none of the planned looks was reached


def test_validation_labels_are_looked_at_and_never_trained_on(blobs: Data, some: Labels, truth: Labels) -> None:
    patient = replace(SMALL, patience=1000)
    held = validation_of(truth)
    last_is_best = patient.fit(blobs, some, seed=0, validation=held)

    assert equal(SMALL.fit(blobs, some, seed=0), SMALL.fit(blobs, some, seed=0, validation=held))
    assert last_is_best.probs(ROWS).shape == (120, 3)


def test_patience_without_validation_labels_trains_to_the_end(blobs: Data, some: Labels) -> None:
    eager = replace(SMALL, patience=1)
    nobody = np.full(120, OPEN)

    assert equal(SMALL.fit(blobs, some, seed=0), eager.fit(blobs, some, seed=0))
    assert equal(SMALL.fit(blobs, some, seed=0), eager.fit(blobs, some, seed=0, validation=nobody))


# warm start, precision, trouble


def test_a_warm_start_goes_on_from_the_last_weights(blobs: Data, some: Labels) -> None:
    warm = replace(SMALL, start="warm", steps=1, lr=1e-9)
    before = SMALL.fit(blobs, some, seed=0)

    after = warm.fit(blobs, some, seed=1, previous=before)

    torch.testing.assert_close(after.probs(ROWS), before.probs(ROWS))
    assert equal(
        warm.fit(blobs, some, seed=1), replace(warm, start="scratch").fit(blobs, some, seed=1, previous=before)
    )
    with pytest.raises(ConfigError, match="'start' is 'hot'.*'scratch', 'warm'"):
        Supervised(start="hot")  # type: ignore[arg-type]


def test_a_warm_start_leaves_the_earlier_model_as_it_was(blobs: Data, some: Labels) -> None:
    before = SMALL.fit(blobs, some, seed=0)
    kept = weights(before)
    replace(SMALL, start="warm").fit(blobs, some, seed=1, previous=before)

    assert all(torch.equal(a, b) for a, b in zip(weights(before), kept, strict=True))


def test_bfloat16_trains_float32_weights_to_nearly_the_same_and_probabilities_sum_to_one(
    images: Data, some: Labels
) -> None:
    full, half = (Supervised(steps=40, precision=name).fit(images, some, seed=0) for name in ("float32", "bfloat16"))

    assert all(value.dtype == torch.float32 for value in weights(half))
    assert not equal(full, half)
    assert half.probs(ROWS).dtype == torch.float32
    torch.testing.assert_close(half.probs(ROWS).sum(dim=1), torch.ones(120))
    assert (full.probs(ROWS).argmax(dim=1) == half.probs(ROWS).argmax(dim=1)).float().mean() > 0.9


@pytest.mark.parametrize("labelled", [33, 2])
@pytest.mark.parametrize("net", ["resnet18", "wrn-28-2"])
def test_a_single_row_left_over_does_not_break_batch_normalisation(
    images: Data, truth: Labels, net: str, labelled: int
) -> None:
    labels = np.where(np.arange(120) < labelled, truth, OPEN)

    assert Supervised(net=net, steps=2).fit(images, labels, seed=0).probs(ROWS[:2]).isfinite().all()


def test_a_single_label_on_a_net_that_needs_two_is_refused_with_the_next_step(images: Data, truth: Labels) -> None:
    one = np.where(np.arange(120) < 1, truth, OPEN)  # 8 x 8 is 1 x 1 where resnet18 ends

    with pytest.raises(ConfigError, match="cannot train on a mini-batch of one row"):
        Supervised(net="resnet18", steps=2).fit(images, one, seed=0)


def test_a_diverged_training_is_refused_with_the_remedy(blobs: Data, some: Labels) -> None:
    wild = replace(SMALL, optimiser="sgd", lr=1e30)

    for fit in (lambda: wild.fit(blobs, some, seed=0), lambda: wild.fit_many(blobs, some, seeds=[0])):
        with pytest.raises(
            BadScores, match=r"diverged: 6 weight tensors of net 'mlp'.*Lower.*learner.options.lr, now 1e"
        ):
            fit()


def test_early_stopping_saves_a_training_that_diverges_later(blobs: Data, some: Labels, truth: Labels) -> None:
    wild = Supervised(net="linear", optimiser="sgd", lr=0.1, weight_decay=50.0, epochs=400, least_steps=0, patience=400)
    with pytest.raises(BadScores):
        replace(wild, patience=0).fit(blobs, some, seed=0)

    assert wild.fit(blobs, some, seed=0, validation=validation_of(truth)).probs(ROWS).isfinite().all()


def test_a_model_fitted_without_watch_has_no_history(blobs: Data, some: Labels) -> None:
    with pytest.raises(MissingEvidence, match="fit it with `watch`"):
        SMALL.fit(blobs, some, seed=0).history()
