"""Pick rows with no run at all, and report on them: label-free, from images or from features of your own.

STRATEGY is a selector that needs no model (`activeloop list selectors`). The pool is --data, seen through --features; or
--features F.npy alone, which is then [N, D], memory-mapped; --inputs X.npy adds what a proxy trains on. With --labels the
rows in it count as chosen. The file gets the column `row`, in the order picked, and starts a run as --start rows:FILE.
"""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activeloop.cli.options import configuration, data_arguments

if TYPE_CHECKING:
    from activeloop.config import Config
    from activeloop.types import Loaded

TABLES = {"bind.": "start.bind.", "evidence.": "start.evidence.", "data.": "data."}  # of --set; else an option


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("strategy", help="k-center, typiclust, elfs-quick, … or package:name")
    parser.add_argument("-n", type=int, required=True, help="rows to pick")
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="where the rows go")
    parser.add_argument(
        "--inputs", metavar="X.npy", help="inputs of the rows of --features F.npy; another word for --data"
    )
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="numbers, pictures and TensorBoard's projector go here"
    )
    parser.add_argument("--seed", type=int, default=0, help="0 or more (0)")
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="sums, and so trained parts, change with it (1)"
    )
    parser.add_argument("--device", choices=("cpu", "cuda", "auto"), help="where it is computed (cpu)")
    parser.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="OPTION=VALUE",
        help="of the strategy; or bind.cutoff=fixed, evidence.reference.heads=8 of what it needs; or"
        " data.features_options.steps=500 of its features",
    )  # fmt: skip
    data_arguments(parser)


def main(strategy: str, n: int, out: Path, report: Path | None = None, **given: Any) -> int:
    from activeloop.cli.answers import write_table
    from activeloop.cli.folder import items_in
    from activeloop.cli.main import DONE
    from activeloop.report.selection import summarise, text, write
    from activeloop.select import select

    loaded, config = _prepared(strategy, given)
    selection = select(loaded, config, n)
    items = items_in(loaded.data)
    if report is not None:
        write(selection, report)
    write_table(out, items.columns, (items.cells(row) for row in selection.rows.tolist()))
    print(text(summarise(selection)))
    print(f"wrote {out}{f' and {report}' if report is not None else ''}")
    return DONE


def _prepared(strategy: str, given: dict[str, Any]) -> tuple[Loaded, Config]:
    """The pool and the settings; names are resolved before anything is read or trained."""
    from activeloop.errors import ConfigError
    from activeloop.rounds import plan_of

    source, inputs = given.get("data"), given.get("inputs")
    if source is not None and inputs is not None:
        raise ConfigError(f"--inputs {inputs} and --data {source} both say what the inputs are; give one.")
    whole = {"data": source or inputs, "test_fraction": given.get("test_fraction") or 0.0, "labels": None}
    sets = [_setting(entry) for entry in given.get("sets", ())]
    config = configuration({**given, **whole, "start": strategy, "sets": sets})
    plan_of(config.start, config, {})
    return _loaded(config, given.get("labels"), has_data=whole["data"] is not None), config


def _setting(entry: str) -> str:
    """The whole name of what --set names: `start.options.k=3` for k=3."""
    begins = next((each for each in TABLES if entry.startswith(each)), "")
    return TABLES.get(begins, "start.options.") + entry.removeprefix(begins)


def _loaded(config: Config, labels: str | None, *, has_data: bool) -> Loaded:
    """The source; or the features themselves, where there is none beside them."""
    from activeloop.cli.answers import held_rows
    from activeloop.cli.folder import items_in
    from activeloop.cli.simulation import loaded
    from activeloop.config import is_file_of_features
    from activeloop.errors import ConfigError

    name = config.data.features
    if has_data:
        found = loaded(config)
    elif name is not None and is_file_of_features(name):
        found = _features_alone(Path(name), config)
    else:
        raise ConfigError(
            f"--features is {name!r}, and nothing says of which rows: name the pool (--data), or give the features"
            " themselves (--features F.npy)."
        )
    rows = items_in(found.data).by_number()
    return replace(found, known=held_rows(Path(labels) if labels is not None else None, rows))


def _features_alone(path: Path, config: Config) -> Loaded:
    import torch

    from activeloop.data.arrays import read_features
    from activeloop.data.scale import mean_and_std
    from activeloop.data.scratch import cache_folder
    from activeloop.data.tables import class_names
    from activeloop.types import Data, Loaded

    read = read_features(path, cache_folder())
    features = torch.from_numpy(read)
    classes = class_names(Path(config.data.classes)) if config.data.classes is not None else ()
    mean, std = map(torch.from_numpy, mean_and_std(read))
    says = f"{path.name}, {features.shape[1]} dimensions"
    return Loaded(Data(features, classes, mean, std, features=features, features_from=says))
