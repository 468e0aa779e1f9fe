"""What `compare` and `sweep` share: runs checked before the first training, run by an executor, failures told."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.config import Config
    from activeloop.drive import Steps
    from activeloop.rounds import Setup
    from activeloop.sweep.outcome import Outcome
    from activeloop.training import FirstModel
    from activeloop.types import Loaded

ENGINES = ("serial", "processes", "lockstep", "ray")


@dataclass(frozen=True, eq=False)
class Prepared:
    """Data and plan of a configuration, to check it by and to describe it."""

    data: Loaded
    setup: Setup


def engine_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("execution").add_argument
    add("--jobs", type=int, default=1, metavar="N", help="processes (1)")
    add("--engine", choices=ENGINES, help="who runs the runs: serial, processes (where --jobs is more than 1), or lockstep,"
        " small nets trained together, which is part of a run's fingerprint; or ray, --jobs at a time on a cluster")  # fmt: skip
    add("--address", metavar="A", help="of the Ray cluster: auto, or HOST:PORT (one of its own, on this machine)")


def with_engine(
    configs: Sequence[Config], engine: str | None, jobs: int, address: str | None
) -> tuple[list[Config], str]:
    """The configurations as that engine runs them, and its name where none was chosen.

    raises: ConfigError for no jobs, or an address without Ray.
    """
    from activeloop.errors import ConfigError

    if jobs < 1:
        raise ConfigError(f"--jobs is {jobs}; it must be 1 or more.")
    if address is not None and engine != "ray":
        raise ConfigError(f"--address {address} is that of a Ray cluster: it goes with --engine ray.")
    if engine == "lockstep":
        return [replace(config, lockstep=True) for config in configs], engine
    if engine is None and all(config.lockstep for config in configs):
        return list(configs), "lockstep"
    return list(configs), engine or ("serial" if jobs == 1 else "processes")


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
        kind, source = kind_of(config), _source(config)
        if kind in kinds:
            continue
        kinds.add(kind)
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


def _source(config: Config) -> str:
    """Equal where the data are: a seed splits and thins them."""
    return repr((config.data, config.seed))


def run_all(
    runs: Mapping[str, Config], out: Path, engine: str, jobs: int, address: str | None = None, logs: bool = False
) -> list[Outcome]:
    """Outcomes in the order of finishing, with progress on standard error.

    runs: name -> configuration; each goes to out/runs/name.    logs: whether TensorBoard's are written as they go on.
    """
    from activeloop.store.failure import note
    from activeloop.sweep.lockstep import AT_A_TIME
    from activeloop.sweep.progress import Progress

    out = out.resolve()
    folders = {name: out / "runs" / name for name in runs}
    at_a_time = {"serial": 1, "lockstep": AT_A_TIME * jobs}.get(engine, jobs)
    bar = Progress(runs, folders, at_a_time)
    outcomes = []
    try:
        for outcome in _executed(list(runs.items()), out, engine, jobs, address, logs):
            note(folders[outcome.name], None if outcome.error is None else outcome.trace + outcome.error)
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
    from activeloop.sweep.lockstep import AT_A_TIME

    path = tuple(sys.path)
    if engine == "lockstep" and jobs == 1:
        return in_lockstep(runs, out, logs)
    if engine == "lockstep":
        most = min(AT_A_TIME, -(-len(runs) // jobs))
        parts = [runs[at : at + most] for at in range(0, len(runs), most)]
        return chain.from_iterable(processes(partial(part_in_lockstep, out=out, path=path, logs=logs), parts, jobs))
    work: Callable[[tuple[str, Config]], Outcome] = partial(one_run, out=out, path=path, logs=logs)
    if engine == "ray":
        from activeloop.sweep.on_ray import on_ray

        return on_ray(work, runs, address=address, jobs=None if address else jobs, shared=out)
    return serial(work, runs) if engine == "serial" else processes(work, runs, jobs)


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

    def run() -> Steps[None]:
        data, first = _data_of(config)
        return simulated(config, data, folder, out, logs, partial(at_once, train=first))

    return attempt(name, run, whole=is_new)


def part_in_lockstep(runs: Sequence[tuple[str, Config]], out: Path, path: Sequence[str], logs: bool) -> list[Outcome]:
    sys.path[:] = path
    return list(in_lockstep(runs, out, logs))


def in_lockstep(runs: Sequence[tuple[str, Config]], out: Path, logs: bool = False) -> Iterator[Outcome]:
    """All runs in out/runs, each to its end, in this process; they train together. Their configurations say `lockstep`."""
    from weakref import WeakValueDictionary

    from activeloop.cli.simulation import loaded, simulated
    from activeloop.store.journal import FILE
    from activeloop.sweep.lockstep import lockstep
    from activeloop.sweep.outcome import attempted

    data: WeakValueDictionary[str, Loaded] = WeakValueDictionary()  # runs on the same rows share them while they last

    def steps(config: Config, folder: Path) -> Steps[None]:
        source = _source(config)
        found = data.get(source) or data.setdefault(source, loaded(config))
        return simulated(config, found, folder, out, logs)

    def work(named: tuple[str, Config]) -> Steps[Outcome]:
        name, config = named
        folder = out / "runs" / name
        return attempted(name, lambda: steps(config, folder), whole=not (folder / FILE).exists())

    return lockstep(work, runs)


_last: dict[str, tuple[Loaded, FirstModel]] = {}  # of the run before, in this process: the next has mostly the same


def _data_of(config: Config) -> tuple[Loaded, FirstModel]:
    from activeloop.cli.simulation import loaded
    from activeloop.training import FirstModel

    source = f"{_source(config)} {config.threads}"  # sums, and so the model, change with the threads
    if source not in _last:
        found = loaded(config)
        _last.clear()
        _last[source] = found, FirstModel()
    return _last[source]


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
