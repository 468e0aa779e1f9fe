"""Training on the labelled rows alone."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from activeloop import catalogue
from activeloop.errors import ActiveloopError, BadScores, ConfigError, MissingEvidence
from activeloop.inject import checked_options
from activeloop.learners.lockstep import segments, train_in_lockstep
from activeloop.learners.loop import PRELOAD_BYTES, Batches, Recipe, look_rows, seeded, train
from activeloop.learners.model import NetModel
from activeloop.learners.rows import labelled
from activeloop.learners.together import can_stack, train_together
from activeloop.learners.trunk import dropouts
from activeloop.types import Data, Fit, Labels, Model, Rows

FIRST = np.arange(1)  # the row that a net is tried on


@dataclass(frozen=True)
class Supervised(Recipe):
    """A network trained by cross-entropy on the labelled rows, from scratch each round or warm.

    net: a name of `activeloop list nets`, or module:function of (shape, classes).    net_options: its keyword options.
    start: "scratch", or "warm": from last round's weights.
    """

    net: str = "cnn"
    net_options: Mapping[str, Any] = field(default_factory=dict)
    start: Literal["scratch", "warm"] = "scratch"

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
        with seeded(0):
            model = NetModel(self.tried(data), data)
        classes = len(data.classes)
        offered = {"probs": f"[n, {classes}]", "history": f"[n, E, {classes}]", "early": f"[n, M, {classes}]"}
        offered["ensemble"] = f"[n, M, {classes}]"
        with suppress(MissingEvidence):
            offered["embeddings"] = f"[n, {model.embed(FIRST).shape[1]}]"
            offered["early_lengths"] = "[n, M]"
        if dropouts(model.net):
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
        return self._by_itself(Fit(data, labels, seed, watch, validation, previous))

    def fit_many(
        self, data: Data, labels: Labels, *, seeds: Sequence[int], epochs: int | None = None
    ) -> Sequence[NetModel]:
        """Stacked into one net where its layers allow it (`together.STACKS`), else one after the other.

        Stacked, dropout masks are drawn from another stream than alone; nets without dropout come out as from `fit`,
        up to rounding. One after the other, all come out as from `fit`, to the bit.
        """
        batches = [self._batches(data, labels, seed) for seed in seeds]
        nets = []
        for seed, own in zip(seeds, batches, strict=True):
            with seeded(seed):
                nets.append(self.tried(data))
                if not can_stack(nets[-1]):
                    train(nets[-1], own, self, epochs=epochs)
        if can_stack(nets[0]):
            with seeded(seeds[0]):
                train_together(nets, batches, self, epochs=epochs)
        for net in nets:
            self._refuse_diverged(net)
        return [NetModel(net, data) for net in nets]

    def fit_each(self, fits: Sequence[Fit]) -> Sequence[NetModel]:
        """Side by side where nets are chains of linear layers, ReLU and dropout, else one after the other.

        What is trained by itself too: in bfloat16, with patience, on augmented inputs or on more than are held normalised.
        """
        found: dict[int, NetModel] = {}
        for places in self._alike(fits):
            found |= dict(zip(places, self._side_by_side([fits[at] for at in places]), strict=True))
        return [found[at] if at in found else self._by_itself(fit) for at, fit in enumerate(fits)]

    def _alike(self, fits: Sequence[Fit]) -> Iterator[list[int]]:
        """Positions of those that train side by side; what holds one back depends on it alone."""
        groups: dict[tuple[object, ...], list[int]] = {}
        for at, fit in enumerate(fits):
            labelled, inputs = int((fit.labels >= 0).sum()), fit.data.inputs
            bytes = labelled * inputs[0].numel() * 4
            is_watched = self.patience and fit.validation is not None
            if not (self.precision == "float32" and not is_watched and fit.data.augment is None):
                continue
            if fit.data.mean.device.type == "cpu" and bytes <= PRELOAD_BYTES and self._is_chain(fit.data):
                key = (labelled, tuple(inputs.shape[1:]), len(fit.data.classes), fit.epochs)
                groups.setdefault(key, []).append(at)
                if len(groups[key]) * bytes > PRELOAD_BYTES:
                    yield groups.pop(key)
        yield from groups.values()

    def _is_chain(self, data: Data) -> bool:
        with seeded(0):
            return segments(self.build(data), tuple(data.inputs.shape[1:])) is not None

    def _side_by_side(self, fits: Sequence[Fit]) -> list[NetModel]:
        batches = [self._batches(fit.data, fit.labels, fit.seed) for fit in fits]
        models = []
        for fit in fits:
            with seeded(fit.seed):
                models.append(NetModel(self._begun(fit), fit.data))
        recorded: list[list[Tensor]] = [[] for _ in fits]
        epochs = self.epochs_for(len(batches[0].rows))

        def after_epoch(epoch: int) -> None:
            for fit, model, looks in zip(fits, models, recorded, strict=True):
                if fit.watch is not None and self.is_look(epoch, epochs):
                    looks.append(model.probs(fit.watch).half())

        nets = [model.net for model in models]
        train_in_lockstep(nets, batches, self, epochs=fits[0].epochs, after_epoch=after_epoch)
        for net in nets:
            self._refuse_diverged(net)
        return [
            replace(model, recorded=torch.stack(looks, dim=1)) if looks else model
            for model, looks in zip(models, recorded, strict=True)
        ]

    def _by_itself(self, fit: Fit) -> NetModel:
        data, watch = fit.data, fit.watch
        batches = self._batches(data, fit.labels, fit.seed)
        epochs = self.epochs_for(len(batches.rows))
        recorded: list[Tensor] = []
        with seeded(fit.seed):
            net = self._begun(fit)
            best = _Best(net, data, fit.validation) if self.patience and fit.validation is not None else None

            def after_epoch(epoch: int) -> bool:
                """Record, and say whether the validation loss has not fallen for `patience` epochs."""
                is_over = best is not None and best.look() >= self.patience
                if watch is not None and (is_over or self.is_look(epoch, epochs)):
                    # float16 halves the memory of the longest tensor there is; sums stay within 5e-4 of 1
                    recorded.append(NetModel(net, data).probs(watch).half())
                return is_over

            train(net, batches, self, epochs=fit.epochs, after_epoch=after_epoch)
        if best is not None:
            best.restore()
        self._refuse_diverged(net)
        return NetModel(net, data, torch.stack(recorded, dim=1) if recorded else None)

    def _begun(self, fit: Fit) -> nn.Module:
        """The net before its first step; its weights come from torch's global stream."""
        net = self.tried(fit.data)
        if self.is_warm and isinstance(fit.previous, NetModel):
            net.load_state_dict(fit.previous.net.state_dict())
        return net

    def tried(self, data: Data) -> nn.Module:
        """An untrained net that was given one row: what does not fit fails here, in words, before any training."""
        takes = f"net {self.net!r}, given one input of the shape {list(data.inputs.shape[1:])},"
        try:
            net = self.build(data).to(data.mean.device)
            with torch.no_grad():
                given = net.eval()(data.batch(FIRST))
        except ActiveloopError:
            raise
        except Exception as error:  # a net of the user's may raise anything
            raise ConfigError(
                f"{takes} failed: {type(error).__name__}: {error}. Use another net, or mend it."
            ) from error
        if not isinstance(given, Tensor) or given.shape != (1, len(data.classes)):
            shape = list(given.shape) if isinstance(given, Tensor) else f"a {type(given).__name__}"
            raise ConfigError(
                f"{takes} gave {shape}; it must give logits [n, {len(data.classes)}], one for each class."
            )
        # pooling is vectorised in this layout: a step of `cnn` takes two thirds of the time, a look 0.4 of it
        return net.to(memory_format=torch.channels_last)

    def _refuse_diverged(self, net: nn.Module) -> None:
        bad = [name for name, value in net.state_dict().items() if not bool(value.isfinite().all())]
        if bad:
            raise BadScores(
                f"training diverged: {len(bad)} weight tensors of net {self.net!r} are nan or infinite, the first is"
                f" {bad[0]!r}. Lower the learning rate (learner.options.lr, now {self.lr:g}), or look for huge inputs."
            )

    def _batches(self, data: Data, labels: Labels, seed: int) -> Batches:
        rows = labelled(labels)
        device = data.mean.device
        on_device = torch.from_numpy(rows).to(device), torch.from_numpy(labels[rows]).to(device)
        return Batches(data, *on_device, self.batch, seed)


class _Best:
    """The weights of lowest validation loss so far."""

    def __init__(self, net: nn.Module, data: Data, validation: Labels) -> None:
        self._net, self._data = net, data
        self._rows = torch.from_numpy(np.flatnonzero(validation >= 0))
        self._labels = torch.from_numpy(validation[validation >= 0]).to(data.mean.device)
        self._lowest, self._waited = float("inf"), 0
        self._weights: dict[str, Tensor] | None = None

    def look(self) -> int:
        """Epochs since the loss was lowest; 0 where there is nothing to measure it on."""
        if not len(self._rows):
            return 0
        loss = self._loss()
        self._waited += 1
        if loss < self._lowest:
            self._lowest, self._waited = loss, 0
            self._weights = copy.deepcopy(self._net.state_dict())
        return self._waited

    def restore(self) -> None:
        if self._weights is not None:
            self._net.load_state_dict(self._weights)

    @torch.no_grad()
    def _loss(self) -> float:
        self._net.eval()
        rows = look_rows(self._data)
        chunks = zip(torch.split(self._rows, rows), torch.split(self._labels, rows), strict=True)
        losses = [cross_entropy(self._net(self._data.batch(at)), y, reduction="sum") for at, y in chunks]
        return float(torch.stack(losses).sum())
