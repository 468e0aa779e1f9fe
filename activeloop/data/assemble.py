"""From what was read to what learners see, with the truth apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from activeloop.data.raw import Part, Raw
from activeloop.data.scale import mean_and_std
from activeloop.errors import ConfigError
from activeloop.types import Augment, Data, HeldOut, Loaded

IMAGE_AXES = 4  # [N, channels, H, W]


def assemble(
    raw: Raw, classes: tuple[str, ...], augment: Sequence[str], *, features_from: str = "", in_place: bool = False
) -> Loaded:
    """The pool and the test set as `Data`, scaled by the pool's mean and deviation, and the pool's labels beside them.

    features_from: what the features are, in words, where there are some.    in_place: they stand for the inputs.
    raises: ConfigError, UnknownName.
    """
    import torch

    mean, std = mean_and_std(raw.pool.inputs)
    inputs = torch.from_numpy(raw.pool.inputs)
    data = Data(
        inputs=inputs,
        classes=classes,
        mean=torch.from_numpy(mean),
        std=torch.from_numpy(std),
        augment=_augment(augment, inputs.ndim),
        names=None if raw.names_show_labels else raw.pool.names,
        features=inputs if in_place else None if raw.pool.features is None else torch.from_numpy(raw.pool.features),
        source_rows=raw.pool.rows,
        features_from=features_from
        or ("pixels" if inputs.ndim == IMAGE_AXES else f"inputs, {inputs.shape[1]} dimensions"),
    )
    test = None if raw.test is None else _held_out(data, raw.test)
    return Loaded(data, raw.pool.labels, test, raw.pool.known)


def _held_out(data: Data, test: Part) -> HeldOut:
    """The test set, seen as the pool is: the same classes, mean and deviation. Nothing random happens to it."""
    import torch

    inputs = torch.from_numpy(test.inputs)
    if inputs.shape[1:] != data.inputs.shape[1:] or inputs.dtype != data.inputs.dtype:
        raise ConfigError(
            f"rows of the test set are {tuple(inputs.shape[1:])} {inputs.dtype}, those of the pool"
            f" {tuple(data.inputs.shape[1:])} {data.inputs.dtype}; they must be alike."
        )
    if test.labels is None:
        raise ConfigError("the test set has no labels; give it some, or leave it out.")
    features = inputs if data.features is data.inputs else None  # else only the pool is selected from
    return HeldOut(
        replace(data, inputs=inputs, augment=None, names=None, features=features, source_rows=None), test.labels
    )


def _augment(names: Sequence[str], axes: int) -> Augment | None:
    if not names:
        return None
    if axes != 4:
        raise ConfigError(
            f"the augmentations {', '.join(names)} need images; these inputs are features. Leave them out."
        )
    from activeloop.data.augment import chain  # only here, so that loading plain arrays imports no more than it needs

    return chain(names)
