"""A run's pool for TensorBoard's projector. Here, since it needs the data, and mostly the last model."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from activeloop.report.conditions import Condition
    from activeloop.run import Run
    from activeloop.types import Data, Rows


def write_projector(conditions: Sequence[Condition], run: str, tb: Path) -> Path:
    """Write the pool of one of these runs beside its event files in `tb`; the folder.

    On request and for one run alone: the data are loaded, and where the run saw no features of its own, its last model is
    trained again; the files are a few megabytes, and TensorBoard shows one run's at a time.
    run: the name of its folder, or its path.
    raises: UnknownName; ConfigError where the data are not there; StoreError while another process writes the run.
    """
    from activeloop.cli.folder import open_with_data
    from activeloop.errors import UnknownName, nearest
    from activeloop.report.images import images_of
    from activeloop.report.projected import files_of, rows_of
    from activeloop.report.projector import put
    from activeloop.report.tensorboard import run_folder

    at = {record.folder: (condition, record) for condition in conditions for record in condition.records}
    named = [folder for folder in at if folder.name == run] or [
        folder for folder in at if folder.resolve() == Path(run).resolve()
    ]
    if len(named) != 1:
        names = [folder.name for folder in at]
        raise UnknownName(
            f"{len(named)} runs here are called {run!r}; name one by its path."
            if named
            else f"no run here is called {run!r}{nearest(run, names)} There are {', '.join(names)}."
        )
    condition, record = at[named[0]]
    opened, loaded = open_with_data(record.folder)
    with opened:
        rows = rows_of(opened.state)
        features, words = _features(opened, loaded.data, rows)
        images = images_of(loaded.data.inputs)
        made = files_of(opened.state, rows, features, words, images, loaded.truth)
    to = run_folder(tb, record.strategy, record.seed, condition.name)
    put(made, to)
    return to


def _features(run: Run, data: Data, rows: Rows) -> tuple[Tensor, str]:
    """[m, D] of these rows, and what they are, in words.

    What the run's strategies saw, where that was features of its own; else what its last model makes of the rows, or the
    inputs, where there is no model or it has no embeddings.
    """
    import torch

    from activeloop.errors import MissingEvidence

    at = torch.from_numpy(rows)
    if data.features is not None:
        return data.features[at.to(data.features.device)].float(), data.features_from
    if (run.state.training >= 0).any():
        try:
            labels = int((run.state.training >= 0).sum())
            print(f"training the model of {run.folder.name} on {labels:,} labels …", file=sys.stderr)
            return run.model().embed(rows).flatten(1).float().cpu(), f"embeddings of the model on {labels:,} labels"
        except MissingEvidence:
            pass  # a tree has none
    return data.inputs[at.to(data.inputs.device)].flatten(1).float(), "the inputs"
