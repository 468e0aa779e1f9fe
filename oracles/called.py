"""Any function as an annotator: what a row shows goes in, its class comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from oracles.inbox import SKIP, Inbox, Refused
from oracles.items import Image, Item, Show, Text

Seen: TypeAlias = "NDArray[np.uint8] | str | Mapping[str, str]"
Function: TypeAlias = Callable[[Seen], "int | str | None"]

ALONG = 16  # rows leased at a time, so that several may answer at once


def answer_all(
    inbox: Inbox, ticket: str, annotator: str, classes: Sequence[str], show: Show, function: Function
) -> None:
    """Answer every row of the ticket that is left. Each answer is on disk before the function is called again.

    function: given an image [H, W, 1 or 3] of uint8, a text, or a table as name -> value, returns a class by name or
        number, or None to skip the row.
    raises: Refused for what is no class, and where the function fails; what was answered before stays.
    """
    while True:
        asked = [each for each in inbox.lease(annotator, ALONG) if each.ticket == ticket]
        if not asked:
            return
        for each in asked:
            began = inbox.clock()
            label = _label(_called(function, show(each.row), each.row, annotator), classes, each.row, annotator)
            inbox.answer(ticket, each.row, label, annotator, seconds=max(0.0, inbox.clock() - began))


def _called(function: Function, item: Item, row: int, name: str) -> object:
    seen: Seen = item.pixels if isinstance(item, Image) else item.text if isinstance(item, Text) else dict(item.cells)
    try:
        return function(seen)
    except Exception as error:
        raise Refused(
            f"{name} failed on row {row}: {type(error).__name__}: {error}. What it answered before is kept."
        ) from error


def _label(said: object, classes: Sequence[str], row: int, name: str) -> int:
    if said is None:
        return SKIP
    if isinstance(said, str) and said in classes:
        return list(classes).index(said)
    if isinstance(said, (int, np.integer)) and not isinstance(said, bool) and 0 <= said < len(classes):
        return int(said)
    raise Refused(
        f"{name} answered {said!r:.80} for row {row}; it gives the name of a class, its number 0…{len(classes) - 1}, or None"
        " to skip."
    )
