"""Acquisition curves as a picture."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from activeloop.report.files import replace_bytes
from activeloop.report.panels import Panel, band, share_axes, y_range
from activeloop.report.styles import Style, styles
from activeloop.report.summary import StrategySummary, Summary

if TYPE_CHECKING:  # matplotlib takes a second to import
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 3  # charts side by side


def draw(panels: Sequence[Panel], paths: Sequence[Path], differing: Sequence[str] = ()) -> None:
    """Acquisition curves at each of `paths`, as PNG, SVG or PDF after its ending: a chart per panel, a mean and a 95 %
    band per strategy, single seeds faint behind.

    The baseline is black; with one panel, the legend is in order of area.
    differing: keys of the settings that tell panels apart: where they are of the data, each chart has axes of its own.
    """
    import matplotlib as mpl

    figure = _one(panels[0]) if len(panels) == 1 else _several(panels, differing)
    for path in paths:
        content, kind = io.BytesIO(), path.suffix[1:] or "png"
        with mpl.rc_context(
            {"svg.fonttype": "none", "svg.hashsalt": "activeloop"}
        ):  # letters, and equal bytes each time
            figure.savefig(content, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
        replace_bytes(path, content.getvalue())


def _one(panel: Panel) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5.6), layout="constrained")
    axes, summary = figure.add_subplot(), panel.summary
    drawn = styles((each.strategy for each in summary.strategies), summary.baseline)
    for each in summary.strategies:
        name = each.strategy if each.area is None else f"{each.strategy}  ({each.area.mean:.3f})"
        _curve(axes, each, panel, drawn[each.strategy], _safe(name))
    _frame(axes, panel)
    axes.set_title(_title(summary), loc="left", fontsize=12)
    seen = f"   (features: {'; '.join(summary.features)})" if summary.features else ""
    axes.set_xlabel(_safe(f"{_x_name(summary)}{seen}"))
    axes.set_ylabel(summary.metric.replace("_", " "))
    if summary.strategies:
        axes.legend(title="strategy  (area)", loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def _several(panels: Sequence[Panel], differing: Sequence[str]) -> Figure:
    from matplotlib.figure import Figure

    across = 2 if len(panels) == 4 else min(ACROSS, len(panels))
    down = math.ceil(len(panels) / across)
    figure = Figure(figsize=(4.4 * across, 3.3 * down + 0.7), layout="constrained")
    is_shared = share_axes(panels, differing)
    grid = figure.subplots(down, across, squeeze=False, sharex=is_shared, sharey=is_shared).flatten()
    names = dict.fromkeys(each.strategy for panel in panels for each in panel.summary.strategies)
    drawn = styles(names, panels[0].summary.baseline)
    handles: dict[str, Artist] = {}
    for axes, panel in zip(grid, panels, strict=False):
        for each in panel.summary.strategies:
            _curve(axes, each, panel, drawn[each.strategy], _safe(each.strategy))
        _frame(axes, panel)
        axes.set_title(_safe(panel.name), loc="left", fontsize=10)
        axes.tick_params(labelsize=8, labelbottom=True, labelleft=True)
        handles |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if is_shared and names:
        grid[0].set_ylim(*y_range(panels))
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    summary = panels[0].summary
    figure.supxlabel(_x_name(summary), fontsize=10)
    figure.supylabel(summary.metric.replace("_", " "), fontsize=10)
    if handles:
        figure.legend(
            list(handles.values()),
            list(handles),
            loc="outside upper center",
            ncols=min(6, len(handles)),
            frameon=False,
            fontsize=9,
        )
    return figure


def _curve(axes: Axes, each: StrategySummary, panel: Panel, style: Style, label: str) -> None:
    labels = [point.labels for point in each.curve]
    for line in panel.seeds.get(each.strategy, ()):
        axes.plot(*zip(*line, strict=True), color=style.hex, alpha=0.22, linewidth=0.7, zorder=1)
    edges = band(each, y_range([panel]))
    axes.fill_between(
        labels, [low for _, low, _ in edges], [high for _, _, high in edges], color=style.hex, alpha=0.12, linewidth=0
    )
    spacing = max(1, len(labels) // 12)  # markers tell lines apart; more of them hide the lines
    axes.plot(
        labels,
        [point.mean for point in each.curve],
        style.dashes,
        color=style.hex,
        marker=style.marker,
        markersize=5.5,
        markevery=spacing,
        linewidth=1.8,
        label=label,
    )


def _frame(axes: Axes, panel: Panel) -> None:
    summary = panel.summary
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if not summary.strategies:
        return
    axes.set_ylim(*y_range([panel]))
    axes.axhline(summary.target, color="0.45", linewidth=1, linestyle=(0, (1, 2)), zorder=0)
    low, high = y_range([panel])
    if low <= summary.target <= high:
        axes.annotate(
            f"target {summary.target:g}",
            (0.005, summary.target),
            xycoords=("axes fraction", "data"),
            color="0.35",
            xytext=(0, 3),
            textcoords="offset points",
            fontsize=9,
        )


def _x_name(summary: Summary) -> str:
    return "labels bought" if summary.x == "labels" else summary.x


def _safe(text: str) -> str:
    """matplotlib takes what stands between dollars for mathematics, and a name that begins with _ for none."""
    text = text.replace("$", r"\$")
    return f"\u200b{text}" if text.startswith("_") else text


def _title(summary: Summary) -> str:
    seeds = sorted({len(each.seeds) for each in summary.strategies})
    if not seeds:
        return f"no {summary.metric} measured yet"
    many = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]}–{seeds[-1]}"
    up_to = f"{summary.budget} labels" if summary.x == "labels" else f"a {summary.x} of {summary.budget}"
    shown = "" if seeds[-1] == 1 else "; band: 95 % t interval of the mean"
    return (
        f"{len(summary.strategies)} {_plural('strategy', 'strategies', len(summary.strategies))},"
        f" {many} {_plural('seed', 'seeds', seeds[-1])}, up to {up_to}{shown}"
    )


def _plural(one: str, many: str, count: int) -> str:
    return one if count == 1 else many
