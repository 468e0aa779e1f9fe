from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from activeloop.data.augment import chain
from activeloop.errors import BadScores, ConfigError, UnknownName
from activeloop.learners.nets import cnn
from activeloop.providers.proxy import proxy
from activeloop.types import Data, Noted

CLASSES = ("a", "b", "c")
TRUTH = torch.arange(120) % 3
WRONG = [5, 40, 77, 110]  # rows whose pseudo-label is not what they look like
QUICK = {"net": "cnn", "width": 4, "epochs": 12, "batch": 16, "lr": 0.01, "optimiser": "adamw", "augment": ""}


def reference() -> torch.Tensor:
    labels = TRUTH.clone()
    labels[WRONG] = (labels[WRONG] + 1) % 3
    return labels


@pytest.fixture(scope="module")
def images() -> Data:
    """[120, 1, 8, 8] uint8: noise with one bright row of pixels, higher or lower by class."""
    pixels = torch.randint(0, 120, (120, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    pixels[torch.arange(120), 0, 2 * TRUTH + 1] = 255
    return Data(pixels, CLASSES, torch.full((1, 1, 1), 80.0), torch.full((1, 1, 1), 60.0))


def scored(data: Data, labels: torch.Tensor | None = None, seed: int = 0, **options: object) -> Noted:
    features = data.inputs.flatten(1).float()
    labels = reference() if labels is None else labels
    return proxy(features, labels, data, seed, **{**QUICK, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("score", ["aum", "aum-logits", "el2n"])
def test_rows_with_a_wrong_pseudo_label_are_the_hardest(images: Data, score: str) -> None:
    found = scored(images, score=score).value

    assert found.dtype == torch.float64
    assert sorted(found.argsort(descending=True)[:4].tolist()) == WRONG


@pytest.mark.parametrize("score", ["learning-time", "grand"])
def test_rows_with_a_wrong_pseudo_label_are_harder_than_most(images: Data, score: str) -> None:
    found = scored(images, score=score).value

    assert found[WRONG].mean() > found.mean() + found.std()


@pytest.mark.parametrize("score", ["dual", "dyn-unc", "flips", "forgetting"])
def test_scores_of_doubt_are_one_finite_number_a_row(images: Data, score: str) -> None:
    found = scored(images, score=score, window=5).value

    assert found.shape == (120,)
    assert found.isfinite().all()


def test_the_notes_say_what_was_trained_and_how_it_went_without_a_label(images: Data) -> None:
    notes = scored(images, epochs=2).notes

    assert notes["what"] == "aum of a cnn of width 4 trained on clusters"
    assert notes["hard_end"] == "low"
    assert 0 < int(notes["never_learnt"]) <= 60  # type: ignore[call-overload]
    assert 1 / 3 < float(notes["accuracy_on_reference"]) < 1  # type: ignore[arg-type]
    assert (notes["net"], notes["epochs"], notes["augment"]) == ("cnn of width 4", 2, [])


def test_the_seed_decides_and_the_global_stream_does_not(images: Data) -> None:
    first = scored(images, epochs=2).value
    torch.manual_seed(99)
    again = scored(images, epochs=2).value

    assert torch.equal(first, again)
    assert not torch.equal(first, scored(images, epochs=2, seed=1).value)


def test_the_score_is_what_a_plain_loop_that_keeps_every_logit_gives(images: Data) -> None:
    """One mini-batch an epoch, so that the order does not matter."""
    found = scored(images, epochs=5, batch=200, net="tests.activeloop.providers.test_proxy:plain", width=0, lr=0.05,
                   optimiser="sgd", momentum=0.0, weight_decay=0.0, schedule="constant")  # fmt: skip

    net, log = plain((1, 8, 8), 3), []
    stepper = torch.optim.SGD(net.parameters(), 0.05)
    for _ in range(5):
        logits = net(images.batch(torch.arange(120)))
        log.append(logits.detach())
        stepper.zero_grad()
        nn.functional.cross_entropy(logits, reference()).backward()
        stepper.step()
    probs = torch.stack(log).softmax(dim=-1).numpy()
    own = np.eye(3, dtype=bool)[reference().numpy()]
    margins = [[p[mine][0] - p[~mine].max() for p, mine in zip(look, own, strict=True)] for look in probs]
    np.testing.assert_allclose(found.value.numpy(), -np.mean(margins, axis=0), atol=1e-5)


def plain(shape: tuple[int, ...], classes: int) -> nn.Module:
    torch.manual_seed(7)
    return cnn(shape, classes, width=4, dropout=0.0)


def test_augmentation_is_the_pools_own_where_it_has_one(images: Data) -> None:
    shaken = replace(images, augment=chain(["crop"]))

    assert scored(shaken, epochs=2, augment="crop,flip").notes["augment"] == ["crop"]
    assert scored(images, epochs=2, augment="crop, flip").notes["augment"] == ["crop", "flip"]
    assert not torch.equal(scored(shaken, epochs=2).value, scored(images, epochs=2).value)


def test_a_pool_of_features_is_handed_to_a_probe_and_the_notes_say_so() -> None:
    points = 3 * torch.eye(4)[TRUTH] + torch.randn(120, 4, generator=torch.Generator().manual_seed(0))
    data = Data(points, CLASSES, torch.zeros(1), torch.ones(1))

    found = proxy(points, reference(), data, 0, epochs=10)

    assert found.notes["what"] == "distance to the cluster boundary"
    assert "probe on them stands in" in str(found.notes["instead_of_a_net"])
    assert found.notes["net"] == "linear probe"


def test_more_clusters_than_classes_are_trained_on(images: Data) -> None:
    six = TRUTH + 3 * (torch.arange(120) % 2)

    assert scored(images, six, epochs=2).value.shape == (120,)


def test_what_cannot_be_trained_is_refused_before_it_is(images: Data) -> None:
    with pytest.raises(BadScores, match="into 1 class"):
        scored(images, torch.zeros(120, dtype=torch.int64))
    with pytest.raises(UnknownName, match="no score is called 'aump'"):
        scored(images, score="aump")
    with pytest.raises(ConfigError, match="there were 4: train for more"):
        scored(images, score="dual", epochs=4)
    with pytest.raises(ConfigError, match="'gal2017' has no option 'width'"):
        scored(images, net="gal2017", width=3)
    with pytest.raises(UnknownName, match="no augmentation is called 'flap'; did you mean 'flip'"):
        scored(images, augment="flap")
    with pytest.raises(BadScores, match="diverged.*Lower the learning rate"):
        scored(images, lr=1e12, optimiser="sgd", epochs=3)
    sound = Data(torch.rand(120, 2, 9), CLASSES, torch.zeros(1), torch.ones(1))
    with pytest.raises(ConfigError, match="need images.*augment=''"):
        scored(sound, augment="crop")
