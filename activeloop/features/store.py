"""Features on disk: an .npy that appears whole or not at all, and work that goes on where it was killed."""

from __future__ import annotations

import io
import json
import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from activeloop.data.scratch import make_room
from activeloop.errors import BadScores, ConfigError
from activeloop.features.plan import Encoder
from activeloop.types import JSON

if TYPE_CHECKING:
    from tqdm import tqdm

SAVE_S = 15.0  # a killed process loses no more than this
DAMAGED = (OSError, ValueError, KeyError, EOFError)


@dataclass(frozen=True)
class Work:
    """Where one fit keeps what it has learnt so far, and shows how far it is.

    path: of the checkpoint.    show: whether a bar is shown on stderr; None shows it on a terminal.
    """

    path: Path
    show: bool | None = None

    def recall(self) -> dict[str, Any] | None:
        """The last checkpoint, or None; one that cannot be read counts as none, with a warning."""
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            if isinstance(state, dict):
                return state
        except Exception as error:  # a damaged zip raises anything from RuntimeError to UnpicklingError
            warnings.warn(f"{self.path} cannot be read ({error}), so this encoder is fitted anew.", stacklevel=2)
        return None

    def keep(self, state: Mapping[str, object]) -> None:
        """Replaces the checkpoint in one step."""
        whole = io.BytesIO()
        torch.save(dict(state), whole)
        replace_file(self.path, whole.getvalue())

    def bar(self, total: int, what: str, unit: str, start: int = 0) -> tqdm[Any]:
        from tqdm import tqdm

        hidden = None if self.show is None else not self.show
        return tqdm(
            total=total, initial=start, desc=what, unit=unit, file=sys.stderr, dynamic_ncols=True, disable=hidden
        )


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step, on disk before it has the name."""
    make_room(path.parent, (len(content),), np.uint8)
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


@contextmanager
def arithmetic(threads: int) -> Iterator[None]:
    """Inside, torch uses this many threads; sums change with their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def recall(entry: Path, count: int, *, warn: bool = False) -> tuple[NDArray[np.float32], Mapping[str, JSON]] | None:
    """Features of `count` rows as a copy-on-write map, and their notes; None where they are missing or damaged."""
    if not entry.exists():
        return None
    try:
        notes = json.loads(entry.with_suffix(".json").read_text())
        features = np.lib.format.open_memmap(entry, mode="c")
        if features.dtype == np.float32 and features.shape == (count, notes["shape"][1]):
            return features, notes
        reason = f"it holds {features.dtype} {features.shape}"
    except DAMAGED as error:
        reason = str(error)
    if warn:
        warnings.warn(f"the cached features {entry} are damaged ({reason}) and are computed anew.", stacklevel=4)
    return None


def build(entry: Path, inputs: Tensor, encoder: Encoder, batch: int, work: Work) -> None:
    """Writes the features of all rows and their notes, and as the last act gives them their name.

    Rows go through the encoder in the same batches however often this is killed: a batch's sums depend on its size.
    raises: ConfigError for a full disk or an encoder that gives no [n, D]; BadScores for nan.
    """
    partial, reached = entry.with_suffix(".partial"), entry.with_suffix(".reached")
    first = embedded(encoder, inputs[:batch], 0)
    features, start = _opened(partial, reached, (len(inputs), first.shape[1]))
    saved = time.monotonic()
    with work.bar(len(inputs), "embedding", " rows", start) as bar:
        for at in range(start, len(inputs), batch):
            end = min(at + batch, len(inputs))
            features[at:end] = first if at == 0 else embedded(encoder, inputs[at:end], at)
            bar.update(end - at)
            if time.monotonic() - saved > SAVE_S:
                features.flush()
                replace_file(reached, json.dumps({"rows": end}).encode())
                saved = time.monotonic()
    features.flush()
    notes = {**encoder.notes, "says": encoder.says, "shape": list(features.shape)}
    replace_file(entry.with_suffix(".json"), json.dumps(notes, indent=1).encode())
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(partial, entry)
    reached.unlink(missing_ok=True)


def _opened(partial: Path, reached: Path, shape: tuple[int, int]) -> tuple[np.memmap[Any, np.dtype[np.float32]], int]:
    """The array to fill, and the first row that is not in it yet."""
    try:
        rows = int(json.loads(reached.read_text())["rows"])
        features = np.lib.format.open_memmap(partial, mode="r+")
        if features.shape == shape and features.dtype == np.float32 and 0 <= rows <= shape[0]:
            return features, rows
    except DAMAGED:
        pass  # nothing was kept, or not whole: begin again
    reached.unlink(missing_ok=True)
    partial.unlink(missing_ok=True)
    make_room(partial.parent, shape, np.float32)
    return np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape), 0


def embedded(encoder: Encoder, inputs: Tensor, at: int) -> NDArray[np.float32]:
    """[n, D], checked.    at: the number of the first row, for messages."""
    with torch.no_grad():
        found = encoder.embed(inputs)
    if not isinstance(found, Tensor) or found.dim() != 2 or len(found) != len(inputs):
        shape = list(found.shape) if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise ConfigError(
            f"{encoder.says} gives {shape} for {len(inputs)} inputs of shape {list(inputs.shape[1:])}; features are"
            f" [{len(inputs)}, D]: use a model without its head, or pool and flatten what it gives."
        )
    bad = (~torch.isfinite(found).all(dim=1)).nonzero().flatten()
    if len(bad):
        raise BadScores(
            f"{encoder.says} gives nan or infinite features; the first is row {at + int(bad[0])}. The net has diverged, or"
            " its weights are broken."
        )
    return found.float().cpu().numpy()
