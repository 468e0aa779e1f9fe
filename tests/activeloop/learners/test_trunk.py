from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torchvision.models import resnet18

from activeloop.learners.nets import cnn, gal2017
from activeloop.learners.trunk import Whole, dropouts, split


class Skip(nn.Module):
    """The skip goes round a dropout, and a buffer is read on either side."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(6, 5), nn.Dropout(0.5), nn.Linear(5, 3)
        self.register_buffer("shift", torch.ones(5))

    def forward(self, x: Tensor) -> Tensor:
        hidden = relu(self.first(x)) + self.shift
        out: Tensor = self.last(hidden + relu(self.drop(hidden) * self.shift))
        return out


class Block(nn.Sequential):
    """A subclass with a forward of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class Late(nn.Module):
    """Works in place, after the dropout, on what the dropout saw: out of order it would be another net."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(6, 4), nn.Dropout(0.5), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        dropped = self.drop(hidden) * 1.0
        out: Tensor = self.last(dropped + hidden.mul_(3))
        return out


class Choosing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 4), nn.Dropout(0.5), nn.Linear(4, 3))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x if x.sum() > 0 else -x)
        return out


def dropped_resnet() -> nn.Module:
    net = resnet18(num_classes=3)
    net.fc = nn.Sequential(nn.Dropout(0.5), net.fc)
    return net


CUT: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], set[str]]] = {
    "cnn": (lambda: cnn((1, 8, 8), 3), (1, 8, 8), {"Dropout", "Linear"}),
    "gal2017": (lambda: gal2017((1, 12, 12), 3), (1, 12, 12), {"Dropout", "Linear", "Flatten", "ReLU"}),
    "resnet18 of torchvision": (dropped_resnet, (3, 32, 32), {"Dropout", "Linear"}),
    "a skip connection": (Skip, (6,), {"Dropout", "Linear"}),
    "a sequential of its own": (lambda: Block(nn.Linear(6, 3), nn.Dropout(0.5)), (6,), {"Dropout"}),
}


@pytest.mark.parametrize("name", CUT)
def test_the_two_halves_are_the_net_and_no_dropout_is_in_the_first(name: str) -> None:
    make, shape, kinds = CUT[name]
    torch.manual_seed(0)
    net, x = make(), torch.rand(5, *shape)
    trunk, head = split(net, x[:2])

    assert not isinstance(trunk, Whole)
    assert not dropouts(trunk)
    assert {type(layer).__name__ for layer in head.modules() if not list(layer.children())} - {
        "GraphModule",
        "Module",
    } <= kinds
    with torch.no_grad():
        torch.testing.assert_close(head(*trunk(x)), net(x))
    assert dropouts(head)[0] is dropouts(net)[0]


@pytest.mark.parametrize("make", [Late, Choosing, lambda: nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 3))])
def test_where_it_cannot_be_cut_or_nothing_would_be_saved_the_net_stays_whole(make: Callable[[], nn.Module]) -> None:
    net = make()
    trunk, head = split(net, torch.rand(3, 6))

    assert isinstance(trunk, Whole)
    assert head is net
