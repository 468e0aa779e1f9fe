"""What readers hand over: rows as they were found, before any row is held out or dropped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from activeloop.data.scratch import take
from activeloop.types import Labels, Rows

Array: TypeAlias = NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Part:
    """Rows that belong together: the pool, or the test set.

    inputs: [n, channels, H, W] or [n, D], checked; [n, 0] where features will stand in for images left undecoded.
    labels: [n], or None where nobody knows them.    known: [n], labels that the team brought along; OPEN elsewhere.
    names:  paths relative to the source, where rows are files.    rows: [n], their numbers in the source, where these
    are not all of it.    features: [n, D], what selectors see instead of the inputs.
    """

    inputs: Array
    labels: Labels | None = None
    names: tuple[str, ...] | None = None
    known: Labels | None = None
    rows: Rows | None = None
    features: Array | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: Rows, scratch: Path) -> Part:
        """These rows alone. Rows of a memory map go to an unnamed memory map in the folder `scratch`."""
        return Part(
            inputs=take(self.inputs, rows, scratch),
            labels=None if self.labels is None else self.labels[rows],
            names=None if self.names is None else tuple(self.names[row] for row in rows),
            known=None if self.known is None else self.known[rows],
            rows=rows if self.rows is None else self.rows[rows],
            features=None if self.features is None else take(self.features, rows, scratch),
        )


@dataclass(frozen=True, eq=False)
class Raw:
    """A source as read.

    classes: names that the source itself gives its labels, if any.
    names_show_labels: the paths of the pool hold the class ("cat/17.png"), so no learner may see them.
    """

    pool: Part
    test: Part | None = None
    classes: tuple[str, ...] | None = None
    names_show_labels: bool = False
