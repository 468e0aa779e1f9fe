"""Features of a pool in parts, a file for every range of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from activeloop.data.layouts import standard
from activeloop.data.scale import mean_and_std
from activeloop.data.scratch import CHUNK_BYTES, cache_folder
from activeloop.errors import ConfigError
from activeloop.features.attach import encoder_of
from activeloop.features.plan import Encoder
from activeloop.features.store import arithmetic, embedded
from activeloop.selectors.k_center_sharded import split
from activeloop.shards.engines import Engine, serial
from activeloop.shards.store import Manifest, check_folder, file_of, finish, key_for, manifest_of, write_shard
from activeloop.shards.tables import FoundColour, Table, coloured
from activeloop.types import Data

ROWS = 65_536  # of a shard: 128 MB of 512 features, and 15,259 files for a billion rows
FIT_ROWS = 100_000  # that an encoder is fitted on, at most: all of them have to fit in memory
BLOCK = 256  # rows in a row of those: single rows would have all of a Parquet file read
READ_BYTES = 8 * CHUNK_BYTES  # of inputs held at a time


def embed(
    table: Table,
    source: str,
    out: Path,
    options: Mapping[str, object] | None = None,
    *,
    rows: int = ROWS,
    fit_rows: int = FIT_ROWS,
    engine: Engine = serial,
    cache: Path | None = None,
    show_progress: bool | None = None,
) -> Manifest:
    """Writes the features [n, D] of every range of rows to a file of its own in `out`; what is there already is kept.

    The encoder, and what inputs are normalised by, come from the whole pool where it has no more than `fit_rows` rows:
    then the numbers are those of `features.with_features`, to the bit. Of a larger one they come from as many rows, in
    evenly spaced blocks. The encoder is fitted here; the rest is the engine's.

    source, options: as `activeloop list features` has them.    rows: of a shard, rounded up to whole batches of the
    encoder, since a batch's sums depend on its size.    cache: of encoders.
    raises: UnknownName, ConfigError, BadScores; and whatever the engine raises.
    """
    if min(rows, fit_rows) < 1:
        raise ConfigError(f"a shard has {rows} rows and the encoder is fitted on {fit_rows}; both must be 1 or more.")
    table, data = _fitted_on(table, fit_rows)
    encoder, plan, name = encoder_of(data, source, options or {}, cache=cache, show_progress=show_progress)
    ranges = list(split(len(table), -(-rows // plan.batch) * plan.batch))
    key = key_for({"encoder": name, "table": table.identity(), "rows": ranges[0].stop, "threads": plan.threads})
    if not check_folder(out, key):
        each = max(1, READ_BYTES // max(1, data.inputs[:1].nbytes) // plan.batch) * plan.batch
        work = partial(_embed, _Work(table, encoder, plan.batch, plan.threads, each, out.resolve(), key))
        todo = [(at, part) for at, part in enumerate(ranges) if not (out / file_of(key, at)).exists()]
        for _ in engine(work, todo, threads=plan.threads, shared=out):
            pass
        finish(out, key, encoder.says, ranges)
    return manifest_of(out)


@dataclass(frozen=True, eq=False)
class _Work:
    """What a worker needs.    each: rows read at a time, whole batches."""

    table: Table
    encoder: Encoder
    batch: int
    threads: int
    each: int
    out: Path
    key: str


def _embed(work: _Work, item: tuple[int, slice]) -> int:
    """Embeds and writes one shard; gives its number."""
    number, rows = item
    found = []
    with arithmetic(work.threads), torch.no_grad():
        for start in range(rows.start, rows.stop, work.each):
            inputs = _inputs(work.table, slice(start, min(start + work.each, rows.stop)))
            found += [
                embedded(work.encoder, inputs[at : at + work.batch], start + at)
                for at in range(0, len(inputs), work.batch)
            ]
    write_shard(work.out / file_of(work.key, number), np.concatenate(found))
    return number


def _inputs(table: Table, rows: slice) -> torch.Tensor:
    named = f"{table.where}, rows {rows.start} to {rows.stop - 1},"
    return torch.from_numpy(standard(table.read(rows), named, cache_folder()))


def _fitted_on(table: Table, most: int) -> tuple[Table, Data]:
    """The table, as colour where its images need it, and the rows that the encoder is fitted on."""
    ranges = _spread(len(table), most)
    try:
        inputs = torch.cat([_inputs(table, rows) for rows in ranges])
    except FoundColour:
        table = coloured(table)
        inputs = torch.cat([_inputs(table, rows) for rows in ranges])
    mean, std = map(torch.from_numpy, mean_and_std(inputs.numpy()))
    return table, Data(inputs, (), mean, std)


def _spread(rows: int, most: int) -> Sequence[slice]:
    """All rows, or evenly spaced blocks of them."""
    if rows <= most:
        return [slice(0, rows)]
    block = min(BLOCK, most)
    starts = np.linspace(0, rows - block, most // block).astype(np.int64).tolist()
    return [slice(start, start + block) for start in starts]
