"""Files that are whole or absent, and lines that may be torn."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from activeloop.types import JSON


def replace_bytes(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step: whoever looks sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    os.replace(draft, path)


def read_lines(path: Path) -> tuple[Mapping[str, JSON], ...]:
    """The JSON objects in a file of lines, in their order; none where there is no file.

    Lines that cannot be read are passed over. For timings and truth only, which are nobody's truth about a run: a
    killed writer leaves a torn last line there, and the next one glues its first line to it.
    """
    if not path.exists():
        return ()
    return tuple(filter(None, map(_parse, path.read_bytes().splitlines())))


def _parse(line: bytes) -> Mapping[str, JSON] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
