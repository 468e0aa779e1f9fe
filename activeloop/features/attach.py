"""From a source's name to features on every row, through the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from activeloop.data.scale import mean_and_std
from activeloop.data.scratch import cache_folder, make_room
from activeloop.errors import ConfigError, nearest
from activeloop.features.plan import Encoder, Plan
from activeloop.features.rows import flattened, refuse_nan
from activeloop.features.sources import find_source
from activeloop.features.store import Work, arithmetic, build, recall
from activeloop.inject import checked_options, options
from activeloop.store.cache import alone, content, key_of
from activeloop.types import JSON, Data, HeldOut, Loaded

FORMAT = 1  # raise when the same source, options and inputs give other features, so that old caches are not taken
LEARN_ON = ("inputs", "features")
BY_CONTENT = "weights_path"  # an option whose file counts, not where it lies


@dataclass(frozen=True, eq=False)
class Found:
    """features: [N, D].    says: what they are.    entry: the file that holds them, or None.    was_there: nothing was
    computed."""

    features: Tensor
    says: str
    entry: Path | None = None
    was_there: bool = False


def attach(
    loaded: Loaded,
    source: str,
    given: Mapping[str, object],
    *,
    learn_on: str,
    cache: Path | None,
    show_progress: bool | None,
) -> Loaded:
    """What `with_features` does."""
    if learn_on not in LEARN_ON:
        raise ConfigError(f"learn_on is {learn_on!r}{nearest(learn_on, LEARN_ON)} Allowed are {', '.join(LEARN_ON)}.")
    pool, test = features_of(loaded, source, given, cache=cache, show_progress=show_progress)
    data = replace(loaded.data, features=pool.features, features_from=pool.says)
    if learn_on == "features":
        data = _learning_on(data)
    if test is None or loaded.test is None:
        return replace(loaded, data=data)
    held = replace(loaded.test.data, features=test.features, features_from=pool.says)
    if learn_on == "features":
        held = replace(held, inputs=test.features, mean=data.mean, std=data.std, augment=None)
    return replace(loaded, data=data, test=HeldOut(held, loaded.test.labels))


def features_of(
    loaded: Loaded,
    source: str,
    given: Mapping[str, object],
    *,
    cache: Path | None,
    show_progress: bool | None,
) -> tuple[Found, Found | None]:
    """Features of the pool, and of the test set where there is one.

    raises: UnknownName, ConfigError, BadScores.
    """
    data = loaded.data
    both = [(data.inputs, "inputs of the pool")]
    if loaded.test is not None:
        both.append((loaded.test.data.inputs, "inputs of the test set"))
    for inputs, what in both:
        refuse_nan(inputs, what)
    if source == "pixels":
        checked_options(_pixels, given, source)
        found = [Found(flattened(inputs, cache or cache_folder()), "pixels") for inputs, _ in both]
    else:
        room = _Room.of(data, source, given, (cache or cache_folder()) / "features", show_progress)
        found = [room.features(inputs) for inputs, _ in both]
    return found[0], found[1] if len(found) > 1 else None


def encoder_of(
    data: Data, source: str, given: Mapping[str, object], *, cache: Path | None, show_progress: bool | None
) -> tuple[Encoder, Plan, str]:
    """The encoder alone, fitted or recalled, for rows that are not in `data`; its plan; and hex digits that name it.

    raises: UnknownName, ConfigError, BadScores.
    """
    refuse_nan(data.inputs, "inputs of the pool")
    if source == "pixels":
        checked_options(_pixels, given, source)
        encoder = Encoder(lambda inputs: inputs.flatten(1).float(), "pixels")
        return encoder, Plan(lambda work: encoder), "pixels"
    room = _Room.of(data, source, given, (cache or cache_folder()) / "features", show_progress)
    with arithmetic(room.plan.threads):
        return room.encoder(Work(room.fitted, show_progress)), room.plan, room.key


def _pixels() -> None:
    """Takes no options."""


@dataclass(frozen=True, eq=False)
class _Room:
    """The part of the cache that belongs to one encoder: `key` says what it was fitted on, and how."""

    folder: Path
    key: str
    plan: Plan
    show: bool | None

    @staticmethod
    def of(data: Data, source: str, given: Mapping[str, object], folder: Path, show: bool | None) -> _Room:
        make, name = find_source(source)
        prefixed = (data, name) if name else (data,)
        plan = make(*prefixed, **checked_options(make, given, source))
        seen: dict[str, JSON] = {
            "format": FORMAT,
            "source": source,
            "options": {key: _plain(value) for key, value in {**options(make), **given}.items() if key != BY_CONTENT},
            "identity": plan.identity,
            "pool": content(data.inputs),
            "mean": data.mean.flatten().tolist(),
            "std": data.std.flatten().tolist(),
        }
        make_room(folder, (0,), np.uint8)  # says what is wrong with the folder
        return _Room(folder, key_of(seen), plan, show)

    def features(self, inputs: Tensor) -> Found:
        entry = self.folder / f"{key_of({'encoder': self.key, 'rows': content(inputs)})}.npy"
        found = recall(entry, len(inputs))
        was_there = found is not None
        if found is None:
            with alone(entry):
                found = recall(entry, len(inputs), warn=True)  # another process may have made it
                if found is None:
                    self._build(entry, inputs)
                    found = recall(entry, len(inputs))
        if found is None:
            raise ConfigError(f"{entry} could not be kept; pass --cache with a folder on a disk that can.")
        return Found(torch.from_numpy(found[0]), str(found[1]["says"]), entry, was_there)

    @property
    def fitted(self) -> Path:
        return self.folder / f"{self.key}.pt"

    def encoder(self, work: Work) -> Encoder:
        with alone(self.fitted):
            found: Encoder = self.plan.fit(work)
        return found

    def _build(self, entry: Path, inputs: Tensor) -> None:
        work = Work(self.fitted, self.show)
        with arithmetic(self.plan.threads):
            build(entry, inputs, self.encoder(work), self.plan.batch, work)


def _plain(value: object) -> JSON:
    return value if isinstance(value, (bool, int, float, str)) else repr(value)


def _learning_on(data: Data) -> Data:
    """The same rows with their features in the place of the inputs."""
    assert data.features is not None
    mean, std = mean_and_std(data.features.numpy())
    return replace(data, inputs=data.features, mean=torch.from_numpy(mean), std=torch.from_numpy(std), augment=None)
