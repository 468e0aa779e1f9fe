"""Rows picked once, with no run around them: before any label exists, or beside the labels there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from activeloop.config import AcquireConfig, Config
from activeloop.errors import ConfigError
from activeloop.report.images import images_of
from activeloop.report.selection import Selection
from activeloop.rng import rng
from activeloop.rounds import Seen, at_hand, choose, look, of_pool, plan_of, resolve_device, threads
from activeloop.types import OPEN, SKIP, Labels, Loaded, Rows


def select(loaded: Loaded, config: Config, n: int) -> Selection:
    """The n rows that the strategy of `config.start` picks, and what a report says of them.

        select(load("digits"), configure(start={"strategy": "elfs-quick"}), 100).rows

    loaded: its known labels count as chosen, its skipped rows are left out; its truth goes to the report alone.
    config: start, data, seed, threads and device count; the rest is of runs.
    raises: ConfigError for n, and whatever the strategy and what it needs raise.
    """
    data, plan = loaded.data.to(resolve_device(config.device)), plan_of(config.start, config, {})
    held = np.full(len(data), OPEN) if loaded.known is None else loaded.known
    free = np.flatnonzero(held == OPEN)
    if not 1 <= n <= len(free):
        raise ConfigError(
            f"-n is {n}; {len(free):,} of the {len(data):,} rows are open, so ask for 1 to {len(free):,}."
        )
    rows = np.flatnonzero(held != SKIP) if plan.sees_labelled else free
    with threads(config.threads):
        hand = at_hand(of_pool(config, data, held), rows, held, n, rng(config.seed, 0, "select"))
        seen = look(plan, hand)
        picked = choose(plan, AcquireConfig(), seen, hand)
    return _reported(loaded, config, held, seen, rows, picked)


def _reported(loaded: Loaded, config: Config, held: Labels, seen: Seen, rows: Rows, picked: Rows) -> Selection:
    """What a report shows. Truth, where a simulation knows it, goes there from here, and to no strategy."""
    evidence, data = seen.evidence or {}, loaded.data
    features = data.inputs if data.features is None else data.features

    def whole(name: str, missing: float) -> Any:
        """[N], where the evidence knows the rows at hand alone."""
        if name not in evidence:
            return None
        value = torch.as_tensor(evidence[name]).cpu().numpy()
        everywhere = np.full(len(data), missing, dtype=value.dtype)
        everywhere[rows] = value
        return everywhere

    return Selection(
        strategy=config.start.strategy, features_from=data.features_from, rows=picked, features=features.flatten(1),
        held=held >= 0, classes=data.classes, reference=whole("reference", -1),
        difficulty=whole("difficulty", np.nan), cutoff=float(evidence["cutoff"]) if "cutoff" in evidence else None,
        notes=seen.notes, truth=loaded.truth, images=images_of(data.inputs), seed=config.seed,
    )  # fmt: skip
