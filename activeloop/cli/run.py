"""One strategy and seed. Where truth is known it is simulated to its end; else the first questions for people are shown.

DIR gets the journal, and tb/ for TensorBoard. The same command goes on with a run that was interrupted.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activeloop.cli.options import configuration, data_arguments, run_arguments

if TYPE_CHECKING:
    from activeloop.config import Config
    from activeloop.types import Loaded

TENTH = 10  # of the budget measures, where people answer and no test set was brought


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--strategy", metavar="NAME", help="what picks rows after the start (entropy)")
    parser.add_argument("--seed", type=int, metavar="K", help="0 or more (0)")
    parser.add_argument("--people", action="store_true", help="people answer, also where the truth is known")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    data_arguments(parser)
    run_arguments(parser)


def main(out: Path, people: bool, **given: Any) -> int:
    from activeloop.cli.oracle import needs_no_truth
    from activeloop.cli.simulation import loaded
    from activeloop.errors import StoreError

    config = configuration(given)
    if (out / "runs").is_dir():
        raise StoreError(f"{out} is the folder of a comparison; choose another --out for a single run.")
    data = loaded(config)
    if people or config.oracle.name == "people" or (data.truth is None and not needs_no_truth(config.oracle)):
        return _for_people(config, data, out)
    return _simulated(config, data, out)


def _for_people(config: Config, data: Loaded, out: Path) -> int:
    from activeloop.cli.ask import pick_and_show
    from activeloop.cli.folder import keep_items
    from activeloop.run import Run

    config = replace(config, oracle=replace(config.oracle, name="people", noise="", stages=()))
    if data.test is None and not config.validation:
        config = replace(config, validation=min(config.budget // TENTH, config.budget - config.start.size))
        if config.validation:
            what = f"no test set: {config.validation} of the {config.budget} labels are for measuring (--validation)"
        else:
            what = "no test set, and no labels left for measuring: set --validation, or raise --budget, to see accuracy"
        print(what, file=sys.stderr)
    with Run(out, config, data.data, data.test, data.known) as run:
        keep_items(out, data.data)
        return pick_and_show(run, data)


def _simulated(config: Config, data: Loaded, out: Path) -> int:
    from tqdm import tqdm

    from activeloop.cli.main import DONE
    from activeloop.cli.report import show
    from activeloop.cli.simulation import simulate
    from activeloop.report.conditions import conditions

    with tqdm(total=config.budget, unit="label", file=sys.stderr, dynamic_ncols=True, disable=None) as bar:
        for state in simulate(config, data, out, out):
            if state.measures:
                reached = {name: f"{value:.4f}" for name, value in state.measures[-1].metrics.items()}
                bar.set_postfix(reached, refresh=False)
            bar.update(state.told - bar.n)
    show(conditions([out]), out)
    return DONE
