"""What the model of every round said of the watched rows: beside the journal, never in it, and recomputed where it is gone.

A line is bound to all that the journal held when its model was trained, so that one which lies there from another journal
is never taken for this one's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activeloop.store.journal import Event, encode
from activeloop.store.timings import append_line

FILE = "predictions.jsonl"


def keys(events: Sequence[Event]) -> tuple[str, ...]:
    """The key of each round's model: of the events before the round's query, and after the last query, of those before the
    run stopped or, until it does, of all.
    """
    seen, found, at_end = hashlib.sha256(), [], ""
    for event in events:
        if event.get("use") == "acquire":
            found.append(seen.hexdigest()[:16])
        if event["event"] == "stopped":
            at_end = seen.hexdigest()[:16]
        else:
            seen.update(encode(event))
            at_end = ""
    return (*found, at_end or seen.hexdigest()[:16])


def read(folder: Path, rows: int | None = None) -> dict[str, NDArray[np.int64]]:
    """Key -> class ids [rows]. Lines that a killed process tore, or of another number of rows, are passed over.

    rows: how many are watched; None takes the most that any line has.
    """
    path = folder / FILE
    lines = [found for line in (path.read_bytes().splitlines() if path.exists() else ()) if (found := _parsed(line))]
    most = max((len(classes) for _, classes in lines), default=0) if rows is None else rows
    return {key: classes for key, classes in lines if len(classes) == most}


def append(folder: Path, key: str, classes: NDArray[np.int64]) -> None:
    append_line(folder / FILE, json.dumps({"key": key, "classes": classes.tolist()}))


def _parsed(line: bytes) -> tuple[str, NDArray[np.int64]] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    match found:
        case {"key": str(key), "classes": list(classes)}:
            return key, np.array(classes, dtype=np.int64)
    return None
