"""What an annotator looks at: an image, a text or a small table."""

from __future__ import annotations

import struct
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

GREY, RGB = 0, 2  # PNG's colour types of one and of three channels


@dataclass(frozen=True, eq=False)
class Image:
    """pixels: [H, W, 1 or 3] uint8.    path: where the original lies, if it is a file."""

    pixels: NDArray[np.uint8]
    path: str | None = None


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Table:
    """cells: (name, value), one line each."""

    cells: tuple[tuple[str, str], ...]


Item: TypeAlias = "Image | Text | Table"
Show = Callable[[int], Item]  # row -> what to look at


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of [H, W, 1 or 3] pixels."""
    height, width, channels = pixels.shape
    lines = np.zeros((height, 1 + width * channels), np.uint8)  # every line begins with its filter, 0 for none
    lines[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, GREY if channels == 1 else RGB, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def plain(text: str, longest: int = 500) -> str:
    """The text with what could command a terminal, or turn text around, replaced; class and file names may hold that."""
    shown = "".join("\ufffd" if unicodedata.category(sign)[0] == "C" else sign for sign in text[:longest])
    return shown + "…" * (len(text) > longest)


def encodable(text: str) -> str:
    """The text with halves of surrogate pairs replaced, which file names of another encoding hold, and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()
