"""One key per class."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase

KEYS = "1234567890" + ascii_lowercase
SEARCH, UNSURE, GUESS, GUIDE = "/", "?", ".", ","


def keys_for(classes: Sequence[str]) -> tuple[str, ...]:
    """The key of every class; "" for those beyond the 36th, which are found by searching.

    Classes called by one letter or digit each keep it, as digits do; others are counted 1…9, 0, a, b, c ….
    """
    own = [name.lower() for name in classes]
    if len(set(own)) == len(own) and all(len(name) == 1 and name in KEYS for name in own):
        return tuple(own)
    return tuple(KEYS[at] if at < len(KEYS) else "" for at in range(len(classes)))


def matches(classes: Sequence[str], words: str) -> list[int]:
    """Class ids whose name holds these words, case aside; a name that is just so first, then those that begin so."""
    sought = words.strip().casefold()
    if not sought:
        return []
    names = [name.casefold() for name in classes]
    found = [at for at, name in enumerate(names) if sought in name]
    return sorted(found, key=lambda at: (names[at] != sought, not names[at].startswith(sought), at))
