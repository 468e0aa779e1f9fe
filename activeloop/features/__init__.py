"""Features to select on, from a name: computed once, kept by content, the pool's and the test set's by one encoder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from activeloop.features.sources import SOURCES as SOURCES
from activeloop.features.sources import describe as describe

if TYPE_CHECKING:
    from activeloop.types import Loaded

NO_OPTIONS: Mapping[str, object] = {}


def with_features(
    loaded: Loaded,
    source: str,
    options: Mapping[str, object] = NO_OPTIONS,
    *,
    learn_on: str = "inputs",
    cache: Path | None = None,
    show_progress: bool | None = None,
) -> Loaded:
    """The same data with the features of every row attached: `Data.features`, [N, D] float32, a copy-on-write memory map.

    An encoder that learns does so on the pool's inputs alone; rows of the test set go through the same one. The cache
    knows features by the content of the inputs, the source and its options, so a second call computes nothing, and one
    that is killed goes on where it stood, to the same bytes.

    source: one of SOURCES.    options: of that source.    learn_on: "inputs", or "features", which then take the place
    of the inputs.    cache: folder, `scratch.cache_folder` by default.    show_progress: a bar on stderr; None shows it
    on a terminal.
    cost:   one pass over the inputs where all is cached already.
    raises: UnknownName, ConfigError; BadScores for inputs that are nan or hold nothing to tell rows apart.
    """
    from activeloop.features.attach import attach  # torch, only once features are wanted

    return attach(loaded, source, options, learn_on=learn_on, cache=cache, show_progress=show_progress)
