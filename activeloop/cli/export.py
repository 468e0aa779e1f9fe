"""Labels, weights and predictions of a run, as files that other programs read.

labels.csv: row, file (where rows are files), label, annotator, date, use; it serves as --labels of another run.
weights.safetensors: of the model on all labels, where the learner is a net; its metadata hold the classes, what inputs are
normalised by, and the learner's options. predictions.csv: row, file, label, probability of every row without a label.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.cli.folder import Items
    from activeloop.fold import State
    from activeloop.learners.model import NetModel
    from activeloop.run import Run

LOOK = 10_000  # rows predicted at a time


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where files go (RUN/export)")
    parser.add_argument("--labels-only", action="store_true", help="train no model: labels.csv alone")
    parser.add_argument("--data", metavar="SOURCE", help="where the same data lie now, if they were moved")


def main(run: Path, out: Path | None, labels_only: bool, data: str | None) -> int:
    from activeloop.cli.folder import items_in, items_of, open_with_data, state_of
    from activeloop.cli.main import DONE

    to = out or run / "export"
    if labels_only:
        _write_labels(run, state_of(run), items_of(run), to)
        return DONE
    opened, loaded = open_with_data(run, data)
    with opened:
        _write_labels(run, opened.state, items_in(loaded.data), to)
        if (opened.state.training >= 0).any():
            _write_model(opened, items_in(loaded.data), to)
        else:
            print("no row is labelled for training yet: no weights, no predictions")
    return DONE


def _write_labels(run: Path, state: State, items: Items, to: Path) -> None:
    _write(to / "labels.csv", items, ("label", "annotator", "date", "use"), _labels(state, _revised(run)))


def _revised(run: Path) -> set[str]:
    """Rows, as the journal writes them, that a revision touched."""
    from activeloop.store.journal import FILE, read

    return {row for event in read(run / FILE) if event["event"] == "revised" for row in _keys(event["answers"])}


def _keys(table: object) -> Iterable[str]:
    return table if isinstance(table, dict) else ()


def _labels(state: State, revised: set[str]) -> Iterable[tuple[int, tuple[object, ...]]]:
    import numpy as np

    asked = {row: (query.use, label) for query in state.queries for row, label in query.answers.items()}
    for row in np.flatnonzero(state.labels >= 0).tolist():
        label = int(state.labels[row])
        use, told = asked.get(row, ("known", None))
        is_revised = str(row) in revised and told != label
        note = state.notes.get(row, {})
        if is_revised and "why" not in note:
            note = {}  # of the answer that no longer stands
        cells = (state.classes[label], note.get("annotator", ""), note.get("date", ""))
        yield row, (*cells, "revised" if is_revised else use)


def _write_model(run: Run, items: Items, to: Path) -> None:
    import numpy as np

    from activeloop.learners.model import NetModel

    print(f"training on {int((run.state.training >= 0).sum()):,} labels …", file=sys.stderr)
    model = run.model()
    if isinstance(model, NetModel):
        _write_weights(model, run, to / "weights.safetensors")
    else:
        print(f"no weights: {run.config.learner.name} is no net")
    rows = np.flatnonzero(run.state.labels < 0)

    def lines() -> Iterable[tuple[int, tuple[object, ...]]]:
        for at in range(0, len(rows), LOOK):
            probability, label = model.probs(rows[at : at + LOOK]).max(dim=1)
            for row, p, c in zip(rows[at : at + LOOK].tolist(), probability.tolist(), label.tolist(), strict=True):
                yield row, (run.state.classes[c], f"{p:.6f}")

    _write(to / "predictions.csv", items, ("label", "probability"), lines())


def _write_weights(model: NetModel, run: Run, path: Path) -> None:
    import json

    from safetensors.torch import save_file

    weights = {name: value.cpu().contiguous() for name, value in model.net.state_dict().items()}
    about = {
        "classes": list(run.state.classes),
        "mean": model.data.mean.cpu().flatten().tolist(),
        "std": model.data.std.cpu().flatten().tolist(),
        "learner": {"name": run.config.learner.name, **run.config.learner.options},
        "run": run.state.fingerprint,
    }
    save_file(weights, path, {name: json.dumps(value, ensure_ascii=False) for name, value in about.items()})
    print(f"wrote {path}")


def _write(path: Path, items: Items, columns: Sequence[str], lines: Iterable[tuple[int, tuple[object, ...]]]) -> None:
    """The table with what people call the row in front."""
    from activeloop.cli.answers import write_table

    write_table(path, (*items.columns, *columns), ((*items.cells(row), *cells) for row, cells in lines))
    print(f"wrote {path}")
