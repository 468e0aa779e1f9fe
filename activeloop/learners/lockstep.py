"""Nets of one shape and of several runs trained side by side, each the same to the bit whichever others there are.

On small nets a step costs more than its arithmetic, so one batched product does the steps of all. No operation mixes nets;
what keeps a net's sums its own is that every slice of a stack begins on a line of cache, whatever its place: widths of
mini-batches and lengths of weights are filled up to `LINE`, and kernels then take the same path for one net as for thirty
(tests/activeloop/learners/test_lockstep.py, on one thread of a CPU). Derivatives are by hand, and columns are rows of a
mini-batch throughout ([S, width, b]), since a softmax over few classes is fast across memory and slow along it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from math import prod

import numpy as np
import torch
from numpy.random import SFC64
from torch import Tensor, nn
from torch.nn.functional import one_hot

from activeloop.learners.loop import Batches, Recipe, optimiser, set_lr
from activeloop.rng import derive

LINE = 16  # float32 numbers: a line of cache, and what AVX-512 takes at a time
DRAWS = 1 << 16  # a mask is drawn by 16 bits a unit, so a rate of dropout is kept to 1.5e-5
BITS = 64 // 16  # such draws in a number of the generator


@dataclass(frozen=True)
class Segment:
    """A linear layer, and what acts on each number that it gives; without a layer, on each input.

    rates: of the dropout layers.
    """

    linear: nn.Linear | None
    has_relu: bool = False
    rates: tuple[float, ...] = ()


def segments(net: nn.Module, shape: tuple[int, ...]) -> tuple[Segment, ...] | None:
    """The net as a chain of linear layers, ReLU and dropout; None where it is anything else.

    shape: of one input.
    """
    found, is_flat = [Segment(None)], len(shape) == 1
    layers = list(_leaves(net))
    if any(layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks for layer in net.modules()):
        return None
    for layer in layers:
        kind, last = type(layer), found[-1]
        if isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) == (1, -1):
            is_flat = True
        elif kind is nn.Linear and isinstance(layer, nn.Linear) and is_flat and _is_trained(layer, layers):
            found.append(Segment(layer))
        elif kind is nn.ReLU:
            found[-1] = Segment(last.linear, True, last.rates)
        elif isinstance(layer, nn.Dropout) and kind is nn.Dropout:
            found[-1] = Segment(last.linear, last.has_relu, (*last.rates, layer.p) if layer.p else last.rates)
        elif kind is not nn.Identity:
            return None
    return tuple(found) if len(found) > 1 else None


def _leaves(net: nn.Module) -> Iterator[nn.Module]:
    for part in net if type(net) is nn.Sequential else [net]:
        yield from _leaves(part) if type(part) is nn.Sequential else [part]


def _is_trained(layer: nn.Linear, layers: Sequence[nn.Module]) -> bool:
    """Whether all of its weights are, and belong to it alone."""
    return sum(other is layer for other in layers) == 1 and all(
        weights.requires_grad and weights.dtype == torch.float32 for weights in layer.parameters()
    )


def train_in_lockstep(
    nets: Sequence[nn.Module],
    batches: Sequence[Batches],
    recipe: Recipe,
    *,
    epochs: int | None = None,
    after_epoch: Callable[[int], None] = lambda epoch: None,
) -> None:
    """Train every net in place on its own batches, as `train` would.

    Initial weights and the order of batches are those of training alone; dropout draws from a stream of each net's own.

    nets: of one shape, all with `segments`.    batches: of one length, all `preloaded`.
    after_epoch: called with the epoch, from 1; may look at the nets.
    """
    labelled, cuts = len(batches[0].rows), batches[0].cuts
    steps, an_epoch = recipe.steps_for(labelled), recipe.steps_an_epoch(labelled)
    last = steps if epochs is None else min(steps, epochs * an_epoch)
    stack = _Stack(nets, batches)
    stepper = optimiser(recipe, [stack.weights])
    orders, step = [each.orders() for each in batches], 0
    for epoch in count(1):
        order = torch.stack([next(each) for each in orders])
        for at in torch.tensor_split(order, cuts, dim=1)[: last - step]:
            stack.differentiate(at)
            set_lr(stepper, recipe.lr * recipe.factor(step, steps))
            stepper.step()
            step += 1
        after_epoch(epoch)
        if step == last:
            break
    stack.release()


class _Stack:
    """The weights of S nets as one tensor, and their gradient; the nets look into it while they train.

    weights: [S, P], each layer's filled up to whole lines.
    """

    def __init__(self, nets: Sequence[nn.Module], batches: Sequence[Batches]) -> None:
        self._nets, self._chain = nets, segments(nets[0], tuple(batches[0].data.inputs.shape[1:])) or ()
        own = [list(net.parameters()) for net in nets]
        self._shapes = [tuple(each.shape) for each in own[0]]
        self.weights = torch.zeros(len(nets), sum(_lines(prod(shape)) for shape in self._shapes))
        self.weights.grad = torch.zeros_like(self.weights)
        for at, values in enumerate(zip(*own, strict=True)):
            stacked = self._views(self.weights)[at]
            for value, place in zip(values, stacked, strict=True):
                place.copy_(value.detach())
                value.data = place
        ready = [each.preloaded() for each in batches]
        self._inputs = torch.cat([part.flatten(1) for part in ready if part is not None])
        classes = len(batches[0].data.classes)
        self._answers = one_hot(torch.cat([each.labels for each in batches]), classes).float()
        self._rows = len(batches[0].rows)
        self._chances = [SFC64(derive(each.seed, 0, "dropout")) for each in batches]
        self._rooms: dict[int, _Room] = {}

    @torch.no_grad()
    def differentiate(self, at: Tensor) -> None:
        """Put the gradient of the mean loss into `weights.grad`.    at: [S, b], positions among each net's rows."""
        nets, rows = at.shape
        if rows not in self._rooms:
            assert self.weights.grad is not None
            values, gradients = self._views(self.weights), self._views(self.weights.grad)
            self._rooms[rows] = _Room(self._chain, values, gradients, rows, self._inputs.shape[1])
        room = self._rooms[rows]
        filled = torch.cat([at, at[:, :1].expand(nets, room.rows - rows)], dim=1)  # with rows that weigh nothing
        taken = (filled + self._rows * torch.arange(nets)[:, None]).flatten()
        x = self._inputs.index_select(0, taken).view(nets, room.rows, -1)
        y = self._answers.index_select(0, taken).view(nets, room.rows, -1)
        room.draw(self._chances)
        room.differentiate(x, y.transpose(1, 2))

    def release(self) -> None:
        """Give every net weights of its own again."""
        for net in self._nets:
            for value in net.parameters():
                value.data = value.data.clone()
            net.eval()

    def _views(self, flat: Tensor) -> list[Tensor]:
        """[S, …] of every parameter."""
        ends = np.cumsum([_lines(prod(shape)) for shape in self._shapes])
        parts = torch.tensor_split(flat, ends[:-1].tolist(), dim=1)
        return [part[:, : prod(shape)].view(-1, *shape) for part, shape in zip(parts, self._shapes, strict=True)]


