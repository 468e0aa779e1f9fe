"""Numbers and counts as a reader of the page meets them."""

from __future__ import annotations

from activeloop.report.statistics import Estimate
from activeloop.report.summary import Saving

MISSING = "–"


def named(metric: str) -> str:
    return metric.replace("_", " ")


def plural(count: int, one: str, many: str | None = None) -> str:
    """ "1 seed", "5 seeds"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def number(value: float | None, digits: int = 3, signed: bool = False) -> str:
    """With a true minus, as typography has it."""
    return MISSING if value is None else f"{value:{'+' if signed else ''},.{digits}f}".replace("-", "−")


def whole(value: float | None) -> str:
    """Of labels or costs: 1,200, 94, 2.5."""
    return MISSING if value is None else number(value, 0 if abs(value) >= 10 or float(value).is_integer() else 1)


def interval(value: Estimate | None, digits: int = 3, signed: bool = False) -> str:
    """ "0.912 ± 0.004"; without its interval where one seed has none."""
    if value is None:
        return MISSING
    half = "" if value.half is None else f" ± {number(value.half, digits)}"
    return f"{number(value.mean, digits, signed)}{half}"


def between(low: float | None, high: float | None) -> str:
    """ "80 to 140", "80 or more" where the upper end is beyond what was seen; empty where nothing is known."""
    if low is None:
        return ""
    return f"{whole(low)} or more" if high is None else f"{whole(low)} to {whole(high)}"


def saved(saving: Saving | None) -> str:
    """Labels saved, as in the terminal's table: "≥ 40" is a lower bound, "(3/5)" the pairs in which both got there."""
    if saving is None:
        return MISSING
    if saving.at_least is not None:
        return f"≥ {whole(saving.at_least)}"
    partly = f" ({saving.reached_both}/{saving.pairs})" if 0 < saving.reached_both < saving.pairs else ""
    return interval(saving.labels, 0, signed=True) + partly


def p_value(p: float | None) -> str:
    return MISSING if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def share(value: float | None, digits: int = 1) -> str:
    return MISSING if value is None else f"{value:.{digits}%}"


def seconds(value: float) -> str:
    """ "0.4 s", "95 s", "12 min", "3.4 h"."""
    if value < 120:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 5400 else f"{value / 3600:.1f} h"
