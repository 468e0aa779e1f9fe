"""(state, event) -> state. Everything known about a run is this fold over its journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from activeloop.errors import StoreError
from activeloop.store.journal import Event
from activeloop.types import JSON, OPEN, SKIP, Labels, Query, Rows


@dataclass(frozen=True)
class Measure:
    """What one model reached. labels: told so far, validation ones included.    metrics: e.g. accuracy in [0, 1]."""

    round: int
    labels: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class State:
    """A run at one moment.

    labels: [N], every label held, also the known and the validation ones.    known: [N], True where the label was
    brought along rather than asked for.    held_out: [N], True for validation rows, on which nothing trains.
    """

    config: Mapping[str, JSON]
    fingerprint: str
    data: str
    classes: tuple[str, ...]
    labels: Labels
    known: np.ndarray[tuple[int], np.dtype[np.bool_]]
    held_out: np.ndarray[tuple[int], np.dtype[np.bool_]]
    queries: tuple[Query, ...] = ()
    measures: tuple[Measure, ...] = ()
    notes: Mapping[int, Mapping[str, JSON]] = field(default_factory=dict)
    is_measured: bool = False  # no label changed since the last measure
    stopped: str | None = None

    @property
    def open_query(self) -> Query | None:
        return next((query for query in reversed(self.queries) if query.is_open), None)

    @property
    def told(self) -> int:
        """Labels that the oracle gave: what the budget counts. Known and skipped rows are not among them."""
        return int(((self.labels >= 0) & ~self.known).sum())

    @property
    def round(self) -> int:
        """Queries that a model or a strategy picked so far; 0 until the start is done."""
        return sum(query.use == "acquire" for query in self.queries)

    @property
    def training(self) -> Labels:
        """[N], the labels that a model may train on."""
        return np.where(self.held_out & (self.labels >= 0), OPEN, self.labels)

    @property
    def validation(self) -> Labels:
        """[N], the labels that only measure."""
        return np.where(self.held_out, self.labels, OPEN)

    @property
    def blocked(self) -> Labels:
        """[N], the labels as strategies see them: those of validation rows look skipped, so that nothing picks them."""
        return np.where(self.held_out, SKIP, self.labels)

    @property
    def pickable(self) -> Rows:
        """Rows that may be asked next: open, and not set aside for validation."""
        return np.flatnonzero((self.labels == OPEN) & ~self.held_out)


def fold(events: Iterable[Event]) -> State | None:
    """The state after these events; None before the first."""
    state: State | None = None
    for event in events:
        state = apply(state, event)
    return state


def apply(state: State | None, event: Event) -> State:
    """The state after one more event. Pure: `state` is left as it was.

    raises: StoreError for an event that no version of this package writes there.
    """
    kind = event["event"]
    if kind == "opened":
        return _opened(event)
    if state is None:
        raise StoreError(f"the journal begins with {kind!r} instead of 'opened': it is not a whole journal.")
    match event:
        case {"event": "asked", "query": str(id), "use": str(use), "rows": list(rows)}:
            query = Query(id, use, tuple(int(row) for row in rows))
            held_out = _with(state.held_out, query.rows, True) if use == "validation" else state.held_out
            return replace(state, queries=(*state.queries, query), held_out=held_out)
        case {"event": "told", "query": str(id), "answers": dict(answers)}:
            told = {int(row): int(label) for row, label in answers.items()}
            queries = tuple(replace(q, answers={**q.answers, **told}) if q.id == id else q for q in state.queries)
            return replace(_labelled(state, told), queries=queries)
        case {"event": "guessed", "query": str(id), "guesses": dict(guesses)}:
            said = {int(row): int(label) for row, label in guesses.items()}
            return replace(state, queries=tuple(replace(q, guesses=said) if q.id == id else q for q in state.queries))
        case {"event": "closed", "query": str(id)}:
            left = [row for q in state.queries if q.id == id and q.use == "validation" for row in q.unanswered]
            queries = tuple(replace(q, closed=True) if q.id == id else q for q in state.queries)
            return replace(state, queries=queries, held_out=_with(state.held_out, tuple(left), False))
        case {"event": "revised", "answers": dict(answers)}:
            return _labelled(state, {int(row): int(label) for row, label in answers.items()})
        case {"event": "noted", "notes": dict(notes)}:
            return replace(state, notes={**state.notes, **{int(row): note for row, note in notes.items()}})
        case {"event": "measured", "round": int(round), "labels": int(labels), "metrics": dict(metrics)}:
            measure = Measure(round, labels, {name: float(value) for name, value in metrics.items()})
            return replace(state, measures=(*state.measures, measure), is_measured=True)
        case {"event": "stopped", "why": str(why)}:
            return replace(state, stopped=why)
    raise StoreError(f"the journal holds an event that this version does not know: {dict(event)!r:.100}.")


def _opened(event: Event) -> State:
    match event:
        case {"config": dict(config), "fingerprint": str(fingerprint), "data": str(data), "rows": int(rows)}:
            labels = np.full(rows, OPEN, dtype=np.int64)
            known = event.get("known", {})
            for row, label in known.items() if isinstance(known, dict) else ():
                labels[int(row)] = int(label)
            classes = event.get("classes")
            names = tuple(str(name) for name in classes) if isinstance(classes, list) else ()
            return State(config, fingerprint, data, names, labels, labels >= 0, np.zeros(rows, dtype=np.bool_))
    raise StoreError(f"the journal's first event lacks its configuration: {dict(event)!r:.100}.")


def _labelled(state: State, answers: Mapping[int, int]) -> State:
    labels = state.labels.copy()
    for row, label in answers.items():
        labels[row] = label
    return replace(state, labels=labels, is_measured=False, stopped=None)


def _with(
    mask: np.ndarray[tuple[int], np.dtype[np.bool_]], rows: tuple[int, ...], value: bool
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    mask = mask.copy()
    mask[list(rows)] = value
    return mask