@dataclass(frozen=True)
class _Layer:
    """weight: [S, out, in].    bias: [S, out, 1].    given: [S, out, b], what the segment gives, its masks applied.

    blame: [S, out, b], the derivative of the loss by what the layer gave.    gradients: of weight and bias.
    """

    weight: Tensor
    bias: Tensor | None
    given: Tensor
    blame: Tensor
    gradients: tuple[Tensor, Tensor | None]


class _Room:
    """Where mini-batches of one size are computed: the same memory at every step.

    masks: of every segment, what its numbers are multiplied by, for each of its dropout layers.
    """

    def __init__(
        self, chain: Sequence[Segment], values: list[Tensor], gradients: list[Tensor], rows: int, across: int
    ) -> None:
        self.rows, nets = _lines(rows), len(values[0])
        self._chain, self._layers = chain, list[_Layer]()
        self._weigh = torch.zeros(self.rows)
        self._weigh[:rows] = 1 / rows
        left, shapes = zip(values, gradients, strict=True), [(nets, self.rows, across)]
        for segment in chain[1:]:
            assert segment.linear is not None
            weight, d_weight = next(left)
            bias, d_bias = next(left) if segment.linear.bias is not None else (None, None)
            given, blame = torch.empty(2, nets, segment.linear.out_features, self.rows)
            self._layers.append(_Layer(weight, _column(bias), given, blame, (d_weight, _column(d_bias))))
            shapes.append((nets, segment.linear.out_features, self.rows))
        numbers = [prod(shape[1:]) for shape, segment in zip(shapes, chain, strict=True) for _ in segment.rates]
        self._drawn = np.empty((nets, sum(numbers)), dtype=np.uint16)
        self._kept = np.empty(self._drawn.shape, dtype=np.bool_)
        self._all_masks = torch.empty(self._drawn.shape)
        self._ends = np.cumsum(numbers)
        parts = iter(torch.tensor_split(self._all_masks, self._ends[:-1].tolist(), dim=1) if numbers else ())
        self.masks = [
            [next(parts).view(shape) for _ in segment.rates] for shape, segment in zip(shapes, chain, strict=True)
        ]

    def differentiate(self, x: Tensor, y: Tensor) -> None:
        """x: [S, b, D].    y: [S, C, b], 1 at the label."""
        first = self._chain[0]
        if first.has_relu:
            x.relu_()
        for mask in self.masks[0]:
            x.mul_(mask)
        seen = [x.transpose(1, 2)]
        for layer, segment, kept in zip(self._layers, self._chain[1:], self.masks[1:], strict=True):
            if layer.bias is None:
                torch.bmm(layer.weight, seen[-1], out=layer.given)
            else:
                torch.baddbmm(layer.bias, layer.weight, seen[-1], out=layer.given)
            if segment.has_relu:
                layer.given.relu_()
            for mask in kept:
                layer.given.mul_(mask)
            seen.append(layer.given)
        torch.mul(seen.pop().softmax(dim=1).sub_(y), self._weigh, out=self._layers[-1].blame)
        above: _Layer | None = None
        for layer, segment, kept in reversed(list(zip(self._layers, self._chain[1:], self.masks[1:], strict=True))):
            if above is not None:
                torch.bmm(above.weight.transpose(1, 2), above.blame, out=layer.blame)
            for mask in kept:
                layer.blame.mul_(mask)
            if segment.has_relu:  # what is 0 in the end was cut off, or dropped and so blamed for nothing
                torch.ops.aten.threshold_backward.grad_input(layer.blame, layer.given, 0, grad_input=layer.blame)
            weight, bias = layer.gradients
            torch.bmm(layer.blame, seen.pop().transpose(1, 2), out=weight)
            if bias is not None:
                torch.sum(layer.blame, dim=2, keepdim=True, out=bias)
            above = layer

    def draw(self, chances: Sequence[SFC64]) -> None:
        """New masks, each net's from its own stream."""
        for own, chance in zip(self._drawn, chances, strict=True):
            own[:] = chance.random_raw(len(own) // BITS).view(np.uint16)
        begin = 0
        rates = [rate for segment in self._chain for rate in segment.rates]
        for end, rate in zip(self._ends, rates, strict=True):
            np.greater_equal(self._drawn[:, begin:end], round(rate * DRAWS), out=self._kept[:, begin:end])
            begin = end
        self._all_masks.copy_(torch.from_numpy(self._kept.view(np.uint8)))
        for mask, rate in zip((mask for masks in self.masks for mask in masks), rates, strict=True):
            mask.mul_(1 / (1 - rate or 1))


def _column(bias: Tensor | None) -> Tensor | None:
    return None if bias is None else bias[:, :, None]


def _lines(numbers: int) -> int:
    """Filled up to whole lines."""
    return math.ceil(numbers / LINE) * LINE
