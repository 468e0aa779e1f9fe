"""The signature is the declaration: positional parameters are needs, keyword-only parameters are options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TypeVar

from activeloop.errors import ConfigError, nearest

T = TypeVar("T")


def needs(function: Callable[..., object]) -> tuple[str, ...]:
    """Names of the evidence that this function asks for, in order."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(name for name, given in inspect.signature(function).parameters.items() if given.kind in kinds)


def options(function: Callable[..., object]) -> dict[str, object]:
    """Its options and their defaults."""
    parameters = inspect.signature(function).parameters.items()
    return {name: given.default for name, given in parameters if given.kind is inspect.Parameter.KEYWORD_ONLY}


def checked_options(function: Callable[..., object], given: Mapping[str, object], name: str) -> dict[str, object]:
    """`given`, if this function takes all of it and nothing it must have is missing.

    raises: ConfigError naming the option, the nearest one and all that there are.
    """
    known = options(function)
    for key, value in given.items():
        check_option(name, key, value, known)
    missing = [key for key, default in known.items() if default is inspect.Parameter.empty and key not in given]
    if missing:
        raise ConfigError(f"{name!r} needs the option {missing[0]!r}; set it in the configuration.")
    return dict(given)


def check_option(name: str, key: str, value: object, known: Mapping[str, object]) -> None:
    """Refuse an option that `name` does not know, or one of another kind than its default: it would fail mid-round."""
    if key not in known:
        allowed = ", ".join(known) or "it takes none"
        raise ConfigError(f"{name!r} has no option {key!r}{nearest(key, known)} Options: {allowed}.")
    default = known[key]
    if not isinstance(default, (bool, int, float, str)) or isinstance(value, type(default)):
        return
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return
    raise ConfigError(
        f"option {key!r} of {name!r} is {value!r}; it takes {type(default).__name__}, by default {default!r}."
    )
