"""Where a run stands, or every run of a comparison; reads journals alone, also while they are being written."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.fold import State


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="folder of a run or of a comparison")


def main(folder: Path) -> int:
    from activeloop.cli.folder import state_of
    from activeloop.cli.main import DONE, WAITING
    from activeloop.errors import StoreError
    from activeloop.store.journal import FILE

    if (folder / FILE).exists():
        state = state_of(folder)
        print(_in_full(folder, state))
        return WAITING if state.open_query else DONE
    runs = sorted(path.parent for path in folder.glob(f"runs/*/{FILE}"))
    if not runs:
        raise StoreError(f"no run in {folder}: neither {FILE} nor runs/*/{FILE}.")
    for run in runs:
        print(_in_a_line(run.name, state_of(run)))
    return DONE


def _in_a_line(name: str, state: State) -> str:
    reached = state.measures[-1].metrics.get("accuracy") if state.measures else None
    accuracy = "not measured" if reached is None else f"accuracy {reached:.3f}"
    return f"{name:<28}{state.told:>7,} of {state.config['budget']:,} labels  {accuracy:<16}{_mood(state)}"


def _mood(state: State) -> str:
    waiting = state.open_query
    if waiting is not None:
        return f"waiting for {len(waiting.unanswered)} answers to {waiting.id}"
    return f"done ({state.stopped})" if state.stopped else "ready to ask"


def _in_full(folder: Path, state: State) -> str:
    import numpy as np

    from activeloop.types import SKIP

    counts = np.bincount(state.labels[state.labels >= 0], minlength=len(state.classes))
    balance = ", ".join(f"{name} {count}" for name, count in zip(state.classes, counts, strict=True))
    lines = [
        _in_a_line(folder.name, state),
        f"  queries {len(state.queries)}, rounds {state.round}, rows {len(state.labels):,}, skipped"
        f" {int((state.labels == SKIP).sum())}, brought along {int(state.known.sum())}, for validation"
        f" {int(state.held_out.sum())}",
        f"  labels by class: {balance}",
    ]
    if state.measures:
        lines.append("  " + ", ".join(f"{name} {value:.4f}" for name, value in state.measures[-1].metrics.items()))
    return "\n".join([*lines, f"  next: {_next(folder, state)}"])


def _next(folder: Path, state: State) -> str:
    waiting = state.open_query
    if waiting is not None:
        return f"activeloop tell {folder} {waiting.id} ANSWERS.csv, with what `activeloop ask {folder}` shows"
    return f"activeloop export {folder}" if state.stopped else f"activeloop ask {folder}"
