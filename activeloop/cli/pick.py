"""Pick rows by predictions of your own model: evidence comes as arrays, and nothing is trained.

STRATEGY is an acquisition function or a selector. Each --evidence NAME=FILE.npy brings what it looks at, rows of the pool
first: probs [N, C], samples [N, K, C], embeddings [N, D], history [N, E, C] …; memory-mapped, and scored a chunk of rows at
a time. Rows of --labels count as labelled, or as skipped where it says skip. The file gets the column `row`, in the order
picked.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.data.raw import Array


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("strategy", help="margin, bald, badge, … or package:name")
    parser.add_argument(
        "--evidence", action="append", default=[], metavar="NAME=FILE.npy", help="such as probs=P.npy; once for each"
    )
    parser.add_argument("-n", type=int, required=True, help="rows to pick")
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="where the rows go")
    parser.add_argument(
        "--labels", type=Path, metavar="CSV", help="columns row and label: rows that are labelled, or skip"
    )
    parser.add_argument("--pick", metavar="HOW", default="top", help="top, power, softmax or softrank (top)")
    parser.add_argument("--beta", type=float, default=1.0, help="of power, softmax and softrank (1)")
    parser.add_argument("--shift", type=float, default=0.0, help="of power: added to every score (0)")
    parser.add_argument("--seed", type=int, default=0, help="0 or more (0)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="sums may change with it (1)")
    parser.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="OPTION=VALUE", help="of the strategy"
    )


def main(
    strategy: str, evidence: list[str], n: int, out: Path, labels: Path | None, pick: str, beta: float, shift: float,
    seed: int, threads: int, sets: list[str],
) -> int:  # fmt: skip
    from activeloop.cli.answers import held_rows, write_table
    from activeloop.cli.main import DONE
    from activeloop.config import build, parse_set
    from activeloop.predictions import picks

    config = build({"seed": seed, "threads": threads, "acquire": {"pick": pick, "beta": beta, "shift": shift}})
    arrays = dict(_array(entry) for entry in evidence)
    count = max((len(array) for array in arrays.values() if array.ndim), default=0)
    held = held_rows(labels, {row: row for row in range(count)}) if labels is not None else None
    options = dict(map(parse_set, sets))
    rows = picks(
        strategy, arrays, n, labels=held, options=options, how=config.acquire, seed=config.seed, threads=config.threads
    )
    write_table(out, ("row",), ((row,) for row in rows.tolist()))
    print(f"{strategy}: {n:,} of {count:,} rows picked; wrote {out}")
    return DONE


def _array(entry: str) -> tuple[str, Array]:
    from activeloop.data.arrays import open_map
    from activeloop.errors import ConfigError

    name, equals, path = entry.partition("=")
    if not equals or not name or not path:
        raise ConfigError(f"--evidence {entry!r} is not of the form NAME=FILE.npy, such as probs=P.npy.")
    return name, open_map(Path(path))
