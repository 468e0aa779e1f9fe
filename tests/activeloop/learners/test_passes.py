from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from activeloop.learners import passes
from activeloop.learners.passes import TOGETHER, sampled
from activeloop.learners.trunk import split

MANY = 2 * TOGETHER + 3
FLAT, IMAGES = (6,), (3, 4, 4)


def frozen(layer: nn.Linear) -> nn.Linear:
    layer.register_forward_hook(lambda it, seen, out: 2 * out)
    return layer


def net(*after: nn.Module, shape: tuple[int, ...] = FLAT) -> Callable[[], tuple[nn.Module, Tensor]]:
    """A net whose trunk is one layer, and some rows for it."""
    first = nn.Linear(6, 5) if shape == FLAT else nn.Conv2d(3, 2, 1)
    return lambda: (nn.Sequential(first, nn.ReLU(), *after).eval(), torch.rand(9, *shape))


IN_ONE_PRODUCT = {
    "one layer": net(nn.Dropout(0.5), nn.Linear(5, 3)),
    "no bias": net(nn.Dropout(0.5), nn.Linear(5, 3, bias=False)),
    "two layers": net(nn.Dropout(0.3), nn.Linear(5, 8), nn.GELU(), nn.Dropout(0.5), nn.Linear(8, 3)),
    "a layer that nothing masks": net(nn.Dropout(0.3), nn.Linear(5, 8), nn.Sigmoid(), nn.Linear(8, 4), nn.Linear(4, 3)),
    "three layers": net(
        nn.Dropout(0.3), nn.Linear(5, 8), nn.Sigmoid(), nn.Dropout(0.5), nn.Linear(8, 8, bias=False), nn.Tanh(),
        nn.Dropout(0.5), nn.Linear(8, 3), nn.Dropout(0.0),
    ),
    "images": net(nn.Dropout(0.5), nn.Flatten(), nn.Linear(32, 3), shape=IMAGES),
    "whole channels": net(nn.Dropout2d(0.5), nn.Flatten(), nn.Linear(32, 4), nn.Dropout(0.5), nn.Linear(4, 3), shape=IMAGES),
    "nothing kept": net(nn.Dropout(0.5), nn.Linear(5, 8), nn.Sigmoid(), nn.Dropout(1.0), nn.Linear(8, 3)),
}  # fmt: skip
ONE_BY_ONE = {
    "an activation that masks come before": net(nn.Dropout(0.5), nn.Sigmoid(), nn.Linear(5, 3)),
    "a norm": net(nn.Dropout(0.5), nn.LayerNorm(5), nn.Linear(5, 3)),
    "a softmax": net(nn.Dropout(0.5), nn.Linear(5, 5), nn.Softmax(dim=1), nn.Dropout(0.5), nn.Linear(5, 3)),
    "the last masked": net(nn.Linear(5, 4), nn.Dropout(0.5)),
    "twice in a row": net(nn.Dropout(0.5), nn.Dropout(0.5), nn.Linear(5, 3)),
    "a convolution": net(nn.Dropout2d(0.5), nn.Conv2d(2, 1, 1), nn.Flatten(), nn.Linear(16, 3), shape=IMAGES),
    "a hook": net(nn.Dropout(0.5), frozen(nn.Linear(5, 3))),
    "weights computed anew": net(nn.Dropout(0.5), weight_norm(nn.Linear(5, 3))),
    "linear over the last axis of several": net(nn.Dropout(0.5), nn.Linear(4, 2), nn.Flatten(), shape=IMAGES),
}


def through(given: tuple[nn.Module, Tensor], whole: bool) -> Tensor:
    """Logits of MANY passes, in one product where that can be, or each by itself."""
    module, x = given
    trunk, head = split(module, x[:2])
    with torch.no_grad():
        fixed = trunk(x)
        if whole:
            return torch.stack([passes._alone(head, fixed, 0, k) for k in range(MANY)], dim=1)
        return sampled(head, trunk(x[:2]), MANY, 0, rows=4)(fixed)


@pytest.mark.parametrize("name", [*IN_ONE_PRODUCT, *ONE_BY_ONE])
def test_passes_are_those_of_the_net_run_one_by_one(name: str) -> None:
    torch.manual_seed(0)
    given = {**IN_ONE_PRODUCT, **ONE_BY_ONE}[name]()

    torch.testing.assert_close(through(given, whole=False), through(given, whole=True))


@pytest.mark.parametrize("name", [*IN_ONE_PRODUCT, *ONE_BY_ONE])
def test_passes_go_through_one_product_where_the_head_is_linear_layers(name: str) -> None:
    module, x = {**IN_ONE_PRODUCT, **ONE_BY_ONE}[name]()
    trunk, head = split(module, x[:2])

    assert (passes._layers(head, trunk(x[:2])) is not None) == (name in IN_ONE_PRODUCT)
