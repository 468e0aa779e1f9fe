"""The rows of a run as people see them: pixels, the image files that they came from, or lines of a CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activeloop.cli.folder import Items
from activeloop.errors import ConfigError
from activeloop.report.images import images_of
from oracles.items import Image, Item, Show, Table, Text

if TYPE_CHECKING:
    from activeloop.types import Data

LARGEST = 1024  # pixels of the longer side: beyond that screens show no more, and servers would be busy
FEW = 64  # values of a row that a table shows
LONGEST = 20_000  # characters of a text
ID = ("row", "file")  # columns of a CSV that name the row


def shower(data: Data, items: Items, source: Path, table: Path | None) -> Show:
    """Row -> what an annotator looks at.

    table: a CSV with `row` or `file`, and one more column for a text, or several for a small table.
    Else images of a folder are shown as they lie there, other images by their pixels, and vectors as numbers.
    raises: ConfigError for a table that lacks rows.
    """
    if table is not None:
        return _of_table(table, items)
    if data.names is not None and source.is_dir():
        return _of_files(data, source.resolve())
    return _of_inputs(data)


def caption(items: Items) -> Callable[[int], str]:
    """What people call a row: its file, or its number in the data."""
    return lambda row: items.files[row] if items.files is not None else f"row {items.numbers[row]}"


def _of_inputs(data: Data) -> Show:
    images = images_of(data.inputs)

    def numbers(row: int) -> Item:
        values = data.inputs[row].flatten()[:FEW].tolist()
        return Table(tuple((str(at), f"{value:.4g}") for at, value in enumerate(values)))

    def pixels(row: int) -> Item:
        assert images is not None
        planes = (images([row])[0].permute(1, 2, 0) * 255).round().to("cpu").numpy()
        return Image(planes.astype(np.uint8))

    return numbers if images is None else pixels


def _of_files(data: Data, root: Path) -> Show:
    """The file as it lies in the folder; the pixels that the model sees where it is gone, or lies elsewhere by a link."""
    assert data.names is not None
    names, otherwise = data.names, _of_inputs(data)

    def show(row: int) -> Item:
        from PIL import Image as Picture
        from PIL import ImageOps

        path = (root / names[row]).resolve()
        if not path.is_relative_to(root):
            return otherwise(row)
        try:
            with Picture.open(path) as file:
                file.draft("RGB", (LARGEST, LARGEST))
                upright = ImageOps.exif_transpose(file).convert("RGB")
                upright.thumbnail((LARGEST, LARGEST))
                return Image(np.asarray(upright), str(path))
        except (OSError, ValueError, Picture.DecompressionBombError):
            return otherwise(row)

    return show


def _of_table(path: Path, items: Items) -> Show:
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            table = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} cannot be read: {error}. It is a CSV in UTF-8.") from None
    columns = list(table[0]) if table else []
    key = next((name for name in ID if name in columns), None)
    content = [name for name in columns if name not in ID and name is not None]
    if key is None or not content:
        raise ConfigError(
            f"{path} has the columns {', '.join(map(str, columns)) or 'none'}; it needs `row` or `file`, and what to show."
        )
    names: Sequence[object] = (items.files or ()) if key == "file" else items.numbers
    found = {line[key]: line for line in table}
    missing = [name for name in names if str(name) not in found]
    if missing or not names:
        first = f"the first is {missing[0]}" if missing else "rows of this run are no files"
        raise ConfigError(f"{path} lacks {len(missing):,} of the {len(items.numbers):,} rows; {first}.")
    lines_of = [found[str(name)] for name in names]

    def show(row: int) -> Item:
        cells = tuple((name, (lines_of[row][name] or "")[:LONGEST]) for name in content)
        return Text(cells[0][1]) if len(cells) == 1 else Table(cells[:FEW])

    return show
