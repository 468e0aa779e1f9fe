from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from activeloop import catalogue
from activeloop.errors import ActiveloopError, ConfigError, UnknownName
from activeloop.learners.nets import cnn, gal2017, linear, mlp, resnet18, wrn_28_2
from activeloop.learners.supervised import Supervised
from activeloop.types import Data

ALL = sorted(catalogue.NETS)
ON_FEATURES = ("linear", "mlp")


def data(*shape: int, classes: int = 5) -> Data:
    ones = (1,) * len(shape)
    inputs = torch.rand(6, *shape, generator=torch.Generator().manual_seed(0))
    return Data(inputs, tuple("abcdefghij"[:classes]), torch.zeros(ones), torch.ones(ones))


def weights(net: nn.Module) -> int:
    return sum(part.numel() for part in net.parameters())


@pytest.mark.parametrize("net", ALL)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 12, 10)])
def test_every_net_takes_grey_and_coloured_images_that_need_not_be_square(net: str, shape: tuple[int, ...]) -> None:
    given = data(*shape)
    learner = Supervised(net=net, steps=1)

    model = learner.fit(given, np.arange(6) % 5, seed=0)

    assert model.probs(np.arange(6)).shape == (6, 5)
    assert learner.offers(given)["embeddings"] == f"[n, {model.embed(np.arange(2)).shape[1]}]"


@pytest.mark.parametrize("net", ALL)
def test_features_are_for_linear_and_mlp_and_the_others_say_so_before_any_training(net: str) -> None:
    learner = Supervised(net=net)
    if net in ON_FEATURES:
        assert learner.offers(data(7))["probs"] == "[n, 5]"
        return
    with pytest.raises(ConfigError, match=rf"net '{net}' takes images .*\[7\].*'linear' or 'mlp'"):
        learner.offers(data(7))


@pytest.mark.parametrize("net", sorted(set(ALL) - set(ON_FEATURES)))
def test_images_too_small_for_a_net_are_refused_with_the_smallest_side(net: str) -> None:
    with pytest.raises(ConfigError, match=r"of at least (4x4|8x8), and one input here is \[1, 8, 3\]"):
        Supervised(net=net).offers(data(1, 8, 3))


def test_sizes_are_those_of_the_papers() -> None:
    assert weights(linear((1, 28, 28), 10)) == 7850
    assert weights(mlp((64,), 10)) == (64 + 1) * 128 + (128 + 1) * 128 + (128 + 1) * 10
    assert weights(gal2017((1, 28, 28), 10)) == 32 * 17 + 32 * (32 * 16 + 1) + (32 * 11 * 11 + 1) * 128 + 129 * 10
    assert round(weights(resnet18((3, 32, 32), 10)) / 1e6, 2) == 11.17  # the usual count of the CIFAR ResNet-18
    assert round(weights(wrn_28_2((3, 32, 32), 10)) / 1e6, 1) == 1.5  # arXiv:1605.07146 and semi-supervised papers


def test_wrn_28_2_has_28_layers_on_its_longest_path() -> None:
    convolutions = [layer for layer in wrn_28_2((3, 32, 32), 10).modules() if isinstance(layer, nn.Conv2d)]
    shortcuts = [layer for layer in convolutions if layer.kernel_size == (1, 1)]

    assert len(convolutions) - len(shortcuts) + 3 == 28  # the paper counts the three shortcuts, and not the last layer
    assert len(shortcuts) == 3


def test_only_nets_with_dropout_offer_samples() -> None:
    assert {net for net in ALL if "samples" in Supervised(net=net).offers(data(1, 8, 8))} == {"cnn", "gal2017", "mlp"}
    with_dropout = Supervised(net="wrn-28-2", net_options={"dropout": 0.3})
    assert "samples" in with_dropout.offers(data(1, 8, 8))
    assert "samples" not in Supervised(net_options={"dropout": 0.0}).offers(data(1, 8, 8))


