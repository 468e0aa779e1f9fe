"""A run in baal's own loop with a net and a recipe of activeloop's: what a sweep is timed against.

forgetting and el2n, which baal lacks, are computed by its training and prediction as activeloop computes them: the pool
after up to 60 epochs, and ten models early in training.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog
import torch
from baal.active import ActiveLearningDataset, ActiveLearningLoop
from baal.active.heuristics import BALD, Entropy, Margin, Random
from baal.bayesian.dropout import patch_module
from baal.modelwrapper import ModelWrapper, TrainingArgs
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import TensorDataset

from activeloop.learners.loop import Recipe
from activeloop.providers.early import early_epoch
from activeloop.rng import derive
from activeloop.types import Loaded

Net = Callable[[tuple[int, ...], int], nn.Module]


@dataclass(frozen=True)
class Size:
    """Labels at first, of a query, and in all."""

    start: int
    query: int
    budget: int


def baal_run(
    strategy: str, data: Loaded, build: Net, recipe: Recipe, size: Size, seed: int
) -> tuple[float, float, float]:
    """(seconds of processor, of the clock, last accuracy) of one run.

    Spared what would slow it: worker processes, progress bars, log lines. It gets whole epochs, so never more steps.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    assert data.test is not None
    assert data.truth is not None
    x, test_x = data.data.batch(np.arange(len(data.data))), data.test.data.batch(np.arange(len(data.test.labels)))
    shape, passes = tuple(x.shape[1:]), 20 if strategy == "bald" else 1
    heuristic = {"entropy": Entropy, "margin": Margin, "bald": BALD}.get(strategy, Random)()
    cpu, wall = time.process_time(), time.perf_counter()
    dataset = ActiveLearningDataset(TensorDataset(x, torch.from_numpy(data.truth)))
    dataset.label(np.random.default_rng(seed).permutation(len(x))[: size.start].tolist())
    net = build(shape, len(data.data.classes))
    net = patch_module(net) if strategy == "bald" else net  # its dropout in evaluation
    test = TensorDataset(test_x, torch.from_numpy(data.test.labels))
    arguments = TrainingArgs(
        batch_size=recipe.batch, epoch=1, use_cuda=False, workers=0, criterion=torch.nn.CrossEntropyLoss()
    )
    wrapper = ModelWrapper(net, arguments)

    def look(pool: Any) -> NDArray[np.float64]:
        found: NDArray[np.float64] = wrapper.predict_on_dataset(pool, iterations=passes, verbose=False)
        return found

    def fit(epochs: int, seed: int) -> None:
        torch.manual_seed(seed)
        wrapper.load_state_dict(build(shape, len(data.data.classes)).state_dict())
        parameters = list(wrapper.model.parameters())
        wrapper.args.optimizer = torch.optim.AdamW(parameters, recipe.lr, weight_decay=recipe.weight_decay, fused=True)
        wrapper.args.epoch = epochs
        if epochs:
            wrapper.train_on_dataset(dataset)

    def watched(epochs: int, seed: int) -> NDArray[np.float64]:
        """How often the prediction for each row of the pool differs from the last."""
        fit(0, seed)
        wrapper.args.epoch, seen = 1, []
        for epoch in range(1, epochs + 1):
            wrapper.train_on_dataset(dataset)
            if recipe.is_look(epoch, epochs):
                seen.append(look(dataset.pool).reshape(len(dataset.pool), 10).argmax(axis=1))
        return (np.stack(seen[:-1]) != seen[-1]).sum(axis=0).astype(np.float64)

    def early(epochs: int, seed: int) -> NDArray[np.float64]:
        """How far ten models, early in training, are from certain."""
        seen = []
        for model in range(10):
            fit(early_epoch(epochs), seed + model)
            seen.append(torch.from_numpy(look(dataset.pool).reshape(len(dataset.pool), 10)).softmax(dim=1).numpy())
        mean = np.stack(seen)
        reference = np.eye(10)[mean.mean(axis=0).argmax(axis=1)]
        return np.linalg.norm(mean - reference, axis=2).mean(axis=0)

    loop = ActiveLearningLoop(dataset, look, heuristic, query_size=size.query)
    while True:
        held = len(dataset)
        epochs, own = recipe.steps_for(held) // recipe.steps_an_epoch(held), derive(seed, held, "fit") % 2**31
        if strategy == "forgetting" and held < size.budget:
            scores = watched(epochs, own)
        else:
            fit(epochs, own)
        predicted = wrapper.predict_on_dataset(test, iterations=1, verbose=False)
        if held >= size.budget:
            break
        if strategy == "el2n":
            scores = early(epochs, own + 1)
        if strategy in ("forgetting", "el2n"):
            dataset.label(np.argsort(-scores)[: size.query].tolist())
        else:
            loop.step()
    right = float((predicted.reshape(len(test), 10, -1).mean(axis=2).argmax(axis=1) == data.test.labels).mean())
    return time.process_time() - cpu, time.perf_counter() - wall, right
