"""A column of a Parquet file as an array, a range of rows at a time."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activeloop.errors import ConfigError


def row_groups(file: str) -> tuple[int, ...]:
    """The number of the first row of each group of rows, and of all rows. raises: ConfigError."""
    described = _opened(file).metadata
    return (0, *accumulate(described.row_group(at).num_rows for at in range(described.num_row_groups)))


def column_of(file: str, name: str) -> tuple[str, bool]:
    """The column called `name`, or the only one that holds arrays or images; and whether it holds encoded images.

    raises: ConfigError.
    """
    schema = _opened(file).schema_arrow
    able = {field.name: kind for field in schema if (kind := _kind(field.type)) is not None}
    found = name if name in able else None
    arrays = [column for column, kind in able.items() if kind != "number"]
    if found is None and len(arrays) == 1:
        found = arrays[0]
    if found is None:
        raise ConfigError(
            f"{file} has no column {name!r}, and {len(arrays)} columns of arrays or images; its columns are"
            f" {', '.join(f'{field.name} ({field.type})' for field in schema)}. Give the one that is meant that name: lists of"
            " numbers of equal length, or images as bytes."
        )
    return found, able[found] == "image"


def read_column(file: str, column: str, at: slice) -> Any:
    """Rows of a column: an array [n, ...], or a list of the bytes of images. raises: ConfigError for missing values."""
    starts = row_groups(file)
    groups = [group for group in range(len(starts) - 1) if starts[group] < at.stop and starts[group + 1] > at.start]
    table = _opened(file).read_row_groups(groups, columns=[column], use_threads=False)
    first = at.start - starts[groups[0]]
    values = table.column(column).slice(first, at.stop - at.start).combine_chunks()
    if values.null_count:
        raise ConfigError(
            f"{values.null_count:,} of {len(values):,} values of {column!r} in {file} are missing; fill them in."
        )
    return _bytes(values) if _kind(values.type) == "image" else _array(values, f"column {column!r} of {file}")


@lru_cache(maxsize=16)  # opening reads the file's footer, which may hold megabytes
def _opened(file: str) -> Any:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ConfigError(f"Parquet needs pyarrow ({error}): pip install 'activeloop[ray]'.") from error
    import pyarrow

    try:
        return parquet.ParquetFile(file, memory_map=True)
    except (OSError, pyarrow.ArrowException) as error:
        raise ConfigError(f"{file} cannot be read as Parquet ({error}).") from error


def _kind(kind: Any) -> str | None:
    """What a column of this type can be read as: "image", "array", "number", or nothing."""
    from pyarrow import types

    if types.is_binary(kind) or types.is_large_binary(kind):
        return "image"
    if types.is_struct(kind):  # as the library datasets writes images: {bytes, path}
        return "image" if kind.get_field_index("bytes") >= 0 and _kind(kind.field("bytes").type) == "image" else None
    if hasattr(kind, "shape") and hasattr(kind, "storage_type"):
        return "array"
    depth = 0
    while types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        kind, depth = kind.value_type, depth + 1
    if types.is_floating(kind) or types.is_integer(kind):
        return "array" if depth else "number"
    return None


def _bytes(values: Any) -> list[bytes]:
    from pyarrow import types

    found: list[bytes] = (values.field("bytes") if types.is_struct(values.type) else values).to_pylist()
    return found


def _array(values: Any, where: str) -> NDArray[Any]:
    """[n, ...] of numbers, of lists of equal length, or of tensors. raises: ConfigError."""
    from pyarrow import types

    if hasattr(values, "to_numpy_ndarray"):
        return np.asarray(values.to_numpy_ndarray())
    shape = [len(values)]
    while types.is_list(values.type) or types.is_large_list(values.type) or types.is_fixed_size_list(values.type):
        inner = values.flatten()  # of the slice alone, where `values` would be of the whole group
        width, left = divmod(len(inner), max(1, len(values)))
        if left or inner.null_count or not _is_even(values, width):
            raise ConfigError(
                f"lists in {where} have different lengths, or values are missing in them; make them equal."
            )
        shape.append(width)
        values = inner
    return np.asarray(values.to_numpy(zero_copy_only=False)).reshape(shape)


def _is_even(values: Any, width: int) -> bool:
    import pyarrow.compute as compute

    return compute.all(compute.equal(compute.list_value_length(values), width)).as_py() is not False  # None: no row
