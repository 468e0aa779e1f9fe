"""What learners do with labels and rows alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from activeloop.errors import ConfigError, MissingEvidence
from activeloop.types import Data, Labels, Rows


def labelled(labels: Labels) -> Rows:
    """The rows to train on, ascending. raises: ConfigError where there are none."""
    rows = np.flatnonzero(labels >= 0)
    if not len(rows):
        raise ConfigError("no row is labelled, so there is nothing to train on: answer the start query first.")
    return rows


def refuse_watch(watch: Rows | None, name: str) -> None:
    """For what has no epochs. raises: MissingEvidence where rows are to be recorded after each."""
    if watch is not None:
        raise MissingEvidence(f"{name!r} trains in one go, so nothing can be recorded after every epoch.")


def table(data: Data, rows: Rows) -> NDArray[np.float32]:
    """[n, D], the inputs of these rows, normalised and flattened, for libraries that take numpy."""
    found: NDArray[np.float32] = data.batch(rows).flatten(1).cpu().numpy()
    return found
