"""Images in a terminal: by kitty's or iTerm2's protocol, or two pixels a character."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oracles.items import png

Graphics = Literal["kitty", "iterm", "blocks", "blocks256", "none"]
CHUNK = 4096  # what kitty takes at a time
CRISP = 256  # small images are enlarged to this many pixels, since terminals would blur them
CUBE = np.array([0, 95, 135, 175, 215, 255])  # the levels of the 6 x 6 x 6 colours of 256


def graphics_of(environment: Mapping[str, str]) -> Graphics:
    """What the terminal can show, by what it says of itself."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    is_multiplexed = "TMUX" in environment or term.startswith(
        ("screen", "tmux")
    )  # they keep pictures from the terminal
    if not is_multiplexed and (term == "xterm-kitty" or "KITTY_WINDOW_ID" in environment or program == "ghostty"):
        return "kitty"
    if not is_multiplexed and program in ("iTerm.app", "WezTerm"):
        return "iterm"
    if environment.get("COLORTERM") in ("truecolor", "24bit"):
        return "blocks"
    return "blocks256" if "256color" in term else "none"


def picture(pixels: NDArray[np.uint8], graphics: Graphics, columns: int, lines: int) -> str:
    """What to print; ends with a newline. pixels: [H, W, 1 or 3].    columns, lines: of characters there is room for."""
    if graphics in ("blocks", "blocks256"):
        return _blocks(_fitted(pixels, columns, 2 * lines), graphics)
    height, width = pixels.shape[:2]
    times = max(1, CRISP // max(height, width))
    content = base64.b64encode(png(np.ascontiguousarray(pixels.repeat(times, 0).repeat(times, 1)))).decode()
    rows = max(1, min(lines, columns * height // (2 * width)))  # a character is about twice as high as wide
    return _kitty(content, rows) if graphics == "kitty" else _iterm(content, rows)


def _kitty(content: str, rows: int) -> str:
    parts = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)]
    told = [f"a=T,f=100,r={rows}," if at == 0 else "" for at in range(len(parts))]
    more = [int(at + 1 < len(parts)) for at in range(len(parts))]
    return "".join(f"\x1b_G{t}m={m};{part}\x1b\\" for t, m, part in zip(told, more, parts, strict=True)) + "\n"


def _iterm(content: str, rows: int) -> str:
    return f"\x1b]1337;File=inline=1;height={rows};preserveAspectRatio=1:{content}\a\n"


def _fitted(pixels: NDArray[np.uint8], columns: int, lines: int) -> NDArray[np.uint8]:
    """[h, w, 3], h even and within the lines, w within the columns: enlarged by a whole number, or shrunk by means."""
    height, width = pixels.shape[:2]
    colours = np.broadcast_to(pixels, (height, width, 3))
    times = min(columns // width, lines // height, max(1, 32 // max(height, width)))
    if times >= 1:
        colours = colours.repeat(times, 0).repeat(times, 1)
    else:
        scale = max(width / columns, height / lines)
        colours = _shrunk(colours, max(1, int(height / scale)), max(1, int(width / scale)))
    return np.pad(colours, ((0, len(colours) % 2), (0, 0), (0, 0)))


def _shrunk(colours: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    sums = colours.astype(np.float64)
    for axis, size in ((0, height), (1, width)):
        edges = np.arange(size + 1) * sums.shape[axis] // size
        sums = np.add.reduceat(sums, edges[:-1], axis) / np.diff(edges).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    return sums.round().astype(np.uint8)


def _blocks(colours: NDArray[np.uint8], graphics: Graphics) -> str:
    """The upper pixel is the character's colour, the lower one its ground."""
    lines = []
    for upper, lower in zip(colours[::2], colours[1::2], strict=True):
        signs = (
            f"\x1b[38;{_colour(a, graphics)};48;{_colour(b, graphics)}m▀" for a, b in zip(upper, lower, strict=True)
        )
        lines.append("".join(signs) + "\x1b[0m\n")
    return "".join(lines)


def _colour(rgb: NDArray[np.uint8], graphics: Graphics) -> str:
    if graphics == "blocks":
        return "2;{};{};{}".format(*rgb.tolist())
    red, green, blue = (int(np.abs(CUBE - int(part)).argmin()) for part in rgb)
    return f"5;{16 + 36 * red + 6 * green + blue}"
