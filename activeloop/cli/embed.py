"""Compute the features of every row once, and write them as an .npy, or as a folder of shards.

SOURCE is a name that `activeloop list features` shows. --out F.npy is [N, D] float32: the rows of the pool in the source's
order, then those of its test set where it has one, as `--features F.npy` takes them. Encoders learn from the pool's inputs
alone. What was computed is kept in --cache too, and a command that was interrupted goes on where it stood.

--out DIR is for pools larger than memory: --data is then an .npy, Parquet (a file or a folder; a column of lists, or of
images) or a folder of images, and DIR gets a file for every --shard-rows rows, which `activeloop pick` takes as evidence.
--engine ray has them computed by a Ray cluster, to the same bytes.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activeloop.cli.engine import engine_arguments, engine_of
from activeloop.cli.options import data_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from activeloop.features.attach import Found
    from activeloop.shards.engines import Engine

UNUSED = {
    "test_fraction": "every row is embedded, whatever is held out later",
    "imbalance": "every row is embedded, whatever is dropped later",
    "labels": "features see no labels",
    "learn_on": "nothing learns from them here",
    "augment": "features are of the rows as they are",
}


def arguments(parser: ArgumentParser) -> None:
    data_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="F.npy|DIR", help="where the features go")
    parser.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="OPTION=VALUE",
        help="of the source, such as dimensions=32 or weights_path=resnet18.pth",
    )  # fmt: skip
    parser.add_argument(
        "--fit-rows", type=int, metavar="M", help="with shards: rows that an encoder learns from (100000)"
    )
    engine_arguments(parser)


def main(
    out: Path, sets: list[str], fit_rows: int | None, shard_rows: int | None, engine: str | None, address: str | None,
    **given: Any,
) -> int:  # fmt: skip
    from activeloop.cli.main import DONE
    from activeloop.config import load as load_config
    from activeloop.data.sources import load
    from activeloop.errors import ConfigError
    from activeloop.features.attach import features_of

    source = _source(given, out)
    options = load_config(None, [f"start.options.{entry}" for entry in sets]).start.options
    if out.suffix != ".npy":
        return _in_shards(out, source, options, fit_rows, shard_rows, engine_of(engine, address), given)
    for name, value in (("fit-rows", fit_rows), ("shard-rows", shard_rows), ("engine", engine), ("address", address)):
        if value is not None:
            raise ConfigError(f"--{name} is of shards, and --out {out} is one file: name a folder, or leave it out.")
    data_dir, classes, cache = (Path(at) if (at := given[name]) else None for name in ("data_dir", "classes", "cache"))
    loaded = load(
        given["data"] or "digits",
        data_dir=data_dir,
        download=bool(given["download"]),
        classes=classes,
        cache=cache,
        image_size=given["image_size"],
        skip_unreadable=bool(given["skip_unreadable"]),
        test_fraction=0,
    )
    pool, test = features_of(loaded, source, options, cache=cache, show_progress=None)
    both = [pool] if test is None else [pool, test]
    try:
        _write(out, both)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written ({error.strerror}); choose another --out.") from error
    rows, dimensions = sum(len(each.features) for each in both), pool.features.shape[1]
    then = "" if test is None else f": {len(pool.features):,} of the pool, then {len(test.features):,} of the test set"
    print(f"wrote {out}: [{rows}, {dimensions}] float32{then}")
    print(f"  {pool.says}; {_origin(both)}")
    return DONE


def _source(given: dict[str, Any], out: Path) -> str:
    """What --features names, if all that is given makes sense with it. raises: ConfigError."""
    from activeloop.errors import ConfigError

    for name, why in UNUSED.items():
        if given.get(name):
            raise ConfigError(f"--{name.replace('_', '-')} is of no use to embed: {why}; leave it out.")
    source: str | None = given["features"]
    if source is None:
        raise ConfigError(
            "--features is missing: which ones? `activeloop list features` shows all, such as pca or simclr."
        )
    if source.endswith(".npy"):
        raise ConfigError(
            f"--features {source} is a file of features already; name what to compute, such as pca or simclr."
        )
    if out.suffix not in ("", ".npy"):
        raise ConfigError(f"--out is {out}; features are written as .npy, so name it so, or name a folder for shards.")
    return source


def _in_shards(
    out: Path, source: str, options: Mapping[str, object], fit_rows: int | None, shard_rows: int | None, engine: Engine,
    given: dict[str, Any],
) -> int:  # fmt: skip
    from activeloop.cli.main import DONE
    from activeloop.errors import ConfigError
    from activeloop.shards.embed import FIT_ROWS, ROWS, embed
    from activeloop.shards.tables import open_table

    for name in ("data_dir", "download", "skip_unreadable"):
        if given.get(name):
            raise ConfigError(
                f"--{name.replace('_', '-')} is of no use with shards, whose pool is --data's files; leave it out."
            )
    if given["data"] is None:
        raise ConfigError("--data is missing: shards are of an .npy, of Parquet or of a folder of images.")
    table = open_table(Path(given["data"]).expanduser(), image_size=given["image_size"])
    cache = Path(given["cache"]) if given["cache"] else None
    found = embed(
        table, source, out, options, rows=shard_rows or ROWS, fit_rows=fit_rows or FIT_ROWS, engine=engine, cache=cache
    )
    print(f"wrote {out}: {len(table):,} rows in {len(found.files):,} shards")
    print(f"  {found.says}{'' if len(table) <= (fit_rows or FIT_ROWS) else f', from {fit_rows or FIT_ROWS:,} rows'}")
    return DONE


def _write(out: Path, parts: list[Found]) -> None:
    """All rows in one file, which appears whole or not at all."""
    import os

    import numpy as np

    from activeloop.data.scratch import chunks

    shape = (sum(len(part.features) for part in parts), parts[0].features.shape[1])
    partial = out.with_name(f".{out.name}.partial")
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with partial.open("wb") as file:  # plain writes: a full disk raises, where a memory map would end the process
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for part in parts:
                rows = part.features.numpy()
                for chunk in chunks(rows):
                    file.write(rows[chunk].astype("<f4").tobytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)


def _origin(parts: list[Found]) -> str:
    entries = [part for part in parts if part.entry is not None]
    if not entries:
        return "nothing to compute"
    if all(part.was_there for part in entries):
        return f"from the cache, {entries[0].entry}"
    return f"computed, and kept as {entries[0].entry}"
