"""A selection, or a run, in TensorBoard's projector: `tensorboard --logdir FOLDER` on the folder that these files lie in.

The plugin reads plain files, so nothing of TensorBoard is needed to write them, and none is appended to.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activeloop.errors import ConfigError
from activeloop.report.files import replace_bytes
from activeloop.report.images import Images
from activeloop.report.selection import Selection
from activeloop.report.selection_plots import components, shown
from activeloop.report.sheet import thumbnails
from activeloop.types import Rows

MOST_ROWS = 10_000
MOST_COLUMNS = 50  # numbers a row; the projector's own t-SNE and UMAP start from so many components
WIDEST = 4096  # pixels of the sprite: a texture that every WebGL can hold
LARGEST = 64  # pixels of a thumbnail
FRAMED, FRAME = 30, 3  # pixels of a thumbnail of small images with its frame, and of that
IMAGE_BLOCK = 256  # images at hand at a time
TENSORS, METADATA, SPRITE, CONFIG = "tensors.tsv", "metadata.tsv", "sprite.png", "projector_config.pbtxt"
FILES = (TENSORS, METADATA, SPRITE, CONFIG)

Colour = tuple[int, int, int]  # red, green, blue, 0 to 255


def write(selections: Sequence[Selection], folder: Path) -> list[Path]:
    """Write the files into `folder`, the configuration last, so that TensorBoard never meets one without the others."""
    return put(files(selections), folder)


def put(made: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write these files into `folder`, in their order; the paths."""
    for name, content in made.items():
        replace_bytes(folder / name, content)
    if SPRITE not in made:
        (folder / SPRITE).unlink(missing_ok=True)
    return [folder / name for name in made]


def files(selections: Sequence[Selection]) -> dict[str, bytes]:
    """File name -> content, for one selection or for several from the same rows, which then share points and images.

    At most 10,000 rows, all picks among them where those are fewer; features of more than 50 numbers as their main
    components. raises: ConfigError where the selections are from unequally many rows, or the first has no features.
    """
    first = selections[0]
    if len({len(selection) for selection in selections}) != 1 or first.features is None:
        raise ConfigError(
            f"the projector shows selections from the same rows, the first with features; these are from"
            f" {sorted({len(selection) for selection in selections})} rows, and the first has"
            f" {'none' if first.features is None else 'some'}."
        )
    rows = shown(selections, MOST_ROWS, MOST_ROWS)
    points = components(first.features, rows, MOST_COLUMNS, first.seed)
    is_reduced = first.features.shape[1] > points.shape[1]
    name = first.features_from + (f" ({points.shape[1]} main components)" if is_reduced else "")
    return encode(name, points, _metadata(selections, rows), first.images, rows)


def encode(
    name: str,
    points: NDArray[np.float32],
    metadata: Iterable[Sequence[str]],
    images: Images | None,
    rows: Rows,
    frames: Sequence[Colour] | None = None,
) -> dict[str, bytes]:
    """File name -> content. name: of the points, as the projector's menu shows it.

    points: [n, D].    metadata: the header, then n lines.    rows: [n], of which `images` gives the thumbnails.
    frames: [n], a colour around each thumbnail.
    """
    made = {
        TENSORS: _table([f"{number:.6g}" for number in point] for point in points.tolist()),
        METADATA: _table(metadata),
    }
    side = 0
    if images is not None:
        made[SPRITE], side = _sprite(images, rows, frames)
    return made | {CONFIG: _config(name, side).encode()}


def _metadata(selections: Sequence[Selection], rows: Rows) -> Iterator[list[str]]:
    """The header, then of every row: its number, whether and as which it was picked, its cluster and its true class."""
    first = selections[0]
    columns: dict[str, Sequence[str]] = {"row": [str(row) for row in rows.tolist()]}
    for selection in selections:
        prefix = f"{selection.strategy}: " if len(selections) > 1 else ""
        order = {row: str(i + 1) for i, row in enumerate(selection.rows.tolist())}
        other = ["labelled before" if held else "not picked" for held in selection.held[rows].tolist()]
        columns[f"{prefix}picked"] = [
            "picked" if row in order else word for row, word in zip(rows.tolist(), other, strict=True)
        ]
        columns[f"{prefix}order"] = [order.get(row, "-") for row in rows.tolist()]
    if first.reference is not None:
        columns["cluster"] = [f"cluster {group}" for group in first.reference[rows].tolist()]
    if first.truth is not None:
        columns["true class"] = [first.classes[at] if at >= 0 else "unknown" for at in first.truth[rows].tolist()]
    if first.difficulty is not None:
        columns["difficulty"] = [f"{value:.6g}" for value in first.difficulty[rows].tolist()]
    yield list(columns)
    yield from map(list, zip(*columns.values(), strict=True))


def _table(lines: Iterable[Sequence[str]]) -> bytes:
    """Cells apart by tabs; a tab or a line's end within one becomes a blank."""
    return "".join("\t".join(" ".join(cell.split()) for cell in line) + "\n" for line in lines).encode()


def _sprite(images: Images, rows: Rows, frames: Sequence[Colour] | None) -> tuple[bytes, int]:
    """All thumbnails in one square, in reading order, and the side of each in pixels."""
    from PIL import Image

    across = math.ceil(math.sqrt(len(rows)))
    longest = max(images(rows[:1].tolist()).shape[-2:])
    side = min(LARGEST, WIDEST // across, longest if frames is None else max(longest + 2 * FRAME, FRAMED))
    edge = FRAME if frames is not None and side > 4 * FRAME else 0
    canvas = np.full((across * side, across * side, 3), 255, dtype=np.uint8)
    for start in range(0, len(rows), IMAGE_BLOCK):
        pictures = images(rows[start : start + IMAGE_BLOCK].tolist())
        for i, tile in enumerate(thumbnails(pictures, side - 2 * edge), start):
            y, x = i // across * side, i % across * side
            if frames is not None and edge:
                height, width = tile.shape[0] + 2 * edge, tile.shape[1] + 2 * edge
                canvas[y : y + height, x : x + width] = frames[i]
            canvas[y + edge : y + edge + tile.shape[0], x + edge : x + edge + tile.shape[1]] = tile
    content = io.BytesIO()
    Image.fromarray(canvas).save(content, "PNG")
    return content.getvalue(), side


def _config(name: str, side: int) -> str:
    """What the plugin reads first: protobuf's text format. side: of a thumbnail in pixels; 0 without."""
    sprite = (
        f"""\
  sprite {{
    image_path: "{SPRITE}"
    single_image_dim: {side}
    single_image_dim: {side}
  }}
"""
        if side
        else ""
    )
    return f"""\
embeddings {{
  tensor_name: {json.dumps(name)}
  tensor_path: "{TENSORS}"
  metadata_path: "{METADATA}"
{sprite}}}
"""
