"""A selection as numbers and words, and everything that is written about it.

What strategies never see may stand here: `truth`, handed over by whoever simulates, for this report alone.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from activeloop.report.files import replace_bytes
from activeloop.report.images import Images
from activeloop.report.table import MISSING
from activeloop.types import JSON, Labels, Rows

if TYPE_CHECKING:
    from torch import Tensor

ROW_BLOCK, CENTRE_BLOCK = 2048, 8192  # 64 MB of distances at a time
COLUMNS, LABEL = 100, 14  # of the text
MOST_NUMBERS = 6  # of a note that are told one by one
SEEN_HERE = "seen by this report alone"
PICTURES = ("projection.png", "sheet.png", "difficulty.png", "classes.png")


@dataclass(frozen=True, eq=False)
class Selection:
    """Rows that a strategy picked, and what they were picked from.

    features_from: in words, e.g. "simclr, 128 dimensions".    rows: [n], in the order picked.
    features:   [N, D], or None where there are none to measure distances on.    held: [N], True where labelled before.
    classes:    names of the C true classes.    reference: [N] cluster ids that stood in for labels, or None.
    difficulty: [N], high is hard, or None.    cutoff: the fraction of hardest rows that was dropped, or None.
    notes:      evidence -> what its provider said of it.    truth: [N] class ids, -1 unknown, or None.
    images:     rows -> [n, 1 or 3, H, W], or None where rows are no images.    seed: of the selection, and of what is drawn.
    """

    strategy: str
    features_from: str
    rows: Rows
    features: Tensor | None
    held: NDArray[np.bool_]
    classes: tuple[str, ...] = ()
    reference: Labels | None = None
    difficulty: NDArray[np.float64] | None = None
    cutoff: float | None = None
    notes: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    truth: Labels | None = None
    images: Images | None = None
    seed: int = 0

    def __len__(self) -> int:
        """N, the rows picked from, labelled ones included."""
        return len(self.held)

    @property
    def picked(self) -> NDArray[np.bool_]:
        """[N], True where picked."""
        mask = np.zeros(len(self), dtype=np.bool_)
        mask[self.rows] = True
        return mask


def summarise(selection: Selection) -> dict[str, JSON]:
    """How well the picks cover the pool, how even their classes are, and which window of the difficulty they are.

    What cannot be known is None. Entropies are in units of log C: 1 is even, 0 a single class; `pool_entropy` is that of
    all rows, which random picks come to. cost: one pass over the features per 8,192 rows chosen.
    """
    s = selection
    agreement = None if s.reference is None or s.truth is None else nmi(s.reference, s.truth)
    return {
        "strategy": s.strategy,
        "seed": s.seed,
        "picks": len(s.rows),
        "rows": len(s),
        "labelled_before": int(s.held.sum()),
        "features": s.features_from,
        "coverage": None if s.features is None else _coverage(s, s.features),
        "clusters": None if s.reference is None else _balance(s, s.reference, int(s.reference.max(initial=0)) + 1),
        "true_classes": None if s.truth is None else {**_balance(s, s.truth, len(s.classes)), "note": SEEN_HERE},
        "nmi": agreement,
        "window": None if s.difficulty is None else _window(s, s.difficulty),
        "notes": _clean(s.notes),
    }


def _coverage(selection: Selection, features: Tensor) -> dict[str, JSON]:
    """radius, mean: Euclidean distance of a row to the nearest row picked or labelled before, the largest and the mean.

    duplicates: picks whose features are those of an earlier pick or of a row labelled before.
    """
    chosen = np.concatenate([np.flatnonzero(selection.held), selection.rows])
    if not len(chosen):
        return {"radius": None, "mean": None, "duplicates": 0}
    distances = nearest(features, chosen)
    _, first = np.unique(features[chosen].float().cpu().numpy() + 0.0, axis=0, return_index=True)  # + 0.0: -0 is 0
    fresh = int((first >= len(chosen) - len(selection.rows)).sum())
    return {
        "radius": float(distances.max()),
        "mean": float(distances.mean()),
        "duplicates": len(selection.rows) - fresh,
    }


def nearest(features: Tensor, centres: Rows) -> NDArray[np.float64]:
    """[N] Euclidean distances of all rows to the nearest of the rows `centres`.

    A blocked product finds the nearest one, a difference gives the distance: squares alone would cancel far from 0.
    """
    import torch

    chosen = features[torch.from_numpy(centres).to(features.device)].float()
    middle = chosen.mean(dim=0)
    chosen = chosen - middle
    square = (chosen * chosen).sum(dim=1)
    found = []
    for start in range(0, len(features), ROW_BLOCK):
        rows = features[start : start + ROW_BLOCK].float() - middle
        reach = torch.full((len(rows),), torch.inf, device=rows.device)
        at = torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
        for first in range(0, len(chosen), CENTRE_BLOCK):
            block = slice(first, first + CENTRE_BLOCK)
            lowest, where = torch.addmm(square[block], rows, chosen[block].T, alpha=-2).min(dim=1)
            at = torch.where(lowest < reach, where + first, at)
            reach = torch.minimum(reach, lowest)
        found.append((rows - chosen[at]).double().norm(dim=1).cpu())
    return cast("NDArray[np.float64]", torch.cat(found).numpy())


def _balance(selection: Selection, ids: Labels, classes: int) -> dict[str, JSON]:
    """Picks per class. ids: [N], those below 0 are not known and not counted."""
    counts, pool = (np.bincount(some[some >= 0], minlength=classes) for some in (ids[selection.rows], ids))
    return {"picks_per_class": counts.tolist(), "entropy": entropy(counts), "pool_entropy": entropy(pool)}


def entropy(counts: NDArray[np.int64]) -> float | None:
    """Of the shares that these counts are, in units of log C: 1 where all are equal. None for fewer than two classes."""
    if len(counts) < 2 or not counts.sum():
        return None
    shares = counts[counts > 0] / counts.sum()
    return abs(float((shares * np.log(shares)).sum())) / math.log(len(counts))


def nmi(reference: Labels, truth: Labels) -> float | None:
    """Normalised mutual information of two namings of the rows known in both: 1 where they differ in names alone."""
    from sklearn.metrics import normalized_mutual_info_score

    known = (reference >= 0) & (truth >= 0)
    return float(normalized_mutual_info_score(truth[known], reference[known])) if known.any() else None


def _window(selection: Selection, difficulty: NDArray[np.float64]) -> dict[str, JSON]:
    """Where the picks lie from the hardest row on, rank 1: the edges, and how many of all N rows lie within them."""
    cutoff = selection.cutoff
    found: dict[str, JSON] = {"cutoff": cutoff, "dropped": None if cutoff is None else dropped(selection)}
    if not len(selection.rows):
        return found
    picked = difficulty[selection.rows]
    harder, until = int((difficulty > picked.max()).sum()), int((difficulty >= picked.min()).sum())
    return found | {
        "hardest_rank": harder + 1,
        "easiest_rank": until,
        "hardest": float(picked.max()),
        "easiest": float(picked.min()),
        "rows": until - harder,
    }


def dropped(selection: Selection) -> int:
    """How many of the hardest rows the cutoff drops."""
    return share_of(selection.cutoff or 0.0, len(selection))


def share_of(cutoff: float, rows: int) -> int:
    """The whole part, as pruning takes it: 29 of 100 for 0.29, where floats say 28.999999999999996."""
    return math.floor(round(cutoff * rows, 6))


def _clean(value: JSON) -> JSON:
    """The same without what JSON cannot say: nan and infinity become None, numpy's numbers Python's."""
    if isinstance(value, Mapping):
        return {str(name): _clean(each) for name, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _clean(value.tolist())
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def text(summary: Mapping[str, JSON]) -> str:
    """A summary for the terminal, at most 100 columns."""
    s = cast("Mapping[str, Any]", summary)
    before = f", {s['labelled_before']:,} labelled before" if s["labelled_before"] else ""
    head = f"{s['strategy']}: {s['picks']:,} of {s['rows']:,} rows picked, seed {s['seed']}{before}"
    lines = [("features", s["features"])]
    if s["coverage"]:
        lines += _coverage_words(s["coverage"])
    if s["clusters"]:
        lines.append(("clusters", _balance_words(s["clusters"])))
    if s["true_classes"]:
        lines.append(("true classes", f"{_balance_words(s['true_classes'])} ({SEEN_HERE})"))
    if s["nmi"] is not None:
        lines.append(("agreement", f"normalised mutual information of clusters and true classes {s['nmi']:.3f}"))
    if s["window"]:
        lines.append(("difficulty", _window_words(s["window"], s["rows"])))
    lines += [(f"  {name}", _words(notes)) for name, notes in s["notes"].items()]
    return "\n".join([textwrap.shorten(head, COLUMNS), *(_line(*each) for each in lines)])


def _line(label: str, words: str) -> str:
    width = max(LABEL, len(label) + 1)
    return textwrap.fill(words, COLUMNS, initial_indent=label.ljust(width), subsequent_indent=" " * LABEL)


def _coverage_words(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    if found["radius"] is None:
        return []
    covered = f"radius {found['radius']:.4g}, mean {found['mean']:.4g}: distance to the nearest row picked or labelled"
    twice = found["duplicates"]
    return [("coverage", covered), *([("duplicates", f"{twice:,} picks repeat a row chosen already")] if twice else [])]


def _balance_words(found: Mapping[str, Any]) -> str:
    counts = found["picks_per_class"]
    if found["entropy"] is None:
        return f"one class, {sum(counts):,} picks"
    pool = MISSING if found["pool_entropy"] is None else f"{found['pool_entropy']:.3f}"
    each = f"{min(counts):,}–{max(counts):,} picks in each of {len(counts):,}"
    missed = f", {counts.count(0)} with none" if 0 in counts else ""
    return f"entropy {found['entropy']:.3f} of 1, all rows {pool}; {each}{missed}"


def _window_words(found: Mapping[str, Any], rows: int) -> str:
    cut = "" if found["cutoff"] is None else f"; the hardest {found['dropped']:,} ({found['cutoff']:.1%}) are dropped"
    if "hardest_rank" not in found:
        return f"nothing picked{cut}"
    values = f"from {found['hardest']:.4g} to {found['easiest']:.4g}"
    return f"ranks {found['hardest_rank']:,}–{found['easiest_rank']:,} of {rows:,} from the hard end, {values}{cut}"


def _words(value: JSON) -> str:
    """A note in words; of many numbers, how many and from where to where."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_words(each)}" for name, each in value.items())
    if isinstance(value, Sequence) and value and not isinstance(value, str):
        numbers = [each for each in value if isinstance(each, int | float)]
        if len(numbers) == len(value) > MOST_NUMBERS:
            return f"{_words(min(numbers))}–{_words(max(numbers))} ({len(numbers)} values)"
        return ("; " if isinstance(value[0], Mapping) else " ").join(_words(each) for each in value)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: MISSING}[value]
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else str(value)


def write(selection: Selection, folder: Path) -> list[Path]:
    """Write selection.json, pictures and a folder tb for TensorBoard's projector; the paths, selection.json last.

    projection.png and tb/ need features, sheet.png images, difficulty.png a difficulty, classes.png clusters or true
    classes. All is made before anything is written, each file is whole or absent, and a picture of an earlier selection
    that this one does not have is taken away.
    """
    from activeloop.report import projector, selection_plots

    summary = json.dumps(summarise(selection), indent=1, allow_nan=False).encode() + b"\n"
    made = selection_plots.pictures(selection)
    if selection.features is not None:
        made |= {f"tb/{name}": content for name, content in projector.files([selection]).items()}
    made["selection.json"] = summary
    for name, content in made.items():
        replace_bytes(folder / name, content)
    for name in (*PICTURES, *(f"tb/{name}" for name in projector.FILES)):
        if name not in made:
            (folder / name).unlink(missing_ok=True)
    return [folder / name for name in made]
