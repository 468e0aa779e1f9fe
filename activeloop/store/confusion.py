"""Which classes the last measured model took for which: beside the journal, never in it, and gone without harm."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FILE = "confusion.json"

On = Literal["test", "validation"]


@dataclass(frozen=True)
class Confusion:
    """Rows that a model was measured on, counted by true and predicted class.

    labels: told to the model's run by then.    on: which rows those are.
    cells: (true class, predicted class, rows), those without rows left out, so that a thousand classes stay small.
    """

    labels: int
    on: On
    cells: tuple[tuple[int, int, int], ...]

    def counts(self, classes: int) -> NDArray[np.int64]:
        """[C, C], by true class and predicted class."""
        found = np.zeros((classes, classes), dtype=np.int64)
        for true, predicted, rows in self.cells:
            found[true, predicted] = rows
        return found


def write_confusion(folder: Path, counts: NDArray[np.int64], labels: int, on: On) -> None:
    """Put it in the place of the last one in one step. counts: [C, C], by true class and predicted class."""
    cells = tuple((int(true), int(predicted), int(counts[true, predicted])) for true, predicted in np.argwhere(counts))
    draft = folder / f".{FILE}.{os.getpid()}"
    draft.write_text(json.dumps(asdict(Confusion(labels, on, cells))) + "\n")
    os.replace(draft, folder / FILE)


def read_confusion(folder: Path) -> Confusion | None:
    """The last one; None where there is none, or none that can be read."""
    try:
        found = json.loads((folder / FILE).read_text())
        return Confusion(found["labels"], found["on"], tuple((int(i), int(j), int(n)) for i, j, n in found["cells"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
