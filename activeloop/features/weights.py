"""Files of weights, never unpickled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from activeloop.errors import ConfigError

WRAPPERS = ("state_dict", "model", "teacher")  # what training scripts file the weights under


def digest_of(path: Path) -> str:
    """Hex digits of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: str, source: str) -> Mapping[str, Tensor]:
    """Name -> tensor, from .safetensors or from what torch.save wrote. raises: ConfigError."""
    try:
        if Path(path).suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # OSError, UnpicklingError, RuntimeError, SafetensorError: whatever a broken file gives
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"{path} cannot be read as weights of {source!r} ({reason}); save a state_dict by torch.save or safetensors."
        ) from error
    for name in WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ConfigError(
            f"{path} holds no weights by name but a {type(found).__name__}; save net.state_dict() instead."
        )
    return {str(name): value for name, value in found.items()}


def load_into(net: nn.Module, weights: Mapping[str, Tensor], head: str, source: str, path: str) -> None:
    """Fills the net. head: name of a layer that was dropped, whose weights are passed over.

    raises: ConfigError for weights of another net.
    """
    kept = {name: value for name, value in weights.items() if not head or not name.startswith(f"{head}.")}
    own = net.state_dict()
    missing = [name for name in own if name not in kept]
    spare = [name for name in kept if name not in own]
    other = [name for name in own if name in kept and own[name].shape != kept[name].shape]
    if missing or spare or other:
        first = (missing or spare or other)[0]
        raise ConfigError(
            f"{path or 'the file'} holds weights of another net than {source!r}: {len(missing):,} of its {len(own):,} tensors"
            f" are missing, {len(spare):,} are not its own and {len(other):,} have another shape; the first is {first!r}."
        )
    net.load_state_dict(kept)
