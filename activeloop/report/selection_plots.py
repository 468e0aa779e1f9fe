"""A selection as pictures: where the picks lie, what they show, how hard they are, which classes they are of.

Every function gives a PNG; what a picture shows is made as a value first, then drawn.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from activeloop.errors import ConfigError
from activeloop.report.files import replace_bytes
from activeloop.report.selection import SEEN_HERE, Selection, dropped, entropy, share_of
from activeloop.report.sheet import sheet
from activeloop.report.styles import COLOURS
from activeloop.rng import derive, rng
from activeloop.types import Labels, Rows

if TYPE_CHECKING:  # matplotlib takes a second to import
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

Method = Literal["t-sne", "pca"]

DPI = 150
MOST_ROWS = {"t-sne": 3_000, "pca": 5_000}  # t-SNE of 3,000 rows takes 6 s on one core
MOST_CHOSEN = 1_500
MOST_COLOURS = 10  # more classes are not told apart by colour
MOST_NUMBERS = 40  # picks that have room for their place in the order
MOST_NAMES = 30  # classes that have room for their name under a bar
PERPLEXITY = 30  # scikit-learn's own
STEPS = (
    500  # of t-SNE; twice as many take twice as long, for a trustworthiness of 0.992 in place of 0.991 (3,000 digits)
)
BINS = 50
TAIL = 0.003  # of the rows at either end of the difficulty may be drawn into the outermost bin
KEPT = 50  # principal components before t-SNE, van der Maaten & Hinton 2008, section 4.2
CLASS_COLOURS = (*COLOURS[:7], "#332288", "#999933", "#882255")  # the last three are Tol's
PICKED, DROPPED, REST = COLOURS[0], COLOURS[1], "0.75"


@dataclass(frozen=True, eq=False)
class Map:
    """Rows in two dimensions. rows: [m], ascending.    points: [m, 2].    method: in words."""

    rows: Rows
    points: NDArray[np.float32]
    method: str

    def of(self, rows: Rows) -> NDArray[np.float32]:
        """Points of those of `rows` that are on the map, in their order."""
        at = np.searchsorted(self.rows, rows).clip(max=len(self.rows) - 1)
        found: NDArray[np.float32] = self.points[at[self.rows[at] == rows]]
        return found


def pictures(selection: Selection, method: Method = "t-sne") -> dict[str, bytes]:
    """File name -> PNG of every picture that this selection has."""
    made = {}
    if selection.features is not None and len(selection):
        made["projection.png"] = projection(selection, method)
    if selection.images is not None and len(selection.rows):
        made["sheet.png"] = sheet(selection)
    if selection.difficulty is not None:
        made["difficulty.png"] = difficulty(selection)
    if selection.reference is not None or selection.truth is not None:
        made["classes.png"] = classes(selection)
    return made


def shown(selections: Sequence[Selection], limit: int, most_chosen: int) -> Rows:
    """[m], ascending: rows to draw, at most `limit`. Of each selection the first picks, `most_chosen` of all together;
    then labelled rows and the rest, drawn by the first selection's seed."""
    first, each = selections[0], max(1, most_chosen // len(selections))
    chosen = np.unique(np.concatenate([selection.rows[:each] for selection in selections]))[:limit]
    others = np.setdiff1d(np.arange(len(first)), chosen)
    drawn = rng(first.seed, 0, "shown rows").permutation(others)[: limit - len(chosen)]
    return np.sort(np.concatenate([chosen, drawn]))


def map_of(features: Tensor, rows: Rows, seed: int, method: Method = "t-sne") -> Map:
    """These rows of the features in two dimensions: near one another where t-SNE, or the two main components, has them so.

    The same seed gives the same map. t-SNE shows neighbourhoods, and neither sizes of groups nor distances between them.
    source: van der Maaten & Hinton 2008, after a PCA to 50 components.
    """
    kept = components(features, rows, KEPT, seed)
    distinct = len(np.unique(kept, axis=0))
    if method == "pca" or distinct < 8:  # t-SNE needs neighbours
        return Map(rows, kept[:, :2], "two main components (PCA)")
    from sklearn.manifold import TSNE

    state = derive(seed, 0, "t-sne") % 2**32
    near = min(PERPLEXITY, (len(rows) - 1) / 3)
    points = TSNE(perplexity=near, init="pca", max_iter=STEPS, random_state=state).fit_transform(kept)
    return Map(rows, points.astype(np.float32), "t-SNE")


def components(features: Tensor, rows: Rows, most: int, seed: int) -> NDArray[np.float32]:
    """[m, max(3, min(most, D))]: the features of these rows, or, where they have more than `most`, their main components.

    Centred; columns of zeros where there are fewer than three.
    """
    import torch
    from sklearn.decomposition import PCA

    found = features[torch.from_numpy(rows).to(features.device)].float().cpu().numpy()
    found = found - found.mean(axis=0)
    if found.shape[1] > 1 and len(found) > 1:
        pca = PCA(min(most, *found.shape), random_state=derive(seed, 0, "pca") % 2**32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # constant features: shares of no variance
            found = pca.fit_transform(found)
    return np.pad(found, ((0, 0), (0, max(0, 3 - found.shape[1])))).astype(np.float32)


def projection(selection: Selection, method: Method = "t-sne") -> bytes:
    """The picks among all rows in two dimensions."""
    return _maps([selection], method)


def projections(selections: Sequence[Selection], path: Path, method: Method = "t-sne") -> None:
    """Several selections from the same rows side by side, all on one map, at `path`.

    raises: ConfigError where they are from unequally many rows, or none has features.
    """
    sizes = {selection.strategy: len(selection) for selection in selections}
    if len(set(sizes.values())) != 1:
        raise ConfigError(f"selections are from {sizes} rows; draw those of the same rows on one map.")
    if all(selection.features is None for selection in selections):
        raise ConfigError("none of the selections has features, so there is no map; give at least one its features.")
    replace_bytes(path, _maps(selections, method))


def _maps(selections: Sequence[Selection], method: Method) -> bytes:
    features, source, seed = next((s.features, s.features_from, s.seed) for s in selections if s.features is not None)
    where = map_of(features, shown(selections, MOST_ROWS[method], MOST_CHOSEN), seed, method)
    across = 2 if len(selections) == 4 else min(3, len(selections))
    side = 7.0 if len(selections) == 1 else 4.4
    down = math.ceil(len(selections) / across)
    figure = _figure(max(side * across, 7.0), side * down + 1.2)
    grid = figure.subplots(down, across, squeeze=False).flatten()
    for axes in grid[len(selections) :]:
        axes.set_axis_off()
    for axes, selection in zip(grid, selections, strict=False):
        _map(axes, selection, where)
    drawn = "all" if len(where.rows) == len(selections[0]) else f"{len(where.rows):,} of {len(selections[0]):,}"
    title = f"Rows picked, on a map of {drawn} rows\n{where.method} of {source}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower left", ncols=1 if across == 1 else len(handles), frameon=False, fontsize=9
    )
    return _png(figure)


def _map(axes: Axes, selection: Selection, where: Map) -> None:
    """The picks of one selection over all rows of the map: grey from the first (white) to the last (black)."""
    _background(axes, selection, where)
    held = where.of(np.flatnonzero(selection.held))
    if len(held):
        axes.scatter(
            held[:, 0], held[:, 1], marker="x", s=28, color="black", linewidths=1.2, label="labelled before", zorder=3
        )
    points = where.of(selection.rows)
    numbered = len(points) <= MOST_NUMBERS
    greys = ["white"] * len(points) if numbered else [f"{grey:.3f}" for grey in np.linspace(1, 0, len(points))]
    name = "picked, in the order of the numbers" if numbered else "picked: the first white, the last black"
    size = 110 if numbered else 42 if len(points) <= 300 else 18
    axes.scatter(points[:, 0], points[:, 1], s=size, c=greys, edgecolors="black", linewidths=1.0, zorder=4, label=name)
    for i, (x, y) in enumerate(points.tolist() if numbered else ()):
        axes.annotate(str(i + 1), (x, y), ha="center", va="center_baseline", fontsize=6.5, zorder=5)
    more = "" if len(points) == len(selection.rows) else f", the first {len(points):,} shown"
    axes.set_title(f"{selection.strategy}: {len(selection.rows):,} picks{more}", fontsize=10)
    axes.set(xticks=[], yticks=[])
    axes.margins(0.03)


def _background(axes: Axes, selection: Selection, where: Map) -> None:
    """All rows of the map, pale, coloured and named by true class or cluster where those are few."""
    kind, ids, names = _groups(selection)
    size = 14 if len(where.rows) < 1_000 else 8
    if ids is None or len(names) > MOST_COLOURS:
        axes.scatter(where.points[:, 0], where.points[:, 1], s=size, color="0.8", linewidths=0, label="all rows")
        return
    for group, name in enumerate(names):
        points = where.of(where.rows[ids[where.rows] == group])
        colour = CLASS_COLOURS[group]
        axes.scatter(points[:, 0], points[:, 1], s=size, color=colour, alpha=0.35, linewidths=0, zorder=1)
        if len(points):
            x, y = points[np.square(points - np.median(points, axis=0)).sum(axis=1).argmin()]
            halo = {"facecolor": "white", "edgecolor": colour, "boxstyle": "round,pad=0.2", "alpha": 0.85}
            axes.annotate(_short(name, 14), (x, y), ha="center", va="center", fontsize=8, bbox=halo, zorder=6)
    axes.scatter([], [], s=30, color="0.6", linewidths=0, label=f"all rows; colour and name: {kind}")


def _groups(selection: Selection) -> tuple[str, Labels | None, tuple[str, ...]]:
    """What rows are coloured by: the true class where it is known here, else the cluster; ids below 0 are not known."""
    if selection.truth is not None:
        return f"true class, {SEEN_HERE}", selection.truth, selection.classes
    if selection.reference is not None:
        return "cluster", selection.reference, _numbers(selection.reference)
    return "", None, ()


def _numbers(reference: Labels) -> tuple[str, ...]:
    return tuple(map(str, range(int(reference.max(initial=0)) + 1)))


def difficulty(selection: Selection) -> bytes:
    """How hard all rows are, in which window of that the picks lie, and what the cutoff drops."""
    values = selection.difficulty
    if values is None:
        raise ConfigError("this selection has no difficulty to draw.")
    out, cut = _hard_end(selection, values)
    edges = _edges(values, selection.picked, cut)
    inside = values.clip(edges[0], edges[-1])
    beyond = "" if (inside == values).all() else "\n(the outermost bars hold what lies beyond them too)"
    values = inside
    picked = selection.picked
    parts = [
        ("dropped as too hard", values[out & ~picked], DROPPED),
        ("the other rows", values[~out & ~picked], REST),
        ("picked", values[picked], PICKED),
    ]
    names, stacked, colours = zip(*(part for part in parts if len(part[1])), strict=True)
    names = [f"{name}: {len(some):,}" for name, some in zip(names, stacked, strict=True)]
    figure = _figure(9, 5.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.hist(stacked, edges, stacked=True, color=colours, label=names, edgecolor="white", linewidth=0.3)
    lower.hist(values[picked], edges, color=PICKED, edgecolor="white", linewidth=0.3)
    if cut is not None:
        for axes in (upper, lower):
            axes.axvline(cut, color="black", linestyle="--", linewidth=1.2)
        upper.plot([], [], "k--", linewidth=1.2, label=f"cutoff: the hardest {selection.cutoff:.1%}")
    upper.set_ylabel("rows")
    lower.set_ylabel("picks alone")
    lower.set_xlabel(_score(selection) + beyond)
    for x, side, end in ((0.0, "left", "← easy"), (1.0, "right", "hard →")):
        lower.annotate(end, (x, -0.42), xycoords="axes fraction", ha=side, va="center", fontweight="bold")
    title = (
        f"{selection.strategy}: difficulty of all {len(selection):,} rows, and of the {len(selection.rows):,} picked"
    )
    upper.set_title(title, loc="left", fontsize=12)
    upper.legend(frameon=False)
    _plain(upper, lower)
    return _png(figure)


def _hard_end(selection: Selection, values: NDArray[np.float64]) -> tuple[NDArray[np.bool_], float | None]:
    """[N], the rows that the cutoff drops, and the least of their values; None where each cluster has its own.

    Of equally hard rows, which the selector told apart by chance, those not picked.
    """
    out, order = np.zeros(len(values), dtype=np.bool_), np.lexsort((selection.picked, -values))
    hardest = order[: dropped(selection)]
    if selection.reference is not None and selection.picked[hardest].any():  # picked by a quota per cluster
        for cluster in np.unique(selection.reference):
            group = order[selection.reference[order] == cluster]
            out[group[: share_of(selection.cutoff or 0.0, len(group))]] = True
        return out & ~selection.picked, None
    out[hardest] = True
    return out & ~selection.picked, float(values[hardest[-1]]) if len(hardest) else None


def _edges(values: NDArray[np.float64], picked: NDArray[np.bool_], cut: float | None) -> NDArray[np.float64]:
    """Of bins that show nearly all rows and every pick, so that a few extreme rows do not squeeze the others; one at
    the cutoff, so that no bin is half dropped."""
    span = np.append(values[picked], np.quantile(values, (TAIL, 1 - TAIL)))
    low, high = float(span.min()), float(span.max())
    cut = low if cut is None else cut
    width = (high - low) / BINS or 1.0
    bins = np.arange(math.floor((min(low, cut) - cut) / width), math.ceil((max(high, cut) - cut) / width) + 1)
    bins = bins if len(bins) > 1 else np.arange(-1, 2)
    return (cut + width * bins).astype(np.float64)


def _score(selection: Selection) -> str:
    """The difficulty by the name that its provider gave it."""
    notes = selection.notes.get("difficulty", {})
    return str(notes.get("what", notes.get("score", "difficulty")))


def classes(selection: Selection) -> bytes:
    """How many picks each cluster and each true class got, beside the even share and what random picks would get."""
    panels: list[tuple[str, Labels, tuple[str, ...]]] = []
    if selection.reference is not None:
        panels.append(("cluster", selection.reference, _numbers(selection.reference)))
    if selection.truth is not None:
        panels.append(("true class", selection.truth, selection.classes))
    widest = max(len(names) for _, _, names in panels)
    figure = _figure(min(14.0, max(7.0, 2 + 0.32 * widest)), 0.5 + 3.3 * len(panels))
    grid = figure.subplots(len(panels), 1, squeeze=False).flatten()
    for axes, (kind, ids, names) in zip(grid, panels, strict=True):
        _bars(axes, selection, kind, ids, names)
    figure.suptitle(
        f"{selection.strategy}: what the {len(selection.rows):,} picks are of", x=0.01, ha="left", fontsize=12
    )
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return _png(figure)


def _bars(axes: Axes, selection: Selection, kind: str, ids: Labels, names: tuple[str, ...]) -> None:
    from matplotlib.ticker import MaxNLocator

    picks, pool = (np.bincount(some[some >= 0], minlength=len(names)) for some in (ids[selection.rows], ids))
    at = np.arange(len(names))
    axes.bar(at, picks, color=PICKED, width=0.8, label="picks")
    axes.plot(
        at, pool / max(1, pool.sum()) * picks.sum(), "_", color="black", markersize=max(4, min(22, 420 / len(names))),
        markeredgewidth=1.8, label="what random picks would get",
    )  # fmt: skip
    axes.axhline(picks.sum() / max(1, len(names)), color=DROPPED, linestyle="--", linewidth=1.4, label="the even share")
    found = entropy(picks)
    measured = "" if found is None else f"; entropy {found:.3f}, where 1 is even"
    note = f"  ({SEEN_HERE})" if kind == "true class" else ""
    axes.set_title(f"Picks per {kind}{measured}{note}", loc="left", fontsize=10)
    axes.set(xlabel=kind, ylabel="picks", xlim=(-0.6, len(names) - 0.4))
    if len(names) <= MOST_NAMES:
        most = max(16, 70 // len(names))
        fits = sum(map(len, names)) <= 70
        ticks = axes.set_xticks(at, [_short(name, most) for name in names])
        for tick in () if fits else ticks:
            tick.label1.set(rotation=35, ha="right", rotation_mode="anchor")
    else:
        axes.set_xlabel(f"{kind}, by number")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    _plain(axes)


def _plain(*several: Axes) -> None:
    for axes in several:
        axes.grid(axis="y", alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()
