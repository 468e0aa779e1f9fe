"""What it saves to hold TEMI's heads as one stacked tensor, against the same heads one by one.

Claim: the same losses as per-head modules (students, teachers, marginals and AdamW over three steps, within 1e-5), at
least 50 times fewer tensor operations a step, which is what a GPU waits for, and linear heads at least 3 times as fast
on one core. MLP heads gain nothing there: products take two thirds of either side. (A per-tensor AdamW, which loops in
Python on a CPU unless told otherwise, would make one by one slower; here both have the fused one.)

Task: 50 heads of 10 classes on random features of unit spread; MLP heads on 768 columns with 16 and 256 pairs a step,
linear heads on 384 columns with 1,024. Both sides have the same initial weights and pairs, fused AdamW, float32. The
per-head side is written as the published code is organised (a loop over heads in student, teacher, marginals and loss,
and autograd through all of it); it is ours, not theirs. Operations are what reaches the dispatcher in one step, views
included. Seconds are medians of `--repeats` steps after one to warm up, the two sides alternating.
Floor: products alone, 2 x 2 B x parameters of a head x heads, three times for the student and once for the teacher, less
the gradient over the features, which nobody needs.
Device: CPU, one thread.

    python benchmarks/temi.py [--repeats 5]     under a minute
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from typing import Any

import torch
from results import record
from torch import Generator, Tensor, nn
from torch.nn.functional import gelu, normalize
from torch.utils._python_dispatch import TorchDispatchMode

from activeloop.providers.distil import Distillation
from activeloop.providers.heads import LinearHeads, MlpHeads

HEADS, CLASSES, RATE = 50, 10, 1e-3
TASKS = (("mlp", 768, 16), ("mlp", 768, 256), ("linear", 384, 1024))


class Head(nn.Module):
    """One head, with the weights that the stack has for it."""

    def __init__(self, stack: MlpHeads | LinearHeads, at: int) -> None:
        super().__init__()
        self.direction = nn.Parameter(stack.last.direction[at].detach().clone())
        self.gain = nn.Parameter(stack.last.gain[at].detach().clone())
        self.layers = None
        if isinstance(stack, MlpHeads):
            hidden, narrow = stack.second.shape[2], stack.second.shape[1]
            self.layers = nn.ModuleList([nn.Linear(stack.first.shape[1], hidden), nn.Linear(hidden, narrow)])
            weights = stack.first.view(-1, hidden, stack.first.shape[1]), stack.second
            for layer, weight in zip(self.layers, weights, strict=True):
                layer.weight.data.copy_(weight[at])
                layer.bias.data.zero_()

    def forward(self, x: Tensor) -> Tensor:
        if self.layers is not None:
            x = self.layers[1](gelu(self.layers[0](x)))
        return normalize(x, dim=1) @ (normalize(self.direction, dim=1) * self.gain).T


class OneByOne:
    def __init__(self, stack: MlpHeads | LinearHeads) -> None:
        self.students = nn.ModuleList(Head(stack, at) for at in range(HEADS))
        self.teachers = copy.deepcopy(self.students).requires_grad_(False)
        self.marginals = [torch.full((CLASSES,), 1 / CLASSES)] * HEADS
        named = list(self.students.named_parameters())
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [one for name, one in named if "bias" not in name], "weight_decay": 1e-4},
                {"params": [one for name, one in named if "bias" in name], "weight_decay": 0.0},
            ],
            lr=RATE,
            fused=True,
        )

    def step(self, x: Tensor) -> Tensor:
        half = len(x) // 2
        students = [(head(x) / 0.1).softmax(dim=1) for head in self.students]
        with torch.no_grad():
            teachers = [(head(x) / 0.1).softmax(dim=1) for head in self.teachers]
            weight = torch.stack([(t[:half] * t[half:]).sum(dim=1) for t in teachers]).mean(dim=0)
        losses = []
        for head, (s, t) in enumerate(zip(students, teachers, strict=True)):
            self.marginals[head] = 0.9 * self.marginals[head] + 0.1 * t.mean(dim=0)
            there = ((s[:half] * t[half:]) ** 0.6 / self.marginals[head]).sum(dim=1).log()
            back = ((s[half:] * t[:half]) ** 0.6 / self.marginals[head]).sum(dim=1).log()
            losses.append(-(weight * (there + back) / 2).mean())
        total = torch.stack(losses)
        self.optimiser.zero_grad()
        total.mean().backward()
        self.optimiser.step()
        with torch.no_grad():
            for teacher, student in zip(self.teachers.parameters(), self.students.parameters(), strict=True):
                teacher.mul_(0.996).add_(student, alpha=0.004)
        return total.detach()


class Count(TorchDispatchMode):
    operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += 1
        return func(*args, **(kwargs or {}))


def operations(step: Callable[[], object]) -> int:
    with Count() as seen:
        step()
    return seen.operations


def seconds(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def product_rate() -> float:
    """Operations a second of a 1,024 x 1,024 product, in this very run."""
    a = torch.randn(1024, 1024)
    a @ a
    return 2 * 1024**3 / min(seconds(lambda: a @ a) for _ in range(5))


def measured(layers: str, width: int, pairs: int, repeats: int) -> list[str]:
    generator = Generator().manual_seed(0)
    stack: MlpHeads | LinearHeads
    if layers == "mlp":
        stack = MlpHeads(HEADS, width, CLASSES, generator)
        per_row = 4 * (512 * width) - 512 * width + 4 * (256 * 512 + CLASSES * 256)
    else:
        stack, per_row = LinearHeads(HEADS, torch.zeros(width), CLASSES, generator), 3 * CLASSES * width
    x = torch.randn(2 * pairs, width, generator=generator)
    plain, stacked = OneByOne(stack), Distillation(stack)

    apart = max(float((plain.step(x) - stacked.step(x, RATE)).abs().max()) for _ in range(3))
    counts = operations(lambda: plain.step(x)), operations(lambda: stacked.step(x, RATE))
    times = [(seconds(lambda: plain.step(x)), seconds(lambda: stacked.step(x, RATE))) for _ in range(repeats)]
    one, all_at_once = (statistics.median(side) for side in zip(*times, strict=True))
    ratios = sorted(a / b for a, b in times)
    floor = 2 * 2 * pairs * per_row * HEADS / product_rate()
    return [
        f"{layers}, {width} columns", f"{pairs:,}", f"{apart:.0e}", f"{counts[0]:,}", f"{counts[1]:,}",
        f"{counts[0] / counts[1]:.0f}×", f"{one:.3f}", f"{all_at_once:.3f}",
        f"{statistics.median(ratios):.1f}× [{ratios[0]:.1f}–{ratios[-1]:.1f}]", f"{floor:.3f}",
    ]  # fmt: skip


def main(repeats: int) -> None:
    torch.set_num_threads(1)
    rows = [measured(*task, repeats) for task in TASKS]
    head = (
        "| heads | pairs a step | losses apart | operations, one by one | stacked | fewer | seconds a step, one by one "
        "| stacked | faster, median [least–largest] | products alone |\n|" + "---|" * 10
    )
    record(
        __file__,
        f"{date.today()}, {HEADS} heads, {CLASSES} classes, {repeats} repeats, one thread, torch {version('torch')}.\n\n"
        + head
        + "\n"
        + "\n".join("| " + " | ".join(row) + " |" for row in rows),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    main(parser.parse_args().repeats)
