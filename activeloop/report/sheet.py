"""The images of a selection on one sheet."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from activeloop.errors import ConfigError
from activeloop.report.selection import SEEN_HERE, Selection

if TYPE_CHECKING:
    from torch import Tensor

Pixels = NDArray[np.uint8]

MOST_IMAGES, ACROSS = 100, 10
CELL, CAPTION, GAP, TOP = 96, 30, 8, 52  # pixels
WIDEST = 17  # letters that a caption has room for


def sheet(selection: Selection) -> bytes:
    """The first hundred picks as images in the order picked, pixel for pixel; under each its row and its class."""
    from PIL import Image, ImageDraw, ImageFont

    if selection.images is None:
        raise ConfigError("this selection has no images; hand over a function that gives those of rows.")
    rows = selection.rows[:MOST_IMAGES].tolist()
    font, title = ImageFont.load_default(11), ImageFont.load_default(15)
    across, wide, high = min(ACROSS, max(5, len(rows))), CELL + GAP, CELL + CAPTION + GAP
    down = math.ceil(len(rows) / across)
    canvas = Image.new("RGB", (across * wide + GAP, TOP + down * high + GAP), "white")
    draw = ImageDraw.Draw(canvas)
    draw.text((GAP, GAP), _title(selection, len(rows)), "black", title)
    for i, (row, image) in enumerate(zip(rows, thumbnails(selection.images(rows), CELL), strict=True)):
        x, y = GAP + i % across * wide, TOP + i // across * high
        tile = Image.fromarray(image)
        canvas.paste(tile, (x + (CELL - tile.width) // 2, y + (CELL - tile.height) // 2))
        draw.text((x + CELL // 2, y + CELL + 2), _caption(selection, row), "black", font, "ma", align="center")
    content = io.BytesIO()
    canvas.save(content, "PNG")
    return content.getvalue()


def _title(selection: Selection, count: int) -> str:
    which = "all" if count == len(selection.rows) else f"the first {count:,} of"
    under = ""
    if selection.truth is not None:
        under = f"\nunder each: its row and its true class ({SEEN_HERE})"
    elif selection.reference is not None:
        under = "\nunder each: its row and its cluster"
    return f"{selection.strategy}: {which} {len(selection.rows):,} picks, in the order picked{under}"


def _caption(selection: Selection, row: int) -> str:
    """At most two lines: the row, and its true class or its cluster."""
    name = ""
    if selection.truth is not None:
        name = selection.classes[selection.truth[row]] if selection.truth[row] >= 0 else "unknown"
    elif selection.reference is not None:
        name = f"cluster {selection.reference[row]}"
    return f"row {row}\n{name if len(name) <= WIDEST else name[: WIDEST - 1] + '…'}"


def thumbnails(images: Tensor, side: int) -> list[Pixels]:
    """Each image as [H, W, 3] within side x side: small ones enlarged by a whole number, unsmoothed, large ones averaged.

    images: [n, 1 or 3, H, W], uint8, or floats in [0, 1].
    """
    import torch

    images = images.detach().cpu()
    images = images.float() / 255 if images.dtype == torch.uint8 else images.float().clamp(0, 1)
    height, width = images.shape[-2:]
    if max(height, width) > side:
        shape = [max(1, each * side // max(height, width)) for each in (height, width)]
        images = torch.nn.functional.interpolate(images, shape, mode="area")
    else:
        factor = side // max(height, width)
        images = images.repeat_interleave(factor, dim=2).repeat_interleave(factor, dim=3)
    pixels = (images.expand(-1, 3, -1, -1) * 255).round().to(torch.uint8)
    return list(pixels.permute(0, 2, 3, 1).contiguous().numpy())
