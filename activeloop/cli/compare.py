"""Simulate several strategies and seeds on one data set, and draw their acquisition curves.

Seeds are paired: at equal seeds all strategies share the split, the initial set, the initial weights and the oracle's
errors. DIR gets curves.csv, summary.json, curves.png, runs/ (a journal each) and tb/. The same command goes on where an
interrupted one stood, and passes over what is finished; one with other strategies or more seeds adds them.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activeloop.cli.options import configuration, data_arguments, run_arguments

if TYPE_CHECKING:
    from activeloop.config import Config
    from activeloop.fold import State
    from activeloop.rounds import Setup
    from activeloop.types import Loaded

DEFAULT = "random,margin,entropy,bald"
OWN = ("seed", "acquire", "start", "evidence")  # settings in which runs of one comparison may differ


@dataclass(frozen=True)
class Outcome:
    """What a worker brings home of one run.    trace: of an error that is not ours, a user's strategy's say."""

    name: str
    told: int
    metrics: Mapping[str, float]
    error: str | None
    trace: str
    warnings: tuple[str, ...]


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--strategies", default=DEFAULT, metavar="A,B,…", help=f"by name ({DEFAULT})")
    parser.add_argument("--seeds", type=int, default=5, metavar="K", help="seeds 0…K-1 (5)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time, a process each (1)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where everything goes")
    parser.add_argument(
        "--goal", type=float, default=0.9, metavar="A", help="accuracy that the table counts labels to (0.9)"
    )
    data_arguments(parser)
    run_arguments(parser)


def main(strategies: str, seeds: int, jobs: int, out: Path, goal: float, **given: Any) -> int:
    from activeloop.cli.main import DONE, REFUSED
    from activeloop.cli.report import show

    configs = _grid(configuration(given), strategies.split(","), seeds, jobs)
    data, setups = _checked(configs)
    _check_folder(out, configs, data)
    print(_what_is_done(configs, seeds, jobs, data, setups, out), file=sys.stderr)
    outcomes = _with_progress(configs, out, jobs)
    for text, count in Counter(text for outcome in outcomes for text in outcome.warnings).items():
        print(f"note, in {count} of {len(configs)} runs: {text}", file=sys.stderr)
    order = [run_name(config) for config in configs]
    failed = sorted((at for at in outcomes if at.error is not None), key=lambda at: order.index(at.name))
    if len(failed) < len(configs):
        show(out, goal=goal)
    _tell_of(failed)
    return REFUSED if failed else DONE


def run_name(config: Config) -> str:
    from activeloop.report.tensorboard import plain

    return f"{plain(config.acquire.strategy)}-s{config.seed}"


# before the first training


def _grid(config: Config, strategies: Sequence[str], seeds: int, jobs: int) -> list[Config]:
    from activeloop.errors import ConfigError

    if seeds < 1 or jobs < 1:
        raise ConfigError(f"--seeds is {seeds} and --jobs {jobs}; both must be 1 or more.")
    names = [name.strip() for name in strategies if name.strip()]
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"--strategies {','.join(strategies)!r} must name each strategy once, such as random,margin.")
    acquiring = [replace(config, acquire=replace(config.acquire, strategy=name)) for name in names]
    return [replace(one, seed=seed) for seed in range(seeds) for one in acquiring]


def _checked(configs: Sequence[Config]) -> tuple[Loaded, list[Setup]]:
    """The data of the first seed, and its runs; what cannot work fails here, not in the middle of the night."""
    from activeloop.cli.oracle import oracle_for
    from activeloop.cli.reference import stand_in
    from activeloop.cli.simulation import loaded
    from activeloop.errors import ConfigError
    from activeloop.rounds import prepare
    from activeloop.start import check_start

    data = loaded(configs[0])
    if data.truth is None:
        raise ConfigError(
            f"{configs[0].data.source} has no labels to simulate an oracle from: compare needs them. `activeloop run` asks"
            " people instead."
        )
    oracle_for(configs[0], data, stand_in(data))
    setups = [prepare(config, data.data, data.test) for config in configs if config.seed == configs[0].seed]
    for setup in setups:
        check_start(setup, data.known)
    if data.test is None and not configs[0].validation:
        raise ConfigError("there is nothing to measure on: bring a test set, set --test-fraction or --validation.")
    return data, setups


def _check_folder(out: Path, configs: Sequence[Config], data: Loaded) -> None:
    """Refuse once, and before anything is trained, to mix these runs with others that lie in `out`."""
    from activeloop.config import as_json, differences
    from activeloop.errors import StoreError
    from activeloop.fold import fold
    from activeloop.report.curves import run_folders
    from activeloop.store.journal import FILE, read

    if (out / FILE).exists():
        raise StoreError(f"{out} is the folder of a single run; choose another --out for a comparison.")
    mine = {run_name(config): as_json(config) for config in configs}
    others = {}
    for folder in run_folders(out):
        state = fold(read(folder / FILE))
        if state is None:
            continue  # killed before its first event was whole
        same_name = mine.get(folder.name)
        ours, skip = (same_name, ()) if same_name is not None else (next(iter(mine.values())), OWN)
        differing = differences(state.config, ours, skip)
        if not differing and state.config["seed"] == configs[0].seed and state.data != data.data.digest():
            differing = [f"the data ({len(state.labels):,} rows there, {len(data.data):,} here)"]
        if differing:
            others[folder.name] = differing
    if others:
        first, differing = next(iter(others.items()))
        raise StoreError(
            f"{out} holds {len(others)} runs of another comparison; the first, {first}, differs in"
            f" {', '.join(differing[:5])}. Choose another --out, or the old settings to go on with those. Nothing was"
            " trained or changed."
        )


def _what_is_done(
    configs: Sequence[Config], seeds: int, jobs: int, data: Loaded, setups: Sequence[Setup], out: Path
) -> str:
    from activeloop.cli.oracle import in_words
    from activeloop.config import EMBEDDINGS

    first = configs[0]
    names = [config.acquire.strategy for config in configs if config.seed == first.seed]
    test = f"{len(data.test.labels):,} test rows" if data.test is not None else f"{first.validation} validation labels"
    options = ", ".join(f"{name} {value}" for name, value in first.learner.options.items())
    features = "embeddings of the current model" if first.data.features == EMBEDDINGS else data.data.features_from
    lines = [
        f"runs     {len(configs)}, {jobs} at a time: {', '.join(names)} with seed 0{f' to {seeds - 1}' * (seeds > 1)}",
        f"data     {first.data.source}, a pool of {len(data.data):,} rows, {len(data.data.classes)} classes; measured on"
        f" {test}",
        f"features {features}; the learner sees {'those too' if first.data.learn_on == 'features' else 'the inputs'}",
        f"labels   {_start(first)}, then {first.query} a round up to {first.budget};"
        f" answers with {in_words(first.oracle)}",
        f"learner  {first.learner.name}{f' ({options})' if options else ''}, {first.threads} thread a run",
    ]
    many = [name for name in names if name in ("el2n", "grand")]
    if many:
        models = first.evidence.get("early", {}).get("models", 10)
        lines.append(f"{', '.join(many):8} {models} more models a round, trained together and stopped early")
    once = _trained_once(setups)
    if once:
        lines.append(
            f"once     a seed, over the whole pool, which may take minutes: {', '.join(once)}; kept in the cache"
        )
    return "\n".join([*lines, f"goes to  {out}", ""])


def _trained_once(setups: Sequence[Setup]) -> list[str]:
    """What strategies need that trains on the whole pool before the first pick: "reference by clusters"."""
    plans = [plan for setup in setups for plan in (setup.start, setup.acquire) if plan is not None]
    return list(
        dict.fromkeys(f"{step.name} by {step.provider}" for plan in plans for step in plan.steps if step.is_trained)
    )


def _start(config: Config) -> str:
    from activeloop.rounds import is_special

    start = config.start.strategy
    return f"{start} to start" if is_special(start) else f"{config.start.size} by {start} to start"


# runs and their progress


def _with_progress(configs: Sequence[Config], out: Path, jobs: int) -> list[Outcome]:
    """Outcomes in the order of finishing. A run is the same in a process of its own as in this one."""
    bar = _Bar(configs)
    outcomes = []
    try:
        runs = _here(configs, out, bar.move) if jobs == 1 else _apart(configs, out, jobs)
        for outcome in runs:
            outcomes.append(outcome)
            bar.finish(outcome)
    finally:
        bar.close()
    return outcomes


def _here(configs: Sequence[Config], out: Path, moved: Callable[[str, State], None]) -> Iterator[Outcome]:
    return (one_run(config, out, sys.path, moved) for config in configs)


def _apart(configs: Sequence[Config], out: Path, jobs: int) -> Iterator[Outcome]:
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    from activeloop.errors import StoreError

    work = (delayed(one_run)(config, out.resolve(), sys.path) for config in configs)
    with _interrupts_held():
        results = Parallel(n_jobs=min(jobs, len(configs)), return_as="generator_unordered")(work)
    try:
        yield from results
    except TerminatedWorkerError as error:
        raise StoreError(
            f"a worker process was killed, most often because memory ran out at --jobs {jobs}: lower it. Nothing that was"
            " taken is lost, and the same command goes on."
        ) from error


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C goes to every process of a terminal. Workers that begin in here never hear it: this process stops them."""
    import signal

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def one_run(
    config: Config, out: Path, path: Sequence[str], moved: Callable[[str, State], None] | None = None
) -> Outcome:
    """One run to its end. An error is an outcome too, so that the other runs go on."""
    import traceback
    import warnings

    from activeloop.cli.simulation import loaded, simulate
    from activeloop.errors import ActiveloopError

    sys.path[:] = path  # a worker must find the user's own modules too
    name, told, trace = run_name(config), 0, ""
    metrics: Mapping[str, float] = {}
    error: str | None = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            for state in simulate(config, loaded(config), out / "runs" / name, out):
                told, metrics = state.told, state.measures[-1].metrics if state.measures else {}
                if moved is not None:
                    moved(name, state)
        except ActiveloopError as refused:
            error = str(refused)
        except Exception as defect:  # a user's strategy, net or classifier may raise anything
            error, trace = f"{type(defect).__name__}: {defect}", traceback.format_exc()
    ours = (str(warning.message) for warning in caught if issubclass(warning.category, UserWarning))
    return Outcome(name, told, dict(metrics), error, trace, tuple(dict.fromkeys(ours)))


