"""Labels, weights and predictions of a run, as files that other programs read.

labels.csv: row, file, class, annotator, date, use. weights.safetensors: of the model on all labels, where the learner is
a net. predictions.csv: row, file, class, probability of every row without a label.
"""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from activeloop.cli.ask import open_with_data
from activeloop.fold import State
from activeloop.run import Run

LOOK = 10_000  # rows predicted at a time


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where files go (RUN/export)")
    parser.add_argument("--labels-only", action="store_true", help="train no model: labels.csv alone")
    parser.add_argument("--data", metavar="SOURCE", help="where the same data lie now, if they were moved")


def main(run: Path, out: Path | None, labels_only: bool, data: str | None) -> int:
    from activeloop.cli.main import DONE

    opened, loaded = open_with_data(run, data)
    to = out or run / "export"
    to.mkdir(parents=True, exist_ok=True)
    with opened:
        names = loaded.data.names
        _write(to / "labels.csv", ("row", "file", "class", "annotator", "date", "use"), _labels(opened.state, names))
        if not labels_only and (opened.state.training >= 0).any():
            _write_model(opened, names, to)
    return DONE


def _labels(state: State, names: Sequence[str] | None) -> Iterable[Sequence[object]]:
    uses = {row: query.use for query in state.queries for row in query.answers}
    for row in np.flatnonzero(state.labels >= 0).tolist():
        note = state.notes.get(row, {})
        use = uses.get(row, "known" if state.known[row] else "revised")
        yield (
            row,
            _name(names, row),
            state.classes[state.labels[row]],
            note.get("annotator", ""),
            note.get("date", ""),
            use,
        )


def _write_model(run: Run, names: Sequence[str] | None, to: Path) -> None:
    from safetensors.torch import save_file

    from activeloop.learners.model import NetModel

    model = run.model()
    if isinstance(model, NetModel):
        save_file(
            {name: value.cpu().contiguous() for name, value in model.net.state_dict().items()},
            to / "weights.safetensors",
        )
        print(f"wrote {to / 'weights.safetensors'}")
    rows = np.flatnonzero(run.state.labels < 0)

    def lines() -> Iterable[Sequence[object]]:
        for at in range(0, len(rows), LOOK):
            probability, label = model.probs(rows[at : at + LOOK]).max(dim=1)
            for row, p, c in zip(rows[at : at + LOOK].tolist(), probability.tolist(), label.tolist(), strict=True):
                yield row, _name(names, row), run.state.classes[c], f"{p:.6f}"

    _write(to / "predictions.csv", ("row", "file", "class", "probability"), lines())


def _write(path: Path, columns: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(lines)
    print(f"wrote {path}")


def _name(names: Sequence[str] | None, row: int) -> str:
    return names[row] if names else ""
