"""Pick rows from your own features with no run at all.

STRATEGY is a selector that needs only features and labels (`activeloop list selectors`). F.npy is [N, D], memory-mapped.
L.csv has the columns `row` and `label`: those rows count as chosen. The file gets the column `row`, in the order picked,
and starts a run as --start rows:FILE.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.types import Data, Labels


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("strategy", help="k-center, k-means, random, or package:name")
    parser.add_argument("--features", type=Path, required=True, metavar="F.npy", help="[N, D] float")
    parser.add_argument("--labels", type=Path, metavar="L.csv", help="rows that are labelled already")
    parser.add_argument("-n", type=int, required=True, help="rows to pick")
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="where the rows go")
    parser.add_argument("--seed", type=int, default=0, help="0 or more (0)")
    parser.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="OPTION=VALUE", help="of the strategy"
    )


def main(strategy: str, features: Path, labels: Path | None, n: int, out: Path, seed: int, sets: list[str]) -> int:
    import numpy as np

    from activeloop.cli.answers import write_table
    from activeloop.cli.main import DONE
    from activeloop.config import AcquireConfig, load
    from activeloop.errors import ConfigError
    from activeloop.evidence import resolve
    from activeloop.rng import rng
    from activeloop.rounds import at_hand, choose, look
    from activeloop.types import OPEN

    config = load(None, [f"seed={seed}", *(f"start.options.{entry}" for entry in sets)])
    plan = resolve(strategy, options=config.start.options, bind={}, evidence={}, offers={})
    data = _data(features)
    held = _held(labels, len(data))
    free = np.flatnonzero(held == OPEN)
    if not 1 <= n <= len(free):
        raise ConfigError(
            f"-n is {n}; {len(free):,} of the {len(data):,} rows of {features} are open, so ask for 1 to {len(free):,}."
        )
    rows = np.arange(len(data)) if plan.sees_labelled else free
    hand = at_hand({"data": data, "training": held}, rows, held, n, rng(config.seed, 0, "select"))
    picked = choose(plan, AcquireConfig(), look(plan, hand), hand)
    write_table(out, ("row",), ([row] for row in picked.tolist()))
    print(f"wrote {out}: {n:,} of {len(data):,} rows by {strategy} on {features} {list(data.inputs.shape)}")
    return DONE


def _data(features: Path) -> Data:
    import torch

    from activeloop.data.arrays import read_features
    from activeloop.data.scratch import cache_folder
    from activeloop.types import Data

    found = torch.from_numpy(read_features(features, cache_folder()))
    return Data(found, (), torch.zeros(1), torch.ones(1))


def _held(path: Path | None, count: int) -> Labels:
    """[N], 0 where the file says that a row is labelled, SKIP where it says so; which class it has does not matter."""
    import numpy as np

    from activeloop.cli.answers import SKIPS
    from activeloop.data.tables import WHOLE, read_lines
    from activeloop.errors import ConfigError
    from activeloop.types import OPEN, SKIP

    held = np.full(count, OPEN, dtype=np.int64)
    for line in read_lines(path) if path is not None else ():
        if not WHOLE.fullmatch(line.row) or not 0 <= int(line.row) < count:
            raise ConfigError(f"{line.where}: row is {line.row!r}; rows of the features are 0…{count - 1}.")
        if line.label:
            held[int(line.row)] = SKIP if line.label.lower() in SKIPS else 0
    return held
