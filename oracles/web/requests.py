"""What a request's body may hold."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request

from oracles.inbox import Refused

MOST_ROWS = 16  # leased at a time: enough to preload, few enough that others find some


async def body_of(request: Request, *names: str) -> dict[str, object]:
    """The JSON object in the body, which has these keys and no others. raises: Refused."""
    content = await request.body()
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        raise Refused("the body is no JSON.") from None
    if not isinstance(values, dict):
        raise Refused(f"the body is {type(values).__name__}; it is an object with {', '.join(names)}.")
    unknown = [name for name in values if name not in names]
    if unknown:
        raise Refused(f"the body holds {unknown[0]!r:.80}; allowed are {', '.join(names)}.")
    missing = [name for name in names if name not in values]
    if missing:
        raise Refused(f"the body lacks {missing[0]!r}; it is an object with {', '.join(names)}.")
    return values


def text(values: Mapping[str, object], name: str) -> str:
    value = values[name]
    if not isinstance(value, str):
        raise Refused(f"{name} is {value!r:.80}; it is a text.")
    return value


def number(values: Mapping[str, object], name: str) -> int:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused(f"{name} is {value!r:.80}; it is a whole number.")
    return value


def optional_number(values: Mapping[str, object], name: str) -> int | None:
    return None if values[name] is None else number(values, name)


def seconds(values: Mapping[str, object], name: str) -> float | None:
    value = values[name]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused(f"{name} is {value!r:.80}; it is a number.")
    return value


def count(values: Mapping[str, object], name: str) -> int:
    value = number(values, name)
    if not 0 <= value <= MOST_ROWS:
        raise Refused(f"{name} is {value}; allowed are 0…{MOST_ROWS}.")
    return value
