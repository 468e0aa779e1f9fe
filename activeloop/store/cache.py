"""Results that took long, by the content that they were computed from. All of it may be deleted at any time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activeloop.types import JSON, Noted

if TYPE_CHECKING:
    from torch import Tensor

DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
CHUNK_BYTES = 2**25


def cache_folder() -> Path:
    """Where what can be made again is kept unless told otherwise: $XDG_CACHE_HOME/activeloop, or ~/.cache/activeloop."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "activeloop"


def content(tensor: Tensor) -> str:
    """Hex digits that change with the shape, the dtype or any value; reads the tensor once, a chunk at a time."""
    seen = hashlib.sha256(repr((tuple(tensor.shape), str(tensor.dtype))).encode())
    if tensor.dim() == 0:
        tensor = tensor[None]
    step = max(1, CHUNK_BYTES // max(1, tensor[:1].numel() * tensor.element_size()))
    for at in range(0, len(tensor), step):
        seen.update(tensor[at : at + step].detach().cpu().contiguous().numpy().data)
    return seen.hexdigest()


def key_of(parts: Mapping[str, JSON]) -> str:
    """32 hex digits for what a result was computed from."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Waits until no other process works on this path. The lock goes with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Cache:
    """Evidence in one folder, a file each. Entries appear whole or not at all; a damaged one counts as missing."""

    folder: Path

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """So that of several processes that want one entry, one computes and the others wait for it.

        Where the folder cannot be written all compute for themselves, and a warning says so.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(alone(self.folder / key))
            except OSError as error:
                self._warn(error)
            yield

    def recall(self, key: str) -> Noted | None:
        import torch

        try:
            with np.load(self.folder / f"{key}.npz", allow_pickle=False) as file:
                return Noted(torch.from_numpy(file["value"]), json.loads(str(file["notes"])))
        except DAMAGED:
            return None

    def keep(self, key: str, found: Noted) -> None:
        """A disk that is full loses the entry, with a warning, and never the result."""
        partial = self.folder / f"{key}.{os.getpid()}.partial"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                np.savez(file, value=found.value.cpu().numpy(), notes=np.array(json.dumps(dict(found.notes))))
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self.folder / f"{key}.npz")
        except OSError as error:
            self._warn(error)
        finally:
            with suppress(OSError):
                partial.unlink()

    def _warn(self, error: OSError) -> None:
        warnings.warn(
            f"the cache {self.folder} cannot be written ({error.strerror}), so what takes long is computed anew next time;"
            " pass --cache with a folder that can.",
            stacklevel=3,
        )
