"""Stochastic passes through what follows a net's trunk: each is a sampled network, the same for every row.

Since a mask is shared by all rows, a pass is a smaller net: what it dropped need not be computed. Where the head is linear
layers with dropout between them, the kept units of several passes are cut out, the rates folded into their weights, and
all go through one product a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, fx, nn
from torch.nn.functional import pad

from activeloop.learners.trunk import DROPOUTS, WHOLE_CHANNELS, dropouts
from activeloop.rng import derive

TOGETHER = 8  # passes in one product: wide enough to fill it, few enough that their weights stay in the cache
# act on each number alone, so that a unit that a mask drops afterwards can be left out before
ELEMENTWISE = (nn.Identity, nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.ELU, nn.Tanh, nn.Sigmoid, nn.Softplus)

Fixed = tuple[Tensor, ...]  # what a trunk gives of some rows


def sampled(head: nn.Module, some: Fixed, count: int, seed: int, rows: int) -> Callable[[Fixed], Tensor]:
    """The head as `count` sampled networks: a function of what the trunk gives of m rows -> logits [m, count, C].

    Pass k draws its masks from (seed, k), as many numbers as each dropout layer sees of one row, in the order of layers.

    some: what the trunk gives of a few rows.    rows: at a time, through a head that may be any net.
    """
    layers = _layers(head, some)
    if layers is not None:
        return lambda fixed: _together(layers, fixed[0].flatten(1), count, seed)

    def one_by_one(fixed: Fixed) -> Tensor:
        parts = zip(*(torch.split(part, rows) for part in fixed), strict=True)
        return torch.cat([torch.stack([_alone(head, part, seed, k) for k in range(count)], dim=1) for part in parts])

    return one_by_one


# one pass after the other, through any head


def _alone(head: nn.Module, fixed: Fixed, seed: int, k: int) -> Tensor:
    chance = _chance(seed, k)
    hooks = [
        layer.register_forward_hook(lambda it, seen, _: seen[0] * _mask(it, seen[0].shape[1:], chance).to(seen[0]))
        for layer in dropouts(head)
    ]
    try:
        out: Tensor = head(*(part.clone() for part in fixed))  # clones, since a layer may work in place
        return out
    finally:
        for hook in hooks:
            hook.remove()


def _chance(seed: int, k: int) -> torch.Generator:
    return torch.Generator().manual_seed(derive(seed, k, "dropout"))


def _mask(layer: nn.Module, shape: tuple[int, ...], chance: torch.Generator) -> Tensor:
    """What one row is multiplied by: 0 where it is dropped; broadcasts over a channel where channels are dropped whole."""
    assert isinstance(layer, DROPOUTS)
    drawn = (shape[0], *[1] * (len(shape) - 1)) if isinstance(layer, WHOLE_CHANNELS) else shape
    kept = torch.rand(drawn, generator=chance) >= layer.p
    return kept / (1 - layer.p or 1)  # a rate of 1 keeps nothing, and 0 / 0 is not 0


# several passes in one product, through a head of linear layers


@dataclass(frozen=True)
class Layer:
    """drop: masks what `linear` sees, whose shape for one row is `shape`; None where nothing does.    then: activations."""

    drop: nn.Module | None
    shape: tuple[int, ...]
    linear: nn.Linear
    then: tuple[nn.Module, ...]


def _layers(head: nn.Module, some: Fixed) -> list[Layer] | None:
    """The head as layers, if dropout, linear layers, and activations between them are all that it is."""
    chain = _chain(head)
    if chain is None or len(some) != 1:
        return None
    layers: list[Layer] = []
    drop, shape = None, tuple(some[0].shape[1:])
    for layer in chain:
        kind = type(layer)
        if kind in DROPOUTS and dropouts(layer) and drop is None and not (kind in WHOLE_CHANNELS and len(shape) < 2):
            drop, masked = layer, shape
        elif kind is nn.Flatten and layer.start_dim == 1 and layer.end_dim == -1:
            shape = (prod(shape),)
        elif isinstance(layer, nn.Linear) and kind is nn.Linear and len(shape) == 1:
            layers.append(Layer(drop, masked if drop else shape, layer, ()))
            drop, shape = None, (layer.out_features,)
        elif kind in ELEMENTWISE and layers and drop is None:
            last = layers[-1]
            layers[-1] = Layer(last.drop, last.shape, last.linear, (*last.then, layer))
        elif not (kind in DROPOUTS and not dropouts(layer)):
            return None
    return layers if drop is None and layers else None


def _chain(head: nn.Module) -> list[nn.Module] | None:
    """The modules of a traced head, each of which sees what the one before it gives, and nothing else."""
    if not isinstance(head, fx.GraphModule):
        return None
    first, *nodes = head.graph.nodes
    before, chain = first, []
    for node in nodes:
        if node.op == "call_module" and node.args == (before,) and not node.kwargs and len(before.users) == 1:
            before = node
            chain.append(head.get_submodule(str(node.target)))
        elif not (node.op == "output" and node.args == (before,)):
            return None
    return None if any(layer._forward_hooks or layer._forward_pre_hooks for layer in chain) else chain


def _together(layers: list[Layer], x: Tensor, count: int, seed: int) -> Tensor:
    """x: [m, D].    returns: [m, count, C], logits."""
    groups = [range(at, min(at + TOGETHER, count)) for at in range(0, count, TOGETHER)]
    return torch.cat([_product(layers, x, seed, group) for group in groups], dim=1)


def _product(layers: list[Layer], x: Tensor, seed: int, group: range) -> Tensor:
    """[m, k, C], the logits of these passes."""
    nets = [list(_nets(layers, _chance(seed, k))) for k in group]
    seen = x
    for at, layer in enumerate(layers):
        weights, biases = _stacked([net[at] for net in nets])
        if at == 0:  # all see the same, so their units stand side by side
            flat = torch.addmm(biases.flatten(), x, weights.flatten(0, 1).T)
            seen = flat.view(len(x), *biases.shape).transpose(0, 1)
        else:
            seen = torch.baddbmm(biases[:, None], seen, weights.transpose(1, 2))
        for activation in layer.then:
            seen = activation(seen)  # [k, m, out]
    return seen.transpose(0, 1)


def _stacked(nets: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Weights [k, out, in] and biases [k, out], filled up with units of weight 0 to the widest, which change nothing."""
    out, across = (max(weights.shape[axis] for weights, _ in nets) for axis in (0, 1))
    filled = [pad(weights, (0, across - weights.shape[1], 0, out - weights.shape[0])) for weights, _ in nets]
    return torch.stack(filled), torch.stack([pad(bias, (0, out - len(bias))) for _, bias in nets])


def _nets(layers: list[Layer], chance: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """(weights [out, in], bias [out]) of every layer of one sampled network, without the units that it dropped."""
    masks = [None if layer.drop is None else _mask(layer.drop, layer.shape, chance) for layer in layers]
    for at, layer in enumerate(layers):
        weights: Tensor = layer.linear.weight.detach()
        held: Tensor | None = layer.linear.bias
        bias = weights.new_zeros(len(weights)) if held is None else held.detach()
        mask = masks[at]
        if mask is not None:
            factors = mask.expand(layer.shape).reshape(-1).to(weights)
            # a first layer keeps its inputs, since cutting them out of every row would cost what it saves
            weights = weights * factors if at == 0 else (weights * factors)[:, factors > 0]
        after = masks[at + 1] if at + 1 < len(layers) else None
        if after is not None:
            kept = after.to(weights.device) > 0
            weights, bias = weights[kept], bias[kept]
        yield weights, bias
