"""A run in TensorBoard's projector: its pool, coloured by the round in which a row was picked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from activeloop.fold import State
from activeloop.report.images import Images
from activeloop.report.projector import MOST_COLUMNS, Colour, encode
from activeloop.report.selection_plots import components
from activeloop.rng import rng
from activeloop.types import SKIP, Labels, Rows

if TYPE_CHECKING:
    from torch import Tensor

MOST_ROWS = 5_000  # with as many thumbnails of 57 pixels the sprite is as large as every WebGL can hold
MOST_GROUPS = (
    8  # of rounds: with the start and "not picked" these are the projector's ten colours, and the last is grey
)
START, VALIDATION, BEFORE, NOT_PICKED, NONE = "start", "validation", "labelled before", "not picked", "-"
GREY: Colour = (215, 215, 215)
BLACK: Colour = (0, 0, 0)
FADED = 0.3  # of a row that was not picked, its contrast


def rows_of(state: State) -> Rows:
    """[m], at most 5,000: rows that were asked, in their order, then others drawn by the run's seed.

    No more than half of them are rows asked, unless there are not enough others; then some of each round are drawn.
    """
    asked = np.array(list(_rounds(state)), dtype=np.int64)
    others = np.setdiff1d(np.arange(len(state.labels)), asked)
    seed = state.config.get("seed")
    chance = rng(seed if isinstance(seed, int) else 0, 0, "shown rows")
    most = max(MOST_ROWS // 2, MOST_ROWS - len(others))
    kept = asked[np.sort(chance.permutation(len(asked))[:most])]
    return np.concatenate([kept, np.sort(chance.permutation(others)[: MOST_ROWS - len(kept)])])


def files_of(
    state: State, rows: Rows, features: Tensor, features_from: str, images: Images | None, truth: Labels | None
) -> dict[str, bytes]:
    """File name -> content, as in `projector.files`.

    rows: [m], as from `rows_of`.    features: [m, D], of these rows.    features_from: in words.
    images: as in `projector`; each gets a frame, dark in the first round and bright in the last, and what was not picked is
    faded, so that rounds are seen before anything is chosen in the menu.    truth: [N], -1 unknown, or None.
    """
    seed = state.config.get("seed")
    points = components(features, np.arange(len(rows)), MOST_COLUMNS, seed if isinstance(seed, int) else 0)
    rounds = _rounds(state)
    groups = _groups(list(rounds.values()))
    words = [_group(rounds.get(row), groups, bool(state.known[row])) for row in rows.tolist()]
    colours = _colours(groups)
    frames = [colours.get(word, GREY) for word in words]
    left = {row for row, word in zip(rows.tolist(), words, strict=True) if word == NOT_PICKED}
    pale = None if images is None else _faded(images, left)
    name = f"{features_from}; frames: dark in the first round, bright in the last" if images else features_from
    return encode(name, points, _metadata(state, rows, words, truth), pale, rows, frames)


def _rounds(state: State) -> dict[int, int]:
    """Row -> the round that asked it last, in the order asked; 0 for the start, -1 for validation."""
    found: dict[int, int] = {}
    round = 0
    for query in state.queries:
        round += query.use == "acquire"
        at = -1 if query.use == "validation" else 0 if query.use == "start" else round
        for row in query.rows:
            found.pop(row, None)
            found[row] = at
    return found


def _groups(rounds: Sequence[int]) -> dict[int, str]:
    """Round -> its name, where there are many that of several together."""
    last = max(rounds, default=0)
    names = {-1: VALIDATION, 0: START}
    for part in np.array_split(np.arange(1, last + 1), min(last, MOST_GROUPS)) if last else ():
        several = part.tolist()
        name = f"round {several[0]}" if len(several) == 1 else f"rounds {several[0]}–{several[-1]}"
        names |= dict.fromkeys(several, name)
    return names


def _group(round: int | None, groups: dict[int, str], is_known: bool) -> str:
    if round is None:
        return BEFORE if is_known else NOT_PICKED
    return groups[round]


def _colours(groups: dict[int, str]) -> dict[str, Colour]:
    """From dark to bright in the order of the rounds."""
    from matplotlib import colormaps

    names = list(dict.fromkeys(name for round, name in sorted(groups.items()) if round >= 0))
    scale = colormaps["plasma"]
    found: dict[str, Colour] = {BEFORE: BLACK, VALIDATION: BLACK}
    for at, name in enumerate(names):
        red, green, blue = (round(255 * part) for part in scale(0.95 * at / max(1, len(names) - 1))[:3])
        found[name] = (red, green, blue)
    return found


def _faded(images: Images, rows: set[int]) -> Images:
    """The same, with these rows nearly white."""

    def show(wanted: Sequence[int]) -> Tensor:
        found = images(wanted)
        found = found.float() / 255 if not found.is_floating_point() else found.clone()
        pale = [at for at, row in enumerate(wanted) if row in rows]
        found[pale] = 1 - FADED * (1 - found[pale])
        return found

    return show


def _metadata(state: State, rows: Rows, words: Sequence[str], truth: Labels | None) -> Iterator[list[str]]:
    """The header, then of every row its number, its round, its place in the order asked, its label and its true class.

    order: 0 where it was not asked: a number, so that the menu offers it as a scale of colours.
    """
    order = {row: str(at) for at, row in enumerate(_rounds(state), start=1)}
    yield ["row", "round", "order", "label", *(["answer", "true class"] if truth is not None else [])]
    for row, word in zip(rows.tolist(), words, strict=True):
        label = int(state.labels[row])
        told = state.classes[label] if label >= 0 else "skipped" if label == SKIP else NONE
        cells = [str(row), word, order.get(row, "0"), told]
        if truth is not None:
            true = int(truth[row])
            answer = NONE if label < 0 or true < 0 else "right" if label == true else "wrong"
            cells += [answer, state.classes[true] if true >= 0 else "unknown"]
        yield cells
