"""A summary as a picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from activeloop.report.files import replace_bytes
from activeloop.report.summary import StrategySummary, Summary

if TYPE_CHECKING:  # matplotlib takes a second to import
    from matplotlib.axes import Axes

# Okabe & Ito 2008, colours that the colour-blind can tell apart; yellow last, since it is faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#F0E442")
BASELINE = "#000000"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
DASHES = ("-", "--", ":")  # a second and third turn through the colours


def draw(summary: Summary, path: Path) -> None:
    """Acquisition curves at `path`, as PNG, SVG or PDF after its ending: a mean and a 95 % band per strategy.

    The baseline is black, the legend in order of area.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5.6), layout="constrained")
    axes = figure.add_subplot()
    _curves(axes, summary)
    _frame(axes, summary)
    content = io.BytesIO()
    kind = path.suffix[1:] or "png"
    figure.savefig(content, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    replace_bytes(path, content.getvalue())


def _curves(axes: Axes, summary: Summary) -> None:
    names = sorted(each.strategy for each in summary.strategies if each.strategy != summary.baseline)
    styles = {name: _style(i) for i, name in enumerate(names)} | {summary.baseline: (BASELINE, "o", "--")}
    for each in summary.strategies:
        _curve(axes, each, *styles[each.strategy])


def _style(i: int) -> tuple[str, str, str]:
    """Colour, marker and dashes of the i-th name: by the alphabet, so that a strategy keeps its own as runs go on."""
    return COLOURS[i % len(COLOURS)], MARKERS[(i + 1) % len(MARKERS)], DASHES[i // len(COLOURS) % len(DASHES)]


def _curve(axes: Axes, each: StrategySummary, colour: str, marker: str, dashes: str) -> None:
    labels = [point.labels for point in each.curve]
    means = [point.mean for point in each.curve]
    low = [point.mean if point.low is None else point.low for point in each.curve]
    high = [point.mean if point.high is None else point.high for point in each.curve]
    name = each.strategy if each.area is None else f"{each.strategy}  ({each.area.mean:.3f})"
    axes.fill_between(labels, low, high, color=colour, alpha=0.12, linewidth=0)
    spacing = max(1, len(labels) // 12)  # markers tell lines apart; more of them hide the lines
    axes.plot(
        labels, means, dashes, color=colour, marker=marker, markersize=5.5, markevery=spacing, linewidth=1.8, label=name
    )


def _frame(axes: Axes, summary: Summary) -> None:
    metric = summary.metric.replace("_", " ")
    axes.set_title(_title(summary), loc="left", fontsize=12)
    seen = f"   (features: {'; '.join(summary.features)})" if summary.features else ""
    axes.set_xlabel(f"{'labels bought' if summary.x == 'labels' else summary.x}{seen}")
    axes.set_ylabel(metric)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if summary.strategies:
        axes.axhline(summary.target, color="0.45", linewidth=1, linestyle=(0, (1, 2)), zorder=0)
        axes.annotate(
            f"target {summary.target:g}",
            (0.005, summary.target),
            xycoords=("axes fraction", "data"),
            color="0.35",
            xytext=(0, 3),
            textcoords="offset points",
            fontsize=9,
        )
        axes.legend(title="strategy  (area)", loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _title(summary: Summary) -> str:
    seeds = sorted({len(each.seeds) for each in summary.strategies})
    if not seeds:
        return f"no {summary.metric} measured yet"
    many = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]}–{seeds[-1]}"
    up_to = f"{summary.budget} labels" if summary.x == "labels" else f"a {summary.x} of {summary.budget}"
    band = "" if seeds[-1] == 1 else "; band: 95 % t interval of the mean"
    return (
        f"{len(summary.strategies)} {_plural('strategy', 'strategies', len(summary.strategies))},"
        f" {many} {_plural('seed', 'seeds', seeds[-1])}, up to {up_to}{band}"
    )


def _plural(one: str, many: str, count: int) -> str:
    return one if count == 1 else many
