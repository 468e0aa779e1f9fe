"""A user's own encoder."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path

from torch import nn

from activeloop.errors import ConfigError
from activeloop.features.plan import Encoder, Plan, check_counts, check_device
from activeloop.features.sources import user_function
from activeloop.features.store import Work
from activeloop.features.weights import digest_of
from activeloop.learners.loop import seeded
from activeloop.rng import derive
from activeloop.types import Data


def user(data: Data, name: str, *, seed: int = 0, batch: int = 256, threads: int = 2, device: str = "cpu") -> Plan:
    """A module of your own on normalised inputs: `name` is module:function, (shape of one input) -> module giving [n, D].

    The cache knows it by the text of its file and by its weights.    seed: of weights that it draws.
    """
    check_counts(name, batch=batch, threads=threads)
    check_device(name, device)
    function = user_function(name)
    with seeded(derive(seed, 0, "weights")):
        net = function(tuple(data.inputs.shape[1:]))
    if not isinstance(net, nn.Module):
        raise ConfigError(f"{name!r} gave a {type(net).__name__}; it must be a torch.nn.Module that gives [n, D].")
    made = net.to(device).eval()
    mean, std = data.mean.to(device), data.std.to(device)

    def fit(work: Work) -> Encoder:
        return Encoder(lambda inputs: made((inputs.to(device).float() - mean) / std), name)

    weights = hashlib.sha256()
    for key, value in made.state_dict().items():
        weights.update(key.encode() + value.detach().cpu().contiguous().view(-1).numpy().tobytes())
    file = inspect.getsourcefile(function)
    text = digest_of(Path(file)) if file else ""
    return Plan(fit, {"code": text, "weights": weights.hexdigest()}, batch, threads)
