"""Training without labels, on the pool itself, that can be killed at any step and ends the same."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from activeloop.errors import BadScores, ConfigError
from activeloop.features import store
from activeloop.features.plan import check_choice, check_counts, check_device
from activeloop.features.store import Work
from activeloop.learners.loop import Recipe, optimiser, seeded, set_lr
from activeloop.rng import derive, rng

Loss: TypeAlias = Callable[[Tensor, Generator], Tensor]  # rows [n, ...] as the pool has them, and chance

WARM_UP = 0.05  # of the steps: batch statistics and Adam's moments settle before the rate is high
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Schedule:
    """How long and how fast. `epochs`, where not 0, counts passes over the pool in the place of `steps`."""

    source: str
    epochs: int
    steps: int
    batch: int
    lr: float
    weight_decay: float
    threads: int
    seed: int
    precision: str
    device: str

    def check(self, rows: int) -> None:
        """raises: ConfigError."""
        check_counts(self.source, threads=self.threads, steps=self.epochs or self.steps)
        if self.batch < 2:
            raise ConfigError(f"option 'batch' of {self.source!r} is {self.batch}; allowed is 2 or more.")
        check_choice(self.source, "precision", self.precision, PRECISIONS)
        check_device(self.source, self.device)
        if not (0 < self.lr < math.inf and 0 <= self.weight_decay < math.inf) or self.epochs < 0 or self.seed < 0:
            raise ConfigError(
                f"{self.source!r} has lr {self.lr}, weight_decay {self.weight_decay}, epochs {self.epochs} and seed"
                f" {self.seed}; lr must be above 0, the others 0 or more."
            )
        if rows < 2:
            raise ConfigError(f"{self.source!r} learns from a pool, and this one has {rows} row; it needs 2 or more.")

    def size(self, rows: int) -> int:
        return min(self.batch, rows)

    def an_epoch(self, rows: int) -> int:
        """Batches in a pass; what does not fill one is left out, other rows every time."""
        return rows // self.size(rows)

    def total(self, rows: int) -> int:
        return self.epochs * self.an_epoch(rows) if self.epochs else self.steps

    def passes(self, rows: int) -> int:
        return math.ceil(self.total(rows) / self.an_epoch(rows))

    def rate(self, step: int, total: int) -> float:
        """The learning rate: a linear rise, then half a cosine."""
        warm = max(1, round(WARM_UP * total))
        rise = min(1.0, (step + 1) / warm)
        return self.lr * rise * 0.5 * (1 + math.cos(math.pi * step / total))


def built(make: Callable[[], nn.Module], schedule: Schedule) -> nn.Module:
    """An untrained net on its device, with weights that the seed decides."""
    with seeded(derive(schedule.seed, 0, "weights")):
        return make().to(schedule.device).to(memory_format=torch.channels_last)


def train(net: nn.Module, loss: Loss, inputs: Tensor, schedule: Schedule, work: Work) -> float:
    """Trains all of `net` in place, from the last checkpoint where there is one; gives the last epoch's mean loss.

    Chance is addressed by epoch and step, so a training that is killed anywhere and goes on ends at the same bytes.
    raises: BadScores where it diverges.
    """
    rows, total = len(inputs), schedule.total(len(inputs))
    stepper = optimiser(Recipe(lr=schedule.lr, weight_decay=schedule.weight_decay), list(net.parameters()))
    start, losses = _resume(net, stepper, work)
    an_epoch, size = schedule.an_epoch(rows), schedule.size(rows)
    order, saved = _order(schedule.seed, start // an_epoch, rows), time.monotonic()
    net.train()
    with work.bar(total, schedule.source, " steps", start) as bar:
        for step in range(start, total):
            epoch, at = divmod(step, an_epoch)
            if at == 0:
                order, losses = _order(schedule.seed, epoch, rows), []
            picked = inputs[order[at * size : (at + 1) * size].to(inputs.device)].to(schedule.device)
            losses.append(_step(loss, picked, stepper, schedule, step, total))
            bar.update()
            if time.monotonic() - saved > store.SAVE_S and step + 1 < total:
                work.keep(
                    {"step": step + 1, "net": net.state_dict(), "stepper": stepper.state_dict(), "losses": losses}
                )
                saved = time.monotonic()
    net.eval()
    return sum(losses) / len(losses)


def _step(loss: Loss, rows: Tensor, stepper: Optimizer, schedule: Schedule, step: int, total: int) -> float:
    chance = torch.Generator().manual_seed(derive(schedule.seed, step, "views"))
    with torch.autocast(schedule.device, torch.bfloat16, enabled=schedule.precision == "bfloat16"):
        value = loss(rows, chance)
    stepper.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    set_lr(stepper, schedule.rate(step, total))
    stepper.step()
    now = value.item()
    if not math.isfinite(now):
        raise BadScores(
            f"{schedule.source!r} diverged: its loss is {now} at step {step}; set a lower lr than {schedule.lr}."
        )
    return now


def _resume(net: nn.Module, stepper: Optimizer, work: Work) -> tuple[int, list[float]]:
    kept: dict[str, Any] | None = work.recall()
    if kept is None or "stepper" not in kept:
        return 0, []
    net.load_state_dict(kept["net"])
    stepper.load_state_dict(kept["stepper"])
    return int(kept["step"]), list(kept["losses"])


def _order(seed: int, epoch: int, rows: int) -> Tensor:
    return torch.from_numpy(rng(seed, epoch, "order").permutation(rows))
