"""Annotations of Label Studio as answers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from oracles.inbox.checks import LONGEST, SKIP
from oracles.inbox.mirror import Elsewhere
from oracles.items import plain
from oracles.label_studio.labelling import LABEL

ADDRESS = re.compile(r"(\S+@\S+), \d+$")  # at the end of `created_username`, after first and last name


class NoClass(ValueError):
    """An annotation that names no class, or several."""


def answer(annotation: Mapping[str, Any], row: int, choices: Sequence[str], guess: int | None) -> Elsewhere:
    """What an annotation says about a row.    guess: that the annotator saw.

    raises: NoClass for one that is neither a skip nor one of the classes.
    """
    began, last = (_seconds(annotation.get(name)) for name in ("created_at", "updated_at"))
    label = SKIP if annotation.get("was_cancelled") else _label(annotation.get("result"), choices)
    return Elsewhere(
        row, label, annotator(annotation), began, max(began, last), _spent(annotation.get("lead_time")), guess
    )


def annotator(annotation: Mapping[str, Any]) -> str:
    """Who made it: the address of the account, else its number."""
    by = annotation.get("completed_by")
    number = by.get("id") if isinstance(by, Mapping) else by
    said = str(annotation.get("created_username") or "")
    found = by.get("email") if isinstance(by, Mapping) else (match := ADDRESS.search(said)) and match.group(1)
    name = plain(str(found or ""), LONGEST - 1)
    return name if name and name == name.strip() else f"user {number}"


def _label(result: object, choices: Sequence[str]) -> int:
    chosen = [
        each["value"]["choices"]
        for each in (result if isinstance(result, list) else [])
        if isinstance(each, Mapping) and each.get("from_name") == LABEL and "choices" in each.get("value", {})
    ]
    names = [str(name) for names in chosen for name in names]
    if len(names) == 1 and names[0] in choices:
        return choices.index(names[0])
    raise NoClass(f"says {plain(', '.join(names), 80)!r}" if names else "names no class")


def _seconds(moment: object) -> float:
    """Since 1970; 0 where the server does not say."""
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return 0.0


def _spent(seconds: object) -> float | None:
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    return float(seconds) if is_number and math.isfinite(seconds) and seconds >= 0 else None  # type: ignore[arg-type, operator]
