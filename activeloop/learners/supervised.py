"""Training on the labelled rows alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import count
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from activeloop import catalogue
from activeloop.errors import ConfigError
from activeloop.inject import checked_options
from activeloop.learners.loop import LOOK, Batches, Recipe, seeded, train
from activeloop.learners.model import NetModel, dropouts, last_layer
from activeloop.learners.together import train_together
from activeloop.types import Data, Labels, Model, Rows

Record = Callable[[nn.Module], None]


@dataclass(frozen=True)
class Supervised(Recipe):
    """A network trained by cross-entropy on the labelled rows, from scratch each round or warm.

    net: a name of `activeloop list nets`, or module:function of (shape, classes).    net_options: its keyword options.
    start: "scratch", or "warm": from last round's weights.
    """

    net: str = "cnn"
    net_options: Mapping[str, Any] = field(default_factory=dict)
    start: Literal["scratch", "warm"] = "scratch"

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, (int, float)) and value < 0:
                raise ConfigError(f"learner option {entry.name!r} is {value}; it must be 0 or more.")
        if self.batch < 1 or self.lr <= 0 or (self.epochs < 1 and self.steps < 1):
            raise ConfigError(f"batch {self.batch}, lr {self.lr} and epochs {self.epochs} must all be above 0.")

    @property
    def is_warm(self) -> bool:
        return self.start == "warm"

    def build(self, data: Data) -> nn.Module:
        """An untrained net for these inputs and classes; weights come from torch's global stream."""
        make = catalogue.find("nets", self.net)
        made = make(
            tuple(data.inputs.shape[1:]), len(data.classes), **checked_options(make, self.net_options, self.net)
        )
        if not isinstance(made, nn.Module):
            raise ConfigError(f"net {self.net!r} returned a {type(made).__name__}, not an nn.Module.")
        return made

    def offers(self, data: Data) -> Mapping[str, str]:
        try:
            with torch.device("meta"):
                net = self.build(data)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        classes = len(data.classes)
        offered = {"probs": f"[n, {classes}]", "history": f"[n, E, {classes}]", "early": f"[n, M, {classes}]"}
        if any(isinstance(layer, nn.Linear) for layer in net.modules()):
            offered["embeddings"] = f"[n, {last_layer(net).in_features}]"
        if dropouts(net):
            offered["samples"] = f"[n, K, {classes}]"
        return offered

    def fit(
        self,
        data: Data,
        labels: Labels,
        *,
        seed: int,
        watch: Rows | None = None,
        validation: Labels | None = None,
        previous: Model | None = None,
    ) -> NetModel:
        recorded: list[Tensor] = []
        with seeded(seed):
            net = self.build(data).to(data.mean.device)
            if self.is_warm and isinstance(previous, NetModel):
                net.load_state_dict(previous.net.state_dict())
            epochs = self.epochs_for(int((labels >= 0).sum()))
            seers = [] if watch is None else [_recorder(self, epochs, data, watch, recorded)]
            best = _Best(data, validation, self.patience) if self.patience and validation is not None else None
            train(net, self._batches(data, labels, seed), self, after_epoch=_after_epoch(seers, best))
        if best is not None and best.weights is not None:
            net.load_state_dict(best.weights)
        return NetModel(net, data, torch.stack(recorded, dim=1) if recorded else None)

    def fit_many(
        self, data: Data, labels: Labels, *, seeds: Sequence[int], epochs: int | None = None
    ) -> Sequence[NetModel]:
        """Stacked into one net where its layers allow it (no batch statistics), else one after the other.

        Stacked, dropout masks are drawn from another stream than alone; nets without dropout come out as from `fit`,
        up to rounding.
        """
        nets = []
        for seed in seeds:
            with seeded(seed):
                nets.append(self.build(data).to(data.mean.device))
        batches = [self._batches(data, labels, seed) for seed in seeds]
        if any(True for _ in nets[0].buffers()):
            for net, own, seed in zip(nets, batches, seeds, strict=True):
                with seeded(seed):
                    train(net, own, self, epochs=epochs)
        else:
            with seeded(seeds[0]):
                train_together(nets, batches, self, epochs=epochs)
        return [NetModel(net, data) for net in nets]

    def _batches(self, data: Data, labels: Labels, seed: int) -> Batches:
        rows = np.flatnonzero(labels >= 0)
        if not len(rows):
            raise ConfigError("no row is labelled, so there is nothing to train on: answer the start query first.")
        device = data.mean.device
        return Batches(data, torch.from_numpy(rows), torch.from_numpy(labels[rows]).to(device), self.batch, seed)


def _recorder(recipe: Recipe, epochs: int, data: Data, watch: Rows, recorded: list[Tensor]) -> Record:
    """float16 halves the memory of the longest tensor there is; argmax and sums survive the rounding."""
    epoch = count(1)

    def record(net: nn.Module) -> None:
        if recipe.is_look(next(epoch), epochs):
            recorded.append(NetModel(net, data).probs(watch).half())
            net.train()

    return record


def _after_epoch(seers: Sequence[Record], best: _Best | None) -> Callable[[nn.Module], bool]:
    def see(net: nn.Module) -> bool:
        for seer in seers:
            seer(net)
        return best is not None and best.is_past(net)

    return see


class _Best:
    """The weights of lowest validation loss so far."""

    def __init__(self, data: Data, validation: Labels, patience: int) -> None:
        self._data, self._patience = data, patience
        self._rows = np.flatnonzero(validation >= 0)
        self._labels = torch.from_numpy(validation[self._rows]).to(data.mean.device)
        self._lowest, self._waited = float("inf"), 0
        self.weights: dict[str, Tensor] | None = None

    def is_past(self, net: nn.Module) -> bool:
        """Whether the loss has not fallen for `patience` epochs."""
        if not len(self._rows):
            return False
        loss = self._loss(net)
        self._waited += 1
        if loss < self._lowest:
            self._lowest, self._waited = loss, 0
            self.weights = copy.deepcopy(net.state_dict())
        return self._waited >= self._patience

    @torch.inference_mode()
    def _loss(self, net: nn.Module) -> float:
        net.eval()
        losses = [
            cross_entropy(net(self._data.batch(self._rows[at : at + LOOK])), self._labels[at : at + LOOK], reduction="sum")
            for at in range(0, len(self._rows), LOOK)
        ]  # fmt: skip
        net.train()
        return float(torch.stack(losses).sum())