def test_options_of_a_net_are_its_keyword_arguments_and_no_others() -> None:
    assert weights(cnn((1, 8, 8), 10, width=2)) < weights(cnn((1, 8, 8), 10, width=4))
    with pytest.raises(ConfigError, match="'cnn' has no option 'widht'; did you mean 'width'"):
        Supervised(net_options={"widht": 8}).offers(data(1, 8, 8))


# nets that a user brings: module:function


def tokens(shape: tuple[int, ...], classes: int) -> nn.Module:
    """Its last linear layer sees [n, 4, 2]."""
    return nn.Sequential(nn.Unflatten(1, (4, 2)), nn.Linear(2, classes), nn.Flatten(), nn.AvgPool1d(4))


class _Tokens(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.last = nn.Linear(2, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.last(x.reshape(len(x), 4, 2)).mean(dim=1)
        return logits


def tokens_averaged(shape: tuple[int, ...], classes: int) -> nn.Module:
    return _Tokens(classes)


def seven_logits(shape: tuple[int, ...], classes: int) -> nn.Module:
    return nn.Linear(shape[0], 7)


def a_pair(shape: tuple[int, ...], classes: int) -> nn.Module:
    return nn.LSTM(shape[0], classes)


def not_a_net(shape: tuple[int, ...], classes: int) -> str:
    return "net"


def mismatched(shape: tuple[int, ...], classes: int) -> nn.Module:
    return nn.Linear(shape[0] + 1, classes)


def lazy(shape: tuple[int, ...], classes: int) -> nn.Module:
    return nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(classes))


def scheduled(shape: tuple[int, ...], classes: int) -> nn.Module:
    rates = [rate.item() for rate in torch.linspace(0, 0.2, 2)]  # as timm does; the meta device knows no `item`
    return nn.Sequential(nn.Dropout(rates[-1]), nn.Linear(shape[0], classes))


def unused(shape: tuple[int, ...], classes: int) -> nn.Module:
    return _Unused(shape[0], classes)


class _Unused(nn.Module):
    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.first, self.never = nn.Linear(width, classes), nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.first(x)
        return logits


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> str:
    """This file as a module that the catalogue can import."""
    import sys

    monkeypatch.setitem(sys.modules, "my_nets", sys.modules[__name__])
    return "my_nets"


@pytest.mark.parametrize("net", ["lazy", "scheduled", "tokens_averaged"])
def test_a_net_of_the_users_own_trains(mine: str, net: str) -> None:
    model = Supervised(net=f"{mine}:{net}", steps=2).fit(data(8), np.arange(6) % 5, seed=0)

    assert model.probs(np.arange(6)).shape == (6, 5)


def test_an_embedding_of_more_axes_is_flattened_and_offered_so(mine: str) -> None:
    learner = Supervised(net=f"{mine}:tokens_averaged", steps=1)
    model = learner.fit(data(8), np.arange(6) % 5, seed=0)

    assert learner.offers(data(8))["embeddings"] == "[n, 8]"
    torch.testing.assert_close(model.embed(np.arange(6)), data(8).batch(np.arange(6)))


@pytest.mark.parametrize("net", ["unused"])
def test_a_net_that_passes_its_last_linear_layer_by_offers_no_embeddings(mine: str, net: str) -> None:
    assert "embeddings" not in Supervised(net=f"{mine}:{net}").offers(data(8))


@pytest.mark.parametrize(
    ("net", "message"),
    [
        ("seven_logits", r"gave \[1, 7\]; it must give logits \[n, 5\]"),
        ("a_pair", "gave a tuple; it must give logits"),
        ("not_a_net", "returned a str, not an nn.Module"),
        ("mismatched", r"one input of the shape \[8\], failed: RuntimeError"),
        ("absent", "'my_nets:absent' cannot be imported"),
    ],
)
def test_a_net_that_does_not_fit_is_refused_before_any_training(mine: str, net: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Supervised(net=f"{mine}:{net}").offers(data(8))


def test_an_unknown_net_keeps_its_kind_of_error_and_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match="no net is called 'restnet18'; did you mean 'resnet18'"):
        Supervised(net="restnet18").offers(data(1, 8, 8))
    assert issubclass(UnknownName, ActiveloopError)
