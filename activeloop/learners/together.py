"""Several nets of one shape, trained as one: stacked parameters, one batched product a layer."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import islice

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from activeloop.learners.loop import Batches, Recipe, half, optimiser, set_lr

# Layers whose stacked product is theirs alone. Batch statistics cannot be stacked, recurrent layers have no rule for it,
# and a module of the user's may do anything.
STACKS = (
    nn.Sequential, nn.Identity, nn.Flatten, nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.MaxPool2d, nn.AvgPool2d,
    nn.AdaptiveAvgPool2d, nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.ELU, nn.Tanh, nn.Sigmoid, nn.Softplus,
    nn.LayerNorm, nn.GroupNorm, nn.Dropout, nn.Dropout2d,
)  # fmt: skip


def can_stack(net: nn.Module) -> bool:
    """Whether several of these train as one: layers of `STACKS` alone, all of their weights trained."""
    plain = all(type(layer) in STACKS for layer in net.modules())
    return plain and all(weights.requires_grad for weights in net.parameters())


def train_together(
    nets: Sequence[nn.Module], batches: Sequence[Batches], recipe: Recipe, *, epochs: int | None = None
) -> None:
    """Train every net in place on its own batches, as `train` would, in lockstep.

    Nets must be of one shape, and `can_stack`; batches of one length. Three to five times faster than one after another
    on small nets, where a step costs more than its arithmetic; no faster on convolutions over larger images.
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
    last = steps if epochs is None else min(steps, epochs * an_epoch)
    for step, drawn in enumerate(islice(zip(*batches, strict=True), last)):
        x, y = (torch.stack(part) for part in zip(*drawn, strict=True))
        with half(recipe, x):
            found = gradients(dict(zip(names, values, strict=True)), x, y)
        for value, gradient in zip(values, found.values(), strict=True):
            value.grad = gradient
        set_lr(stepper, recipe.lr * recipe.factor(step, steps))
        stepper.step()
    _unstack(nets, names, values)


@torch.no_grad()
def _unstack(nets: Sequence[nn.Module], names: Sequence[str], values: Sequence[Tensor]) -> None:
    for at, net in enumerate(nets):
        own = dict(net.named_parameters())
        for name, value in zip(names, values, strict=True):
            own[name].copy_(value[at])
        net.eval()
