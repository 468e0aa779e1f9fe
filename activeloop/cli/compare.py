"""Simulate several strategies and seeds on one data set, and draw their acquisition curves.

Seeds are paired: at equal seeds all strategies share the split, the initial set, the initial weights and the oracle's
errors. DIR gets curves.csv, summary.json, curves.png, runs/ (a journal each) and tb/. The same command goes on where an
interrupted one stood, and passes over what is finished; one with other strategies or more seeds adds them.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activeloop.cli.many import engine_arguments
from activeloop.cli.options import configuration, data_arguments, run_arguments

if TYPE_CHECKING:
    from activeloop.cli.many import Prepared
    from activeloop.config import Config
    from activeloop.types import Loaded

DEFAULT = "random,margin,entropy,bald"
OWN = ("seed", "acquire", "start", "evidence")  # settings in which runs of one comparison may differ


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--strategies", default=DEFAULT, metavar="A,B,…", help=f"by name ({DEFAULT})")
    parser.add_argument("--seeds", type=int, default=5, metavar="K", help="seeds 0…K-1 (5)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where everything goes")
    parser.add_argument(
        "--goal", type=float, default=0.9, metavar="A", help="accuracy that the table counts labels to (0.9)"
    )
    engine_arguments(parser)
    data_arguments(parser)
    run_arguments(parser)


def main(
    strategies: str,
    seeds: int,
    jobs: int,
    engine: str | None,
    address: str | None,
    out: Path,
    goal: float,
    **given: Any,
) -> int:
    from activeloop.cli.main import DONE, REFUSED
    from activeloop.cli.many import prepared, run_all, tell_of_failures, with_engine
    from activeloop.cli.report import show
    from activeloop.report.conditions import conditions
    from activeloop.report.write import ONE_CHART

    configs = _grid(configuration(given), strategies.split(","), seeds, jobs)
    configs, engine = with_engine(configs, engine, jobs, address)
    runs = {run_name(config): config for config in configs}
    found = list(prepared(runs).values())
    _check_folder(out, configs, found[0].data)
    print(_what_is_done(configs, seeds, jobs, found, out), file=sys.stderr)
    outcomes = run_all(runs, out, engine, jobs, address, logs=True)
    if any(outcome.error is None for outcome in outcomes):
        show(conditions([out], ONE_CHART), out, [goal])
    if tell_of_failures(outcomes, list(runs)):
        print("The other runs are whole; once this is mended, the same command does these too.", file=sys.stderr)
        return REFUSED
    return DONE


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


def _what_is_done(configs: Sequence[Config], seeds: int, jobs: int, found: Sequence[Prepared], out: Path) -> str:
    from activeloop.cli.oracle import in_words
    from activeloop.config import EMBEDDINGS

    first, data = configs[0], found[0].data
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
    once = trained_once(found)
    if once:
        lines.append(
            f"once     a seed, over the whole pool, which may take minutes: {', '.join(once)}; kept in the cache"
        )
    return "\n".join([*lines, f"goes to  {out}", ""])


def trained_once(found: Sequence[Prepared]) -> list[str]:
    """What strategies need that trains on the whole pool before the first pick: "reference by clusters"."""
    plans = [plan for each in found for plan in (each.setup.start, each.setup.acquire) if plan is not None]
    return list(
        dict.fromkeys(f"{step.name} by {step.provider}" for plan in plans for step in plan.steps if step.is_trained)
    )


def _start(config: Config) -> str:
    from activeloop.rounds import is_special

    start = config.start.strategy
    return f"{start} to start" if is_special(start) else f"{config.start.size} by {start} to start"
