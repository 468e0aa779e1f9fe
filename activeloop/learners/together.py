"""Several nets of one shape, trained as one: stacked parameters, one batched product a layer."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import islice

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR

from activeloop.learners.loop import Batches, Recipe, optimiser


def train_together(
    nets: Sequence[nn.Module], batches: Sequence[Batches], recipe: Recipe, *, epochs: int | None = None
) -> None:
    """Train every net in place on its own batches, as `train` would, in lockstep.

    Nets must hold no buffers (batch statistics cannot be stacked). Three to five times faster than one after another on
    small nets, where a step costs more than its arithmetic; no faster on convolutions over larger images.
    """
    labelled = len(batches[0].rows)
    steps, an_epoch = recipe.steps_for(labelled), recipe.steps_an_epoch(labelled)
    parameters, _ = stack_module_state(list(nets))
    names, values = list(parameters), list(parameters.values())
    skeleton = copy.deepcopy(nets[0]).to("meta").train()

    def loss(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(functional_call(skeleton, weights, (x,)), y)

    gradients = vmap(grad(loss), randomness="different")
    stepper = optimiser(recipe, values)
    schedule = LambdaLR(stepper, lambda step: recipe.factor(step, steps))
    last = steps if epochs is None else min(steps, epochs * an_epoch)
    for drawn in islice(zip(*batches, strict=True), last):
        x, y = (torch.stack(part) for part in zip(*drawn, strict=True))
        for value, gradient in zip(
            values, gradients(dict(zip(names, values, strict=True)), x, y).values(), strict=True
        ):
            value.grad = gradient
        stepper.step()
        schedule.step()
    _unstack(nets, names, values)


@torch.no_grad()
def _unstack(nets: Sequence[nn.Module], names: Sequence[str], values: Sequence[Tensor]) -> None:
    for at, net in enumerate(nets):
        own = dict(net.named_parameters())
        for name, value in zip(names, values, strict=True):
            own[name].copy_(value[at])
        net.eval()
