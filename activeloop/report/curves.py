"""Journals -> one table of what every model reached."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

from activeloop.errors import ConfigError, StoreError
from activeloop.fold import State, fold
from activeloop.report.files import replace_bytes
from activeloop.store.journal import FILE, read
from activeloop.types import JSON

USUAL_START = "random"


@dataclass(frozen=True, order=True)
class Point:
    """One metric of one model.

    labels: told so far, which is the budget spent; or what they cost, see `by_cost`.
    value: in the metric's own unit; accuracies in [0, 1].
    """

    strategy: str
    seed: int
    round: int
    labels: float
    metric: str
    value: float


@dataclass(frozen=True, eq=False)
class Record:
    """A run as its journal tells it, finished or not. strategy: its name in tables, see `read_records`."""

    folder: Path
    strategy: str
    seed: int
    state: State

    def points(self) -> tuple[Point, ...]:
        """In journal order; of a round measured again, after an audit changed labels, only the last measure."""
        latest = {(measure.round, measure.labels): measure for measure in self.state.measures}
        return tuple(
            Point(self.strategy, self.seed, measure.round, measure.labels, metric, value)
            for measure in latest.values()
            for metric, value in measure.metrics.items()
        )


def run_folders(out: Path) -> tuple[Path, ...]:
    """Where the journals lie: `out` itself if it is a run, and each folder in `out/runs`."""
    return tuple(path.parent for path in (out / FILE, *sorted(out.glob(f"runs/*/{FILE}"))) if path.exists())


def read_records(out: Path) -> tuple[Record, ...]:
    """The runs in a comparison folder, by strategy and seed; one that has written nothing yet is left out.

    A run is named after its acquisition strategy. Where runs start differently, those that do not start at random say
    so: "entropy after typiclust".
    raises: ConfigError where two runs have one name and one seed, since neither can stand for both.
    """
    records = records_in(out)
    starts = {_start(record.state.config) for record in records}
    if len(starts) > 1:
        records = [_named_after_start(record) for record in records]
    refuse_doubles(records)
    return tuple(sorted(records, key=lambda record: (record.strategy, record.seed)))


def records_in(out: Path) -> list[Record]:
    """The runs in a comparison folder, by folder, each named after its acquisition strategy alone."""
    found = [(folder, fold(read(folder / FILE))) for folder in run_folders(out)]
    return [_record(folder, state) for folder, state in found if state is not None]


def points_of(records: Iterable[Record]) -> tuple[Point, ...]:
    """Every metric of every model; unfinished runs count up to where they are."""
    return tuple(sorted(point for record in records for point in record.points()))


def by_cost(records: Iterable[Record]) -> tuple[Point, ...]:
    """The same points with what the answers had cost in place of their number, in the unit of those who noted it.

    raises: ConfigError where an answer has no cost.
    """
    found = []
    for record in records:
        costs = spent(record)
        found += [replace(point, labels=costs[point.round, point.labels]) for point in record.points()]
    return tuple(sorted(found))


def spent_if_noted(record: Record) -> dict[tuple[int, float], float] | None:
    """The same as `spent`; None where not every answer has a cost."""
    if not any("cost" in note for note in record.state.notes.values()):
        return None
    try:
        return spent(record)
    except ConfigError:
        return None


def spent(record: Record) -> dict[tuple[int, float], float]:
    """(round, labels) -> cost of all answers by then, skips and those asked again too.

    raises: ConfigError where an answer has no cost.
    """
    costs: dict[tuple[JSON, str], float] = {}
    by_then: dict[tuple[int, float], float] = {}
    for event in read(record.folder / FILE):
        match event:
            case {"event": "noted", "notes": dict(notes)}:
                for row, note in notes.items():
                    cost = note.get("cost") if isinstance(note, dict) else None
                    if isinstance(cost, int | float):
                        costs[event.get("query"), row] = cost
            case {"event": "told", "query": query, "answers": dict(answers)}:
                free = [row for row in answers if (query, row) not in costs]
                if free:
                    raise ConfigError(
                        f"{len(free)} of {len(answers)} answers to {query} of {record.folder.name} have no cost; the first is"
                        f' of row {free[0]}. Costs are noted by the oracle, such as oracle = ["costly:1"] or a panel: leave'
                        " --x at labels, or simulate with one."
                    )
            case {"event": "measured", "round": int(round), "labels": int(labels)}:
                by_then[round, labels] = plain_number(sum(costs.values()))
    return by_then


def plain_number(value: float) -> float:
    """A whole number as an int, so that it is shown as one; others to 9 digits, which hides how floats add up."""
    return int(value) if float(value).is_integer() else float(f"{value:.9g}")


def _record(folder: Path, state: State) -> Record:
    match state.config:
        case {"acquire": {"strategy": str(strategy)}, "seed": int(seed)}:
            return Record(folder, strategy, seed, state)
    raise StoreError(
        f"{folder / FILE}: its configuration lacks acquire.strategy or seed; is it a journal of activeloop?"
    )


def _start(config: Mapping[str, JSON]) -> str:
    match config:
        case {"start": {"strategy": str(start)}}:
            return start
    return USUAL_START


def _named_after_start(record: Record) -> Record:
    start = _start(record.state.config)
    return record if start == USUAL_START else replace(record, strategy=f"{record.strategy} after {start}")


def refuse_doubles(records: Iterable[Record]) -> None:
    """raises: ConfigError where two runs have one name and one seed, since neither can stand for both."""
    counts = Counter((record.strategy, record.seed) for record in records)
    for (strategy, seed), count in counts.items():
        if count > 1:
            folders = [record.folder.name for record in records if (record.strategy, record.seed) == (strategy, seed)]
            raise ConfigError(
                f"{count} runs are called {strategy!r} with seed {seed}: {', '.join(folders)}. A comparison holds one"
                " run per strategy and seed; move the others to a folder of their own."
            )


COLUMNS = tuple(field.name for field in fields(Point))


def features_seen(records: Iterable[Record]) -> tuple[str, ...]:
    """What `features` were in these runs, in words and each once: "the inputs", "pca, dimensions 64"."""
    return tuple(dict.fromkeys(_features(record.state.config) for record in records))


def _features(config: Mapping[str, JSON]) -> str:
    match config:
        case {"data": {"features": str(source), "features_options": {**options}, "learn_on": learn_on}}:
            name = ", ".join([source, *(f"{option} {value}" for option, value in options.items())])
            return f"{name} (the learner saw them too)" if learn_on == "features" else name
    return "the inputs"


def write_csv(points: Iterable[Point], path: Path, x: str = "labels") -> None:
    """The table as a CSV file, one line per point; floats in their shortest exact form. x: what `labels` is called."""
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([x if column == "labels" else column for column in COLUMNS])
    lines.writerows(astuple(point) for point in points)
    replace_bytes(path, text.getvalue().encode())
