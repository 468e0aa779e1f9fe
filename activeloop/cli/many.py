"""What `compare` and `sweep` share: runs checked before the first training, run by an executor, failures told."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.config import Config
    from activeloop.drive import Steps
    from activeloop.rounds import Setup
    from activeloop.sweep.outcome import Outcome
    from activeloop.types import Loaded

FAILURE = "failure.txt"  # beside the journal of a run that failed: why; gone once it goes on


@dataclass(frozen=True, eq=False)
class Prepared:
    """Data and plan of a configuration, to check it by and to describe it."""

    data: Loaded
    setup: Setup


def prepared(runs: Mapping[str, Config]) -> dict[str, Prepared]:
    """Of each that differs in more than its seed, by name; what cannot work fails here, not in the middle of the night.

    raises: ConfigError and its kin.
    """
    from activeloop.cli.oracle import oracle_for
    from activeloop.cli.reference import stand_in
    from activeloop.cli.simulation import loaded
    from activeloop.errors import ConfigError
    from activeloop.rounds import prepare
    from activeloop.start import check_start
    from activeloop.sweep.grid import kind_of

    found: dict[str, Prepared] = {}
    data: dict[str, Loaded] = {}
    kinds: set[str] = set()
    for name, config in runs.items():
        if kind_of(config) in kinds:
            continue
        kinds.add(kind_of(config))
        source = repr((config.data, config.seed))
        if source not in data:
            data[source] = loaded(config)
        here = data[source]
        if here.truth is None:
            raise ConfigError(
                f"{config.data.source} has no labels to simulate an oracle from, which is needed here. `activeloop run` asks"
                " people instead."
            )
        oracle_for(config, here, stand_in(here))
        setup = prepare(config, here.data, here.test)
        check_start(setup, here.known)
        if here.test is None and not config.validation:
            raise ConfigError("there is nothing to measure on: bring a test set, set --test-fraction or --validation.")
        found[name] = Prepared(here, setup)
    return found


def run_all(
    runs: Mapping[str, Config], out: Path, engine: str, jobs: int, address: str | None = None, logs: bool = False
) -> list[Outcome]:
    """Outcomes in the order of finishing, with progress on standard error.

    runs: name -> configuration; each goes to out/runs/name.    logs: whether TensorBoard's are written as they go on.
    """
    from activeloop.sweep.progress import Progress

    out = out.resolve()
    folders = {name: out / "runs" / name for name in runs}
    bar = Progress(runs, folders, 1 if engine == "serial" else jobs)
    outcomes = []
    try:
        for outcome in _executed(list(runs.items()), out, engine, jobs, address, logs):
            _note_failure(folders[outcome.name], outcome)
            outcomes.append(outcome)
            bar.finish(outcome)
    finally:
        bar.close()
    for text, count in Counter(text for outcome in outcomes for text in outcome.warnings).items():
        print(f"note, in {count} of {len(runs)} runs: {text}", file=sys.stderr)
    return outcomes


def _executed(
    runs: Sequence[tuple[str, Config]], out: Path, engine: str, jobs: int, address: str | None, logs: bool
) -> Iterator[Outcome]:
    from activeloop.sweep.executors import processes, serial

    work: Callable[[tuple[str, Config]], Outcome] = partial(one_run, out=out, path=tuple(sys.path), logs=logs)
    if engine == "lockstep":
        return in_lockstep(runs, out, logs)
    if engine == "serial" or not runs:
        return serial(work, runs)
    return processes(work, runs, jobs)


def one_run(named: tuple[str, Config], out: Path, path: Sequence[str], logs: bool = False) -> Outcome:
    """One run to its end in out/runs/name, in whatever process this is. An error is an outcome too."""
    from activeloop.cli.simulation import simulated
    from activeloop.drive import at_once
    from activeloop.store.journal import FILE
    from activeloop.sweep.outcome import attempt

    sys.path[:] = path  # a worker must find the user's own modules too
    name, config = named
    folder = out / "runs" / name
    is_new = not (folder / FILE).exists()
    return attempt(name, lambda: simulated(config, _data_of(config), folder, out, logs, at_once), whole=is_new)


def in_lockstep(runs: Sequence[tuple[str, Config]], out: Path, logs: bool = False) -> Iterator[Outcome]:
    """All runs in out/runs, each to its end, in this process; they train together. Their configurations say `lockstep`."""
    from weakref import WeakValueDictionary

    from activeloop.cli.simulation import loaded, simulated
    from activeloop.store.journal import FILE
    from activeloop.sweep.lockstep import lockstep
    from activeloop.sweep.outcome import attempted

    data: WeakValueDictionary[str, Loaded] = WeakValueDictionary()  # runs on the same rows share them while they last

    def steps(config: Config, folder: Path) -> Steps[None]:
        source = repr((config.data, config.seed))
        found = data.get(source) or data.setdefault(source, loaded(config))
        return simulated(config, found, folder, out, logs)

    def work(named: tuple[str, Config]) -> Steps[Outcome]:
        name, config = named
        folder = out / "runs" / name
        return attempted(name, lambda: steps(config, folder), whole=not (folder / FILE).exists())

    return lockstep(work, runs)


_last: dict[str, Loaded] = {}  # the data of the run before, in this process: the next one has mostly the same


def _data_of(config: Config) -> Loaded:
    from activeloop.cli.simulation import loaded

    source = repr((config.data, config.seed))
    if source not in _last:
        found = loaded(config)
        _last.clear()
        _last[source] = found
    return _last[source]


def _note_failure(folder: Path, outcome: Outcome) -> None:
    file = folder / FAILURE
    if outcome.error is None:
        file.unlink(missing_ok=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{outcome.trace}{outcome.error}\n", encoding="utf-8")


def tell_of_failures(outcomes: Sequence[Outcome], order: Sequence[str]) -> bool:
    """What failed, each reason once, with the runs that it stopped; whether anything did."""
    failed = sorted((at for at in outcomes if at.error is not None), key=lambda at: order.index(at.name))
    by_reason: dict[str, list[Outcome]] = {}
    for outcome in failed:
        by_reason.setdefault(str(outcome.error), []).append(outcome)
    for reason, outcomes in by_reason.items():
        names = ", ".join(outcome.name for outcome in outcomes)
        print(f"{outcomes[0].trace}activeloop: {len(outcomes)} failed ({names}): {reason}", file=sys.stderr)
    return bool(failed)