class _Bar:
    """Labels told by all runs, as a bar on a terminal, and elsewhere as one line per finished run."""

    def __init__(self, configs: Sequence[Config]) -> None:
        from tqdm import tqdm

        self._each, self._runs, self._done = configs[0].budget, len(configs), 0
        self._is_shown = sys.stderr.isatty()
        total = self._each * self._runs
        self._bar = tqdm(total=total, unit="label", file=sys.stderr, dynamic_ncols=True, disable=not self._is_shown)

    def move(self, name: str, state: State) -> None:
        self._to(self._done * self._each + state.told, name, state.measures[-1].metrics if state.measures else {})

    def finish(self, outcome: Outcome) -> None:
        self._done += 1  # a run that reached its target ends before its budget
        self._to(self._done * self._each, outcome.name, outcome.metrics)
        if not self._is_shown:
            reached = "failed" if outcome.error else f"{outcome.told} labels{_accuracy(outcome.metrics)}"
            print(f"[{self._done}/{self._runs}] {outcome.name}: {reached}", file=sys.stderr)

    def _to(self, labels: int, name: str, metrics: Mapping[str, float]) -> None:
        self._bar.set_postfix_str(f"{name}{_accuracy(metrics)}", refresh=False)
        self._bar.update(labels - self._bar.n)

    def close(self) -> None:
        self._bar.close()


def _accuracy(metrics: Mapping[str, float]) -> str:
    return f", accuracy {metrics['accuracy']:.1%}" if "accuracy" in metrics else ""


def _tell_of(failed: Sequence[Outcome]) -> None:
    """What failed, each reason once, with the runs that it stopped."""
    by_reason: dict[str, list[Outcome]] = {}
    for outcome in failed:
        by_reason.setdefault(str(outcome.error), []).append(outcome)
    for reason, outcomes in by_reason.items():
        names = ", ".join(outcome.name for outcome in outcomes)
        print(f"{outcomes[0].trace}activeloop: {len(outcomes)} failed ({names}): {reason}", file=sys.stderr)
    if failed:
        print("The other runs are whole; once this is mended, the same command does these too.", file=sys.stderr)
