"""Simulate every combination of the settings in a file: strategies x seeds x noise x start x data x budgets.

In the file every list is an axis: strategy = ["random", "margin"], seed = [0, 1, 2]. DIR gets runs/ (a journal each) and
the report. The same command passes over what is finished and goes on with what is not; a grid that has grown adds to it.
A run that failed is left alone until --retry. The executor changes nothing: journals are the same from each but lockstep.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activeloop.cli.many import engine_arguments

if TYPE_CHECKING:
    from activeloop.cli.many import Prepared
    from activeloop.config import Config

FINISHED, BEGUN, FAILED, NEW = "finished", "begun", "failed", "new"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="TOML", help="settings; lists are alternatives")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where everything goes")
    engine_arguments(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="show the grid, what is done of it and an estimate; train nothing"
    )
    parser.add_argument("--retry", action="store_true", help="try again what failed before")
    parser.add_argument(
        "--goal", type=float, default=0.9, metavar="A", help="accuracy that labels are counted to (0.9)"
    )
    parser.add_argument("--set", dest="sets", action="append", default=[], metavar="KEY=VALUE",
        help="any setting over that of the file; a list is an axis here too")  # fmt: skip


def main(
    file: Path,
    out: Path,
    engine: str | None,
    address: str | None,
    jobs: int,
    dry_run: bool,
    retry: bool,
    goal: float,
    sets: Sequence[str],
) -> int:
    from activeloop.cli.main import DONE, REFUSED
    from activeloop.cli.many import prepared, run_all, tell_of_failures, with_engine
    from activeloop.cli.report import show
    from activeloop.report.conditions import conditions
    from activeloop.sweep.grid import axes, run_name

    table = _table(file, sets)
    configs, engine = with_engine(_configs(table), engine, jobs, address)
    runs = {run_name(config): config for config in configs}
    stands = {name: _standing(out / "runs" / name) for name in runs}
    found = prepared(runs)
    _check_data(runs, found, out)
    todo = {name: config for name, config in runs.items() if _is_due(stands[name], retry)}
    keys = [axis.key for axis in axes(table)]
    print(_head(runs, stands, todo, axes(table), engine, jobs, out), file=sys.stderr)
    if dry_run:
        print(_estimates(todo, found, keys, jobs))
        return DONE
    outcomes = run_all(todo, out, engine, jobs, address)
    if any(standing == FINISHED for standing in stands.values()) or any(outcome.error is None for outcome in outcomes):
        show(conditions([out]), out, [goal])
    has_failed = tell_of_failures(outcomes, list(todo))
    left_out = [name for name in runs if name not in todo and stands[name] == FAILED]
    if left_out:
        print(f"{len(left_out)} runs failed before and were left alone, such as {left_out[0]}: --retry tries them again.",
              file=sys.stderr)  # fmt: skip
    if has_failed:
        print(
            "The other runs are whole; once this is mended, the same command with --retry does these too.",
            file=sys.stderr,
        )
    return REFUSED if has_failed or left_out else DONE


def _table(file: Path, sets: Sequence[str]) -> dict[str, Any]:
    """The file's table with --set entries over it, paths relative to where the command is run as elsewhere."""
    import tomllib

    from activeloop.config import parse_set, put
    from activeloop.errors import ConfigError

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"no sweep at {file}; it is a TOML file of settings, in which lists are alternatives."
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}.") from None
    for entry in sets:
        put(table, *parse_set(entry))
    return table


def _configs(table: Mapping[str, Any]) -> list[Config]:
    from activeloop.cli.options import with_absolute_files
    from activeloop.sweep.grid import grid

    return [with_absolute_files(config) for config in grid(table)]


def _standing(folder: Path) -> str:
    from activeloop.fold import fold
    from activeloop.store.failure import reason
    from activeloop.store.journal import FILE, read

    if reason(folder) is not None:
        return FAILED
    state = fold(read(folder / FILE)) if (folder / FILE).exists() else None
    if state is None:
        return NEW
    return FINISHED if state.stopped is not None else BEGUN


