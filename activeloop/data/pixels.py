"""One image file to pixels. Imports no torch, so that a decoding process starts fast."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
GREY, DEEP = ("1", "L", "LA"), ("I", "I;16", "I;16B", "I;16L", "F")  # Pillow's modes; DEEP has more than 8 bits


@dataclass(frozen=True)
class Plan:
    """What every decoded image of the folder `root` looks like, as the image `first` has it.

    squared: scale and crop to this size, rather than refuse another.
    """

    root: str
    first: str
    channels: int
    height: int
    width: int
    squared: bool


@dataclass(frozen=True)
class Problem:
    """An image that was not decoded. detail: the reason, or its size as "height x width"."""

    file: str
    kind: Literal["unreadable", "size", "colour"]
    detail: str


class Unreadable(Exception):
    """Why an image cannot be decoded."""


def open_image(source: str | IO[bytes], image_size: int | None) -> Image.Image:
    """The image upright, in mode L or RGB; with `image_size` its centre, squared. raises: Unreadable.

    source: a path, or the encoded image itself.
    """
    try:
        with Image.open(source) as image:
            if image_size is not None:
                image.draft(None, (2 * image_size, 2 * image_size))  # a JPEG decodes faster to 1/2, 1/4 or 1/8
            ImageOps.exif_transpose(image, in_place=True)
            if image.mode in DEEP:
                raise Unreadable(f"mode {image.mode} has more than 8 bits a pixel; save it with 8")
            upright = image.convert("L" if image.mode in GREY else "RGB")
    except BROKEN as error:
        raise Unreadable(str(error).replace(str(source), "the file")) from error
    if image_size is None:
        return upright
    return ImageOps.fit(upright, (image_size, image_size), Image.Resampling.BILINEAR)


def plan(root: Path, file: str, image_size: int | None) -> Plan:
    """The plan that this image sets for all others. raises: Unreadable."""
    image = open_image(os.path.join(root, file), image_size)
    channels = 1 if image.mode == "L" else 3
    return Plan(str(root), file, channels, image.height, image.width, image_size is not None)


def write_images(target: Path, start: int, files: Sequence[str], plan: Plan) -> list[Problem]:
    """Decodes `files` into the rows from `start` on of the .npy file `target`; returns what went wrong."""
    images = np.lib.format.open_memmap(target, mode="r+")
    problems = []
    for row, file in enumerate(files, start):
        try:
            image = open_image(os.path.join(plan.root, file), plan.height if plan.squared else None)
        except Unreadable as error:
            problems.append(Problem(file, "unreadable", str(error)))
            continue
        if (image.height, image.width) != (plan.height, plan.width):
            problems.append(Problem(file, "size", f"{image.height} x {image.width}"))
        elif plan.channels == 1 and image.mode == "RGB":
            problems.append(Problem(file, "colour", image.mode))
        else:
            pixels = np.asarray(image if plan.channels == 1 else image.convert("RGB"))
            images[row] = pixels[None] if plan.channels == 1 else pixels.transpose(2, 0, 1)
    return problems
