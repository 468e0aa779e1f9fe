"""What models of finished runs said of a few rows, trained again for stopping rules that look at it."""

from __future__ import annotations

import sys
from pathlib import Path


def train_again(folder: Path) -> None:
    """Put predictions beside every journal in a comparison folder that has none; takes as long as the training did.

    raises: StoreError where a run's data are not there, or are others.
    """
    from activeloop.cli.simulation import loaded
    from activeloop.config import build
    from activeloop.report.curves import records_in
    from activeloop.run import Run

    for record in records_in(folder):
        data = loaded(build(record.state.config))
        with Run(record.folder, data=data.data, test=data.test) as run:
            seen = run.predictions()
        print(f"{record.folder.name}: {len(seen)} models on {seen.shape[1]:,} rows", file=sys.stderr)