def _is_due(standing: str, retry: bool) -> bool:
    return standing in (BEGUN, NEW) or (retry and standing == FAILED)


def _check_data(runs: Mapping[str, Config], found: Mapping[str, Prepared], out: Path) -> None:
    """raises: StoreError where a run that lies here was of other data than its name stands for today."""
    from activeloop.errors import StoreError
    from activeloop.fold import fold
    from activeloop.store.journal import FILE, read

    if (out / FILE).exists():
        raise StoreError(f"{out} is the folder of a single run; choose another --out for a sweep.")
    for name, each in found.items():
        journal = out / "runs" / name / FILE
        state = fold(read(journal)) if journal.exists() else None
        if state is not None and state.data != each.data.data.digest():
            raise StoreError(
                f"{name} in {out} was run on other data ({len(state.labels):,} rows there, {len(each.data.data):,} here):"
                " bring those back, or choose another --out. Nothing was trained or changed."
            )


def _head(
    runs: Mapping[str, Config], stands: Mapping[str, str], todo: Mapping[str, Config], axes: Sequence[Any], engine: str,
    jobs: int, out: Path,
) -> str:  # fmt: skip
    """What the sweep is and where it stands."""
    counts = [
        f"{list(stands.values()).count(kind)} {kind}" for kind in (FINISHED, BEGUN, FAILED) if kind in stands.values()
    ]
    done = f", {', '.join(counts)}" if counts else ""
    lines = [f"runs     {len(runs)}{done}; {len(todo)} to do, {jobs} at a time, {engine}"]
    lines += [f"axis     {axis.key}: {', '.join(_short(value) for value in axis.values)}" for axis in axes]
    others = sorted({path.parent.name for path in out.glob("runs/*/journal.jsonl")} - runs.keys())
    if others:
        lines.append(
            f"note     {len(others)} more runs lie here, of another grid, such as {others[0]}; the report shows them too"
        )
    return "\n".join([*lines, f"goes to  {out}", ""])


def _short(value: object) -> str:
    return value or '""' if isinstance(value, str) else str(value)


def _in_words(config: Config, keys: Sequence[str]) -> str:
    """What it has on the axes but the seed: "acquire.strategy margin, oracle.noise pair:0.2"."""
    from activeloop.config import as_json

    said = []
    for key in keys:
        value: Any = as_json(config)
        for part in key.split("."):
            value = value.get(part, "") if isinstance(value, dict) else ""
        if key != "seed":
            said.append(f"{key} {_short(value)}")
    return ", ".join(said)


def _estimates(todo: Mapping[str, Config], found: Mapping[str, Prepared], keys: Sequence[str], jobs: int) -> str:
    """The runs to do by kind, with what each takes by one timed step and look, and all of them."""
    from collections import Counter

    from activeloop.estimate import Cost, measured, seconds
    from activeloop.rounds import threads
    from activeloop.sweep.grid import kind_of
    from activeloop.sweep.remaining import in_words

    kinds = Counter(kind_of(config) for config in todo.values())
    costs: dict[str, Cost | None] = {}
    lines, total, unknown = [], 0.0, 0
    for each in found.values():
        config = each.setup.config
        count, what = kinds[kind_of(config)], repr((config.learner, config.data))
        if not count:
            continue
        if what not in costs:
            with threads(config.threads):
                costs[what] = measured(each.setup)
        cost = costs[what]
        took = None if cost is None else seconds(each.setup, cost)
        total, unknown = total + count * (took or 0.0), unknown + (took is None) * count
        about = "no estimate" if took is None else f"about {in_words(took)} each"
        lines.append(f"  {count:>4} x  {about:<16}{_in_words(config, keys)}")
    timed = f", about {in_words(total / jobs)} at {jobs} a time" if unknown < sum(kinds.values()) else ""
    apart = f", no estimate for {unknown} of them" if unknown else ""
    return "\n".join(
        [*lines, f"{sum(kinds.values())} runs{timed}{apart}: trainings and looks by one timed step and one timed look, without"
         " picking and writing. Nothing was trained."]
    )  # fmt: skip
