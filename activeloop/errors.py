"""The errors that a user can meet. Each message gives the value, what is allowed, and the next step."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ActiveloopError(Exception):
    """What all errors of this package have in common; the command line prints these without a traceback."""


class ConfigError(ActiveloopError, ValueError):
    """A setting, a file or data that cannot be used as it is."""


class UnknownName(ConfigError):
    """A name that no catalogue entry, plug-in or module answers to."""


class MissingEvidence(ConfigError):
    """A strategy needs evidence that this run cannot give; the message names the chain of needs."""


class BadScores(ActiveloopError, ValueError):
    """Features, probabilities, scores or picks that break their contract."""


class BadAnswer(ActiveloopError, ValueError):
    """An answer that was not asked for, is out of range, or contradicts an earlier one."""


class StoreError(ActiveloopError):
    """The journal cannot be read, written or shared."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: "; did you mean 'x'?", or a full stop."""
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else "."
