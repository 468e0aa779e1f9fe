"""Why a run failed: a text beside its journal, there until the run goes on."""

from __future__ import annotations

from pathlib import Path

FILE = "failure.txt"


def note(folder: Path, why: str | None) -> None:
    """Write down the reason; None takes it away."""
    if why is None:
        (folder / FILE).unlink(missing_ok=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(f"{why.rstrip()}\n", encoding="utf-8")


def reason(folder: Path) -> str | None:
    """The last line of what was noted, which names the error; None where nothing was."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    return lines[-1] if lines else "unknown"
