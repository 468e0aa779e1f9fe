"""Where benchmarks put their last table: a section of RESULTS.md each, replaced when it is run again."""

from __future__ import annotations

import re
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"


def record(file: str, text: str) -> None:
    """Replace or add the section of a benchmark, named as `__file__`, and print it."""
    title = f"## {Path(file).name}"
    section = f"{title}\n\n{text.strip()}\n"
    print(section)
    before = RESULTS.read_text() if RESULTS.exists() else "# The last table of each benchmark\n"
    pattern = re.compile(rf"^{re.escape(title)}\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    found = pattern.search(before)
    after = (
        before[: found.start()] + section + "\n" + before[found.end() :] if found else f"{before.rstrip()}\n\n{section}"
    )
    RESULTS.write_text(after.rstrip() + "\n")
