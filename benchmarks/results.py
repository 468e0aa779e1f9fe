"""Where benchmarks put their last table, a section of RESULTS.md each, replaced when it is run again; and tables of curves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from activeloop.fold import State, fold
from activeloop.report.curves import Record, points_of
from activeloop.report.statistics import Estimate
from activeloop.report.summary import Summary, summarise
from activeloop.store.journal import FILE, read

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


def state_of(folder: Path) -> State:
    """What the journal there tells."""
    state = fold(read(folder / FILE))
    assert state is not None
    return state


def summarised(runs: Mapping[str, Sequence[Path]]) -> Summary:
    """Arms beside random.    runs: arm -> the folders of its runs, by seed from 0."""
    records = [Record(at, arm, seed, state_of(at)) for arm, folders in runs.items() for seed, at in enumerate(folders)]
    return summarise(points_of(records))


def verdicts(summary: Summary) -> str:
    """Whose area lies above or below random's, in words."""
    beside: dict[str, list[str]] = {"better": [], "worse": [], "cannot be told apart": []}
    for each in summary.strategies:
        if each.against is not None:
            beside[each.against.verdict].append(each.strategy)
    return f"Against random, {'; '.join(f'{word}: {_all(arms)}' for word, arms in beside.items())}."


def curves_table(summary: Summary, more: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Accuracy after a quarter, half and all of the labels, and the area.    more: head of a column -> arm -> cell."""
    points = [point.labels for point in summary.strategies[0].curve]
    labels = sorted({points[round(part * (len(points) - 1))] for part in (0.25, 0.5, 1)})
    heads = ["arm", *(f"{at} labels" for at in labels), "area", "less random", "p (Holm)", *(more or {})]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for each in summary.strategies:
        curve = {point.labels: Estimate(point.mean, point.low, point.high, point.seeds) for point in each.curve}
        cells = [each.strategy, *(said(curve[at]) for at in labels), said(each.area)]
        cells += ["–", "–"] if each.against is None else [said(each.against.area, sign=True), _p(each.against.p_holm)]
        lines.append(f"| {' | '.join([*cells, *(column[each.strategy] for column in (more or {}).values())])} |")
    return "\n".join(lines)


def said(found: Estimate | None, sign: bool = False, digits: int = 3) -> str:
    """The mean ± half the interval."""
    if found is None:
        return "–"
    half = "" if found.half is None else f" ± {found.half:.{digits}f}"
    return f"{found.mean:{'+' if sign else ''}.{digits}f}{half}"


def _p(p: float | None) -> str:
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _all(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
