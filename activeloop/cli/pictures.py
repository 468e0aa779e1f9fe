"""The rows of runs as images, for reports: from the data that their configurations name, where those are at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.config import Config
    from activeloop.report.curves import Record
    from activeloop.report.images import Images


def pictures() -> Callable[[Record], Images | str]:
    """Run -> what shows its rows, or in words why nothing does. The data of the last run stay at hand for the next.

    Nothing is downloaded and nothing computed: features are left out, and then the data are held to be those of the run
    if they have as many rows and the same classes; without features, if their digest is the same.
    """
    kept: dict[str, Images | str] = {}

    def show(record: Record) -> Images | str:
        from activeloop.config import as_json, build

        config = build(record.state.config)
        plain = replace(config.data, features=None, features_options={}, learn_on="inputs", download=False)
        config = replace(config, data=plain)
        key = f"{as_json(config)['data']} {config.seed}"
        if key not in kept:
            kept.clear()  # one pool in memory at a time
            kept[key] = _of(config, record)
        return kept[key]

    return show


def _of(config: Config, record: Record) -> Images | str:
    from activeloop.cli.simulation import loaded
    from activeloop.errors import ActiveloopError
    from activeloop.report.images import images_of

    try:
        data = loaded(config).data
    except (ActiveloopError, OSError) as error:
        return str(error)
    state, had_features = record.state, _had_features(record)
    if len(data) != len(state.labels) or data.classes != state.classes:
        return f"{config.data.source} has {len(data):,} rows of {len(data.classes)} classes now, and not those of this run."
    if not had_features and data.digest() != state.data:
        return f"{config.data.source} has changed since this run."
    return images_of(data.inputs) or f"the rows of {config.data.source} are no images."


def _had_features(record: Record) -> bool:
    match record.state.config:
        case {"data": {"features": str()}}:
            return True
    return False
