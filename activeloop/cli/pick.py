"""Pick rows by predictions of your own model: evidence comes as arrays, and nothing is trained.

STRATEGY is an acquisition function or a selector. Each --evidence NAME=FILE.npy brings what it looks at, rows of the pool
first: probs [N, C], samples [N, K, C], embeddings [N, D], history [N, E, C] …; memory-mapped, and scored a chunk of rows at
a time. Rows of --labels count as labelled, or as skipped where it says skip. The file gets the column `row`, in the order
picked.

Evidence of a pool larger than memory is Parquet (a file or a folder, with a column called NAME), or a folder that `embed` or
--scores wrote. It is scored a shard at a time, --engine ray has a Ray cluster do so, and the picks are the same: those of a
function that scores, or of k-center-sharded.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from activeloop.cli.engine import engine_arguments, engine_of


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("strategy", help="margin, bald, badge, … or package:name")
    parser.add_argument(
        "--evidence", action="append", default=[], metavar="NAME=FILE",
        help="such as probs=P.npy, probs=P.parquet or features=DIR; once for each",
    )  # fmt: skip
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
    parser.add_argument("--scores", type=Path, metavar="DIR", help="keep the scores here, float64, a file a shard")
    engine_arguments(parser)


def main(
    strategy: str, evidence: list[str], n: int, out: Path, labels: Path | None, pick: str, beta: float, shift: float,
    seed: int, threads: int, sets: list[str], scores: Path | None, shard_rows: int | None, engine: str | None,
    address: str | None,
) -> int:  # fmt: skip
    from activeloop import predictions
    from activeloop.cli.answers import held_rows, write_table
    from activeloop.cli.main import DONE
    from activeloop.config import build, parse_set
    from activeloop.data.arrays import open_map
    from activeloop.shards import pick as shards
    from activeloop.shards.tables import open_table

    config = build({"seed": seed, "threads": threads, "acquire": {"pick": pick, "beta": beta, "shift": shift}})
    worker, places = engine_of(engine, address), dict(map(_place, evidence))
    in_parts = any(each is not None for each in (scores, shard_rows, engine)) or any(
        place.suffix != ".npy" for place in places.values()
    )
    found: dict[str, Any] = {name: (open_table(at, name) if in_parts else open_map(at)) for name, at in places.items()}
    count = max((len(each) for each in found.values() if getattr(each, "ndim", 1)), default=0)
    held = held_rows(labels, range(count)) if labels is not None else None
    options, how = dict(map(parse_set, sets)), config.acquire
    given: dict[str, Any] = {"labels": held, "options": options, "how": how, "seed": seed, "threads": config.threads}
    if in_parts:
        rows = shards.picks(strategy, found, n, **given, rows=shard_rows or shards.ROWS, engine=worker, scores=scores)
    else:
        rows = predictions.picks(strategy, found, n, **given)
    write_table(out, ("row",), ((row,) for row in rows.tolist()))
    print(f"{strategy}: {n:,} of {count:,} rows picked; wrote {out}")
    return DONE


def _place(entry: str) -> tuple[str, Path]:
    from activeloop.errors import ConfigError

    name, equals, path = entry.partition("=")
    if not equals or not name or not path:
        raise ConfigError(f"--evidence {entry!r} is not of the form NAME=FILE.npy, such as probs=P.npy.")
    return name, Path(path)
