"""Simulate several strategies and seeds on one data set, and draw their acquisition curves.

Seeds are paired: at equal seeds all strategies share the split, the initial set, the initial weights and the oracle's
errors. DIR gets curves.csv, summary.json, curves.png, runs/ (a journal each) and tb/. The same command goes on where an
interrupted one stood, and passes over what is finished.
"""

from __future__ import annotations

import sys
import warnings
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from activeloop.cli.options import configuration, data_arguments, run_arguments
from activeloop.config import Config
from activeloop.errors import ActiveloopError, ConfigError

DEFAULT = "random,margin,entropy,bald"


@dataclass(frozen=True)
class Outcome:
    """What a worker brings home of one run."""

    name: str
    metrics: dict[str, float]
    error: str | None
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

    configs = _grid(configuration(given), strategies.split(","), seeds, jobs)
    _check(configs)
    print(_what_is_done(configs, seeds, out), file=sys.stderr)
    outcomes = list(_progress(_outcomes(configs, out, jobs), len(configs)))
    for text, count in Counter(text for outcome in outcomes for text in outcome.warnings).items():
        print(f"note, in {count} of {len(configs)} runs: {text}", file=sys.stderr)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    for outcome in failed:
        print(f"activeloop: {outcome.name} failed: {outcome.error}", file=sys.stderr)
    if len(failed) < len(configs):
        _report(out, goal)
    return REFUSED if failed else DONE


def _grid(config: Config, strategies: Sequence[str], seeds: int, jobs: int) -> list[Config]:
    if seeds < 1 or jobs < 1:
        raise ConfigError(f"--seeds is {seeds} and --jobs {jobs}; both must be 1 or more.")
    names = [name.strip() for name in strategies if name.strip()]
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"--strategies {','.join(strategies)!r} must name each strategy once, such as random,margin.")
    acquiring = [replace(config, acquire=replace(config.acquire, strategy=name)) for name in names]
    return [replace(one, seed=seed) for seed in range(seeds) for one in acquiring]


def _check(configs: Sequence[Config]) -> None:
    """Fail before the first training, not in the middle of the night."""
    from activeloop.cli.simulation import loaded, oracle_for
    from activeloop.rounds import prepare

    data = loaded(configs[0])
    if data.truth is None:
        raise ConfigError(
            f"{configs[0].data.source} has no labels to simulate an oracle from: compare needs them. `activeloop run` asks"
            " people instead."
        )
    oracle_for(configs[0], data.truth, len(data.data.classes))
    for config in configs:
        if config.seed == 0:
            prepare(config, data.data, data.test)
    if data.test is None and not configs[0].validation:
        raise ConfigError("there is nothing to measure on: bring a test set, set --test-fraction or --validation.")


def _what_is_done(configs: Sequence[Config], seeds: int, out: Path) -> str:
    first = configs[0]
    names = [config.acquire.strategy for config in configs if config.seed == 0]
    lines = [
        f"{len(names)} strategies x {seeds} seeds on {first.data.source}: start {first.start.strategy} with"
        f" {first.start.size}, then {first.query} a round up to {first.budget} labels;"
        f" {first.oracle.noise or 'no'} noise; learner {first.learner.name} {first.learner.options or ''}".rstrip()
    ]
    if "el2n" in names:
        early = first.evidence.get("early", {})
        lines.append(f"el2n: {early.get('models', 10)} models trained together each round, scored at an early epoch")
    return "\n".join([*lines, f"journals: {out}/runs"])


def run_name(config: Config) -> str:
    from activeloop.cli.simulation import safe

    return f"{safe(config.acquire.strategy)}-s{config.seed}"


def _outcomes(configs: Sequence[Config], out: Path, jobs: int) -> Iterator[Outcome]:
    """As they finish. A run is the same in a process of its own as in this one."""
    if jobs == 1:
        yield from (one_run(config, out, sys.path) for config in configs)
        return
    from joblib import Parallel, delayed

    work = (delayed(one_run)(config, out, sys.path) for config in configs)
    yield from Parallel(n_jobs=min(jobs, len(configs)), return_as="generator_unordered")(work)


def one_run(config: Config, out: Path, path: Sequence[str]) -> Outcome:
    """One run to its end; an error of ours is an outcome, so that the other runs go on."""
    from activeloop.cli.simulation import loaded, simulate

    sys.path[:] = path  # a worker must find the user's own modules too
    name, metrics, error = run_name(config), {}, None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            for state in simulate(config, loaded(config), out / "runs" / name, out):
                metrics = dict(state.measures[-1].metrics) if state.measures else {}
        except ActiveloopError as refused:
            error = str(refused)
    ours = (str(warning.message) for warning in caught if issubclass(warning.category, UserWarning))
    return Outcome(name, metrics, error, tuple(dict.fromkeys(ours)))


def _progress(outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    from tqdm import tqdm

    with tqdm(total=total, unit="run", file=sys.stderr, dynamic_ncols=True) as bar:
        for outcome in outcomes:
            reached = outcome.metrics.get("accuracy")
            bar.set_postfix_str(f"{outcome.name} {'failed' if reached is None else f'{reached:.1%}'}")
            bar.update()
            yield outcome


def _report(out: Path, goal: float) -> None:
    from activeloop.report.table import table
    from activeloop.report.write import write_report

    print(table(write_report(out, target=goal)))
    print(f"\nwrote {out}/curves.csv, {out}/summary.json, {out}/curves.png, {out}/runs/ and {out}/tb/")
    print(f"tensorboard --logdir {out}/tb")
