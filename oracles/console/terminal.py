"""A terminal: what is printed, and one key at a time."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from shutil import get_terminal_size
from typing import TextIO

from oracles.console.pictures import Graphics, graphics_of

UNDO = ("\x7f", "\x08")  # what terminals send for Backspace
LEAVE = ("\x04", "\x1b")  # Ctrl-D, Esc
LONGEST_NAP_S = 0.1
AFTER_ESCAPE_S = 0.05  # arrows and their like come as Esc and more at once; a person's Esc comes alone


@dataclass(frozen=True)
class Terminal:
    """say: prints and flushes.    key: the next key, "" once there are no more, None after so many seconds without one.

    forget: what was typed before there was anything to see, such as while the model trained.    is_typed: by somebody, who
    may press a key while others are waited for; keys of a pipe are not.
    """

    say: Callable[[str], None]
    key: Callable[[float | None], str | None]
    forget: Callable[[], None] = lambda: None
    graphics: Graphics = "none"
    columns: int = 80
    lines: int = 24
    is_typed: bool = True


@contextmanager
def here(source: TextIO, to: TextIO, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """The terminal of this process. Keys come as they are struck, or from a pipe a character at a time."""

    def say(text: str) -> None:
        to.write(text)
        to.flush()

    columns, lines = get_terminal_size()
    graphics = graphics_of(environment) if to.isatty() else "none"
    if not source.isatty():
        yield Terminal(say, lambda wait: _read(source, wait), lambda: None, graphics, columns, lines, False)
        return
    import termios
    import tty

    fd = source.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        forget = partial(termios.tcflush, fd, termios.TCIFLUSH)
        yield Terminal(say, lambda wait: _struck(fd, wait), forget, graphics, columns, lines)
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _read(source: TextIO, wait: float | None) -> str | None:
    """From a pipe, whose next character belongs to the next question: nothing is struck in between."""
    if wait is None:
        return source.read(1)
    time.sleep(min(wait, LONGEST_NAP_S))
    return None


def _struck(fd: int, wait: float | None) -> str | None:
    if not select.select([fd], [], [], wait)[0]:
        return None
    first = os.read(fd, 1)
    if first == b"\x1b" and select.select([fd], [], [], AFTER_ESCAPE_S)[0]:
        os.read(fd, 32)
        return _struck(fd, wait)
    more = 0 if not first or first[0] < 0xC0 else 1 if first[0] < 0xE0 else 2 if first[0] < 0xF0 else 3  # UTF-8
    return (first + (os.read(fd, more) if more else b"")).decode(errors="replace")
