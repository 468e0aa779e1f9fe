"""The one training loop. Data live on the device as one tensor; a step touches no Python object per row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import islice
from typing import Literal, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from activeloop.errors import ConfigError, nearest
from activeloop.rng import derive
from activeloop.types import Data

PRELOAD_BYTES = 2**28  # training rows are normalised once, not once a step, where that takes no more than this
# Input values that a forward pass looks at when nothing is learnt. On a CPU activations must stay in the cache: chunks of
# 1,000 rows of 28 x 28 took 1.4 times as long as 128 (benchmarks/loop_overhead.py). A GPU wants to be filled instead.
LOOK = {"cpu": 2**17, "cuda": 2**24}
LOOK_ROWS = (64, 1024)  # at least, at most


@dataclass(frozen=True)
class Recipe:
    """How a net is trained.

    epochs: passes over the labels, and at least `least_steps` mini-batches however few labels there are; `steps`, where
    not 0, counts mini-batches instead.    patience: epochs without a lower validation loss after which training ends and
    the best epoch is restored; 0 trains to the end, and so does a fit without validation labels.    looks: epochs
    recorded in a history, evenly spaced; 0 is all.
    raises: ConfigError for a value that is not allowed.
    """

    optimiser: Literal["adam", "adamw", "sgd"] = "adamw"
    lr: float = 3e-3
    weight_decay: float = 1e-2
    momentum: float = 0.9
    schedule: Literal["constant", "cosine"] = "cosine"
    epochs: int = 30
    least_steps: int = 300  # an epoch of 20 labels is one step: 30 would leave any net untrained
    steps: int = 0
    looks: int = 60
    batch: int = 32
    patience: int = 0
    precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for entry in fields(self):
            kind, value = kinds[entry.name], getattr(self, entry.name)
            if get_origin(kind) is Literal and value not in get_args(kind):
                raise ConfigError(
                    f"learner option {entry.name!r} is {value!r}{nearest(str(value), get_args(kind))} Allowed are"
                    f" {', '.join(map(repr, get_args(kind)))}."
                )
            if kind in (int, float) and not 0 <= value < math.inf:
                raise ConfigError(f"learner option {entry.name!r} is {value}; it must be 0 or more, and finite.")
        if self.batch < 1 or self.lr <= 0 or (self.epochs < 1 and self.steps < 1):
            raise ConfigError(f"batch {self.batch}, lr {self.lr} and epochs {self.epochs} must all be above 0.")

    def steps_for(self, labelled: int) -> int:
        return self.steps or max(self.least_steps, self.epochs * self.steps_an_epoch(labelled))

    def steps_an_epoch(self, labelled: int) -> int:
        return _batches(labelled, self.batch)

    def epochs_for(self, labelled: int) -> int:
        return math.ceil(self.steps_for(labelled) / self.steps_an_epoch(labelled))

    def is_look(self, epoch: int, epochs: int) -> bool:
        """Whether the history records this epoch, counted from 1; the last one always is."""
        looks = min(self.looks or epochs, epochs)
        return epoch * looks // epochs > (epoch - 1) * looks // epochs

    def factor(self, step: int, steps: int) -> float:
        """The learning rate at a step, as a fraction of `lr`."""
        return 0.5 * (1 + math.cos(math.pi * step / steps)) if self.schedule == "cosine" else 1.0


def optimiser(recipe: Recipe, parameters: list[Tensor]) -> Optimizer:
    """Fused: on small nets the per-parameter loop of the plain optimisers costs more than the arithmetic."""
    lr, decay, momentum = recipe.lr, recipe.weight_decay, recipe.momentum
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(parameters, lr, momentum, weight_decay=decay, nesterov=momentum > 0, fused=True)
    kind = torch.optim.Adam if recipe.optimiser == "adam" else torch.optim.AdamW
    return kind(parameters, lr, weight_decay=decay, fused=True)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Weights and dropout draw from torch's global stream: seed it inside, and leave it outside as it was."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


@dataclass(frozen=True, eq=False)
class Batches:
    """Mini-batches of labelled rows in an order that the seed fixes; the last of an epoch may be smaller.

    A single row left over joins the mini-batch before it: alone it has no batch statistics.

    rows: [n] dataset ids.    labels: [n] class ids.    Both on the data's device.
    """

    data: Data
    rows: Tensor
    labels: Tensor
    size: int
    seed: int

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Endlessly: epoch after epoch."""
        return ((x, y) for _, x, y in self.drawn())

    def drawn(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The same mini-batches, each with the positions in `rows` that it was drawn from."""
        chance = torch.Generator(self.data.mean.device).manual_seed(derive(self.seed, 0, "augment"))
        ready = self.preloaded()
        for shuffled in self.orders():
            for at in torch.tensor_split(shuffled, self.cuts):
                x = self.data.batch(self.rows[at], chance) if ready is None else ready[at]
                yield at, x, self.labels[at]

    def orders(self) -> Iterator[Tensor]:
        """The positions in `rows`, [n], as every epoch goes through them."""
        order = torch.Generator().manual_seed(derive(self.seed, 0, "order"))
        while True:
            yield torch.randperm(len(self.rows), generator=order).to(self.labels.device)

    @property
    def cuts(self) -> list[int]:
        """Where an epoch is cut into mini-batches."""
        return [self.size * at for at in range(1, _batches(len(self.rows), self.size))]

    def preloaded(self) -> Tensor | None:
        """The inputs of all `rows`, normalised; None where they are too many, or differ from step to step."""
        per_row = self.data.inputs[0].numel() * 4
        small = self.data.augment is None and per_row * len(self.rows) <= PRELOAD_BYTES
        return self.data.batch(self.rows) if small else None


def train(
    net: nn.Module,
    batches: Batches,
    recipe: Recipe,
    *,
    epochs: int | None = None,
    after_epoch: Callable[[int], bool] = lambda epoch: False,
    watch_step: Callable[[Tensor, Tensor], None] | None = None,
) -> None:
    """Train `net` in place by the recipe; `epochs` stops its schedule early.

    after_epoch: called with the epoch, from 1; may look at the net in any mode, and ends the training by True.
    watch_step: called with the positions of every mini-batch and its logits as the net gave them in training, augmented
    and before the update that they lead to: what training dynamics are read from at no cost of their own.
    """
    steps, an_epoch = recipe.steps_for(len(batches.rows)), recipe.steps_an_epoch(len(batches.rows))
    last = steps if epochs is None else min(steps, epochs * an_epoch)
    stepper = optimiser(recipe, [weights for weights in net.parameters() if weights.requires_grad])
    net.train()
    for step, (at, x, y) in enumerate(islice(batches.drawn(), last), start=1):
        logits, loss = _loss(net, x, y, recipe)
        if watch_step is not None:
            watch_step(at, logits.detach().float())
        stepper.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        set_lr(stepper, recipe.lr * recipe.factor(step - 1, steps))
        stepper.step()
        if step % an_epoch == 0 or step == last:
            if after_epoch(math.ceil(step / an_epoch)):
                break
            net.train()
    net.eval()


def look_rows(data: Data) -> int:
    """Rows that a forward pass looks at when nothing is learnt."""
    least, most = LOOK_ROWS
    fit = LOOK.get(data.mean.device.type, LOOK["cuda"]) // max(1, data.inputs[0].numel())
    return max(least, min(most, fit))


def set_lr(stepper: Optimizer, lr: float) -> None:
    for group in stepper.param_groups:
        group["lr"] = lr


def half(recipe: Recipe, x: Tensor) -> torch.autocast:
    """Inside, products run in bfloat16 where the recipe says so; weights stay float32."""
    return torch.autocast(x.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16")


def _loss(net: nn.Module, x: Tensor, y: Tensor, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """The logits and their mean loss."""
    try:
        with half(recipe, x):
            logits: Tensor = net(x)
            return logits, cross_entropy(logits, y)
    except ValueError as error:
        if len(x) > 1:
            raise
        raise ConfigError(
            f"this net cannot train on a mini-batch of one row ({error}): label two rows or more before the first"
            " training (--initial), and let learner.options.batch be 2 or more."
        ) from error


def _batches(rows: int, size: int) -> int:
    whole, left = divmod(rows, size)
    return max(1, whole + (left > 1))
