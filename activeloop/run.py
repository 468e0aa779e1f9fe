"""A run: ask, tell, close, revise. All it knows is a fold over its journal, so it may die at any byte."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Mapping
from operator import index
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from activeloop.config import Config, as_json, build, differences, fingerprint
from activeloop.errors import BadAnswer, ConfigError, StoreError
from activeloop.fold import State, apply, fold
from activeloop.rng import rng
from activeloop.stop import WATCHED, Predictions, reason_to_stop, watched
from activeloop.store import watched as kept_predictions
from activeloop.store.confusion import On, write_confusion
from activeloop.store.journal import FILE, Event, Journal
from activeloop.store.timings import append as append_timings
from activeloop.store.timings import timed
from activeloop.types import JSON, OPEN, SKIP, Data, HeldOut, Labels, Model, Query, Rows

if TYPE_CHECKING:
    from activeloop.rounds import Setup
    from activeloop.training import Request, Trained


class Run:
    """One strategy and seed, in one folder. `ask` and `tell` may be repeated without effect; `with` releases the folder.

    Without `config` the folder must hold a run already. Without `data` a run can be told, closed and revised, not asked.

    known: [N], labels that were there before; they train, and the budget does not count them.
    clock: seconds; read for timings.jsonl alone, never for the journal.
    raises: ConfigError and its kin before anything is written; StoreError where the folder holds another run or another
    process writes it.
    """

    def __init__(
        self,
        folder: Path | str,
        config: Config | None = None,
        data: Data | None = None,
        test: HeldOut | None = None,
        known: Labels | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.folder, self._clock = Path(folder), clock
        if config is not None and config.device == "auto":
            from activeloop.rounds import on_this_machine

            config = on_this_machine(config)
        is_new = not (self.folder / FILE).exists()
        self._setup = _prepared(config, data, test, known) if config is not None and data is not None else None
        if self._setup is not None and is_new:
            from activeloop.start import check_start

            check_start(self._setup, known)
        if self._setup is None and is_new:
            raise StoreError(f"no run in {self.folder}; `activeloop run … --out {self.folder}` starts one.")
        self._models: dict[tuple[int, bytes], Model] = {}
        self._journal = Journal(self.folder)
        try:
            self._events: list[Event] = list(self._journal.events)
            self._state = fold(self._events)
            if self._state is None and (config is None or data is None):
                raise StoreError(f"the journal in {self.folder} is empty; start the run again with its configuration.")
            if self._state is None and config is not None and data is not None:
                self._append(_opening(config, data, test, known))
            self._check_same(config, data, test, known)
            if self._setup is None and data is not None:
                self._setup = _prepared(self.config, data, test, known)
        except BaseException:
            self._journal.close()
            raise

    @property
    def state(self) -> State:
        assert self._state is not None
        return self._state

    @property
    def config(self) -> Config:
        return build(self.state.config)

    def ask(self, train: Callable[[Request], Model] | None = None) -> Query | None:
        """The open query if there is one, else the next; None once the budget is spent, the target reached or the pool
        empty.

        train: who trains, the learner unless told otherwise; must make the very model that the learner would.
        """
        if self.state.open_query is not None or self.state.stopped is not None:
            return self.state.open_query
        from activeloop import training
        from activeloop.rounds import threads

        with threads(self.config.threads):
            return training.drained(self.steps(), self._clock, train or training.train)

    def steps(self) -> Generator[Request, Trained, Query | None]:
        """What `ask` does, but for the training: yields what is to be trained, takes the model, and ends in the query.

        Nothing durable lives in it: given up anywhere, another goes on from the journal. Whoever drains it holds the
        configuration's `threads`.
        """
        if self.state.open_query is not None or self.state.stopped is not None:
            return self.state.open_query
        if self._setup is None:
            raise ConfigError("this run was opened without its data, which the next query needs: pass `data`.")
        return (yield from self._next(self._setup))

    def tell(
        self, query: str, answers: Mapping[int, int], notes: Mapping[int, Mapping[str, JSON]] | None = None
    ) -> tuple[int, ...]:
        """Take answers, row -> class id or -2 to skip; gives the rows still unanswered.

        What was told before is passed over. When this returns, the answers are on disk.
        notes: row -> annotator, cost, date …; journalled, and ignored by everything but reports.
        raises: BadAnswer for a row not asked, a class out of range or a changed answer; then nothing was taken.
        """
        asked = self._query(query)
        fresh = {row: self._checked(asked, row, label) for row, label in answers.items() if row not in asked.answers}
        for row in answers.keys() - fresh.keys():
            self._refuse_change(asked, row, answers[row])
        if fresh and asked.closed:
            raise BadAnswer(
                f"{query} is closed, and row {min(fresh)} is open again: it may be asked anew. To record its label all"
                " the same, use `revise`."
            )
        news = {row: note for row, note in (notes or {}).items() if self.state.notes.get(row) != note}
        if news:
            self._append({"event": "noted", "query": query, "notes": {str(row): note for row, note in news.items()}})
        if fresh:
            order = [row for row in asked.rows if row in fresh]
            self._append({"event": "told", "query": query, "answers": {str(row): fresh[row] for row in order}})
        return self._query(query).unanswered

    def guesses(self, query: str) -> Mapping[int, int]:
        """Row -> the class that the model which picked it gives it; empty where no model picked.

        Journalled the first time that they are wanted, so that whoever saw them can be made to see them again.
        raises: ConfigError for a run that was opened without its data, BadAnswer for a query that is not the latest and
        whose guesses nobody wanted then.
        """
        asked = self._query(query)
        if asked.guesses or asked.use != "acquire":
            return asked.guesses
        if asked.id != self.state.queries[-1].id:
            raise BadAnswer(f"{query} was asked without guesses, and a later query is there: it is too late for them.")
        if self._setup is None:
            raise ConfigError("this run was opened without its data, which the model's guesses need: pass `data`.")
        from activeloop.rounds import threads
        from activeloop.training import drained

        rows = np.array(asked.rows, dtype=np.int64)
        with threads(self.config.threads):
            picking = drained(self._model_before(self._setup, self.state.round), self._clock)
            found = picking.probs(rows).argmax(dim=1).tolist()
        said = {str(row): int(label) for row, label in zip(asked.rows, found, strict=True)}
        self._append({"event": "guessed", "query": query, "guesses": said})
        return self._query(query).guesses

    def close(self, query: str) -> None:
        """Give up on what is unanswered: those rows become open again. Again: no effect."""
        if self._query(query).is_open:
            self._append({"event": "closed", "query": query})

    def revise(
        self, answers: Mapping[int, int], why: str, notes: Mapping[int, Mapping[str, JSON]] | None = None
    ) -> None:
        """Change labels after an audit, or add some that no query asked for; -2 takes a row out.

        notes: as in `tell`, of the rows that change.
        raises: BadAnswer for a foreign row, a class out of range, a row of the open query, or no reason.
        """
        if not why.strip():
            raise BadAnswer("a revision needs its reason: the journal keeps it beside the change.")
        waiting = set(self.state.open_query.unanswered) if self.state.open_query else set()
        for row in answers:
            if not 0 <= row < len(self.state.labels):
                raise BadAnswer(f"row {row} is not in the data; rows are 0…{len(self.state.labels) - 1}.")
            if row in waiting:
                raise BadAnswer(f"row {row} is asked in the open query; `tell` it instead.")
        checked = {index(row): self._check_label(row, label) for row, label in answers.items()}
        changed = {row: label for row, label in checked.items() if self.state.labels[row] != label}
        if changed:
            news = {str(row): note for row, note in (notes or {}).items() if row in changed}
            if news:
                self._append({"event": "noted", "notes": news})
            self._append(
                {"event": "revised", "answers": {str(row): label for row, label in sorted(changed.items())}, "why": why}
            )

    def model(self) -> Model:
        """The model on all labels held now; trained anew unless this process has it still."""
        if self._setup is None:
            raise ConfigError("this run was opened without its data, which a model needs: pass `data`.")
        from activeloop.rounds import threads
        from activeloop.training import drained

        with threads(self.config.threads):
            steps = self._fitted(self._setup, self.state, self.state.round, watch=None)
            return drained(steps, self._clock).model

    def predictions(self, rows: int = WATCHED) -> Predictions:
        """[rounds, rows], the classes that the model of every round so far gives to rows of the pool drawn once.

        Kept beside the journal; what is not there is trained again, which takes as long as the run's training did.
        """
        if self._setup is None:
            raise ConfigError("this run was opened without its data, which predictions need: pass `data`.")
        from activeloop.rounds import threads
        from activeloop.training import drained

        with threads(self.config.threads):
            steps = self._predictions(self._setup, rows, self.state.round + (self.state.stopped is not None))
            return drained(steps, self._clock)

    # a round, from left to right

    def _next(self, setup: Setup) -> Generator[Request, Trained, Query | None]:
        rows = self._next_of_start(setup)
        if rows is not None:
            return self._asked(*rows)
        return (yield from self._next_of_model(setup))

    def _next_of_start(self, setup: Setup) -> tuple[str, Rows] | None:
        """(use, rows) while validation or the start is not done; None after."""
        from activeloop.start import next_start_rows

        state, config = self.state, setup.config
        if config.validation and not any(query.use == "validation" for query in state.queries):
            drawn = rng(config.seed, 0, "validation").permutation(state.pickable)[: config.validation]
            return "validation", np.sort(drawn)
        rows = next_start_rows(setup, state)
        return None if rows is None else ("start", rows)

    def _next_of_model(self, setup: Setup) -> Generator[Request, Trained, Query | None]:
        from activeloop.rounds import among, at_hand, candidates, choose, look, measure
        from activeloop.start import check_classes

        state, config, plan = self.state, setup.config, setup.acquire
        rows = candidates(config, plan, state.training, state.pickable, state.round)
        timings: dict[str, JSON] = {"round": state.round, "labels": state.told}
        model: Model | None = None
        is_watched = watched(config) > 0
        if setup.measures or setup.uses("model") or is_watched:
            if state.round == 0:
                check_classes(state, config)
            is_last = state.told >= config.budget  # then nothing is picked, and no history is looked at
            watch = rows if plan.uses("watched") and not is_last else None
            trained = yield from self._fitted(setup, state, state.round, watch)
            model, timings["fit_s"] = trained.model, round(trained.seconds, 6)
        if model is not None and not state.is_measured:
            with timed(self._clock, timings, "measure_s"):
                found = measure(setup, model, state.validation)
            if found.confusion is not None:  # first, so that no run says "measured" that lacks it
                on: On = "validation" if setup.test is None else "test"
                write_confusion(self.folder, found.confusion, state.told, on)
            self._append({"event": "measured", "round": state.round, "labels": state.told, "metrics": found.metrics})
        predicted: Predictions | None = None
        if is_watched:
            with timed(self._clock, timings, "watch_s"):
                predicted = yield from self._predictions(setup, watched(config), state.round + 1)
        why = reason_to_stop(self.state, config, predicted)
        if why is None:
            n = min(
                config.query, config.budget - state.told, len(state.pickable), int((state.labels[rows] == OPEN).sum())
            )
            chance = rng(config.seed, state.round, "acquire")
            is_there = setup.uses("last_model") and state.round > 0
            last = (yield from self._model_before(setup, state.round)) if is_there else None
            with timed(self._clock, timings, "look_s"):
                hand = at_hand(self._given(setup, model, last, rows), rows, state.blocked, n, chance)
                seen = look(plan, hand)
            with timed(self._clock, timings, "pick_s"):
                picked = choose(plan, config.acquire, seen, hand)
                if setup.spread is not None:
                    picked = among(setup.spread, picked, state.blocked, hand)
        append_timings(self.folder, timings)
        if why is not None:
            self._append({"event": "stopped", "why": why})
            return None
        return self._asked("acquire", picked)

    def _given(self, setup: Setup, model: Model | None, last: Model | None, rows: Rows) -> dict[str, object]:
        """What evidence is computed from."""
        from activeloop.rng import derive
        from activeloop.rounds import of_pool
        from activeloop.training import Trainer

        state = self.state
        return {
            **of_pool(setup.config, setup.data, state.training),
            "model": model,
            "last_model": last,
            "watched": rows,
            "train": Trainer(setup, state.training, state.round),
            "seed": derive(setup.config.seed, state.round, "samples"),
        }

    def _fitted(
        self, setup: Setup, state: State, round: int, watch: Rows | None
    ) -> Generator[Request, Trained, Trained]:
        """The model of a round from its labels; kept for the next round, which may need it."""
        from activeloop.training import Trained, request

        key = (round, state.training.tobytes() + state.validation.tobytes())
        if key in self._models and watch is None:
            return Trained(self._models[key], 0.0)
        is_warm = getattr(setup.learner, "is_warm", False)
        previous = (yield from self._model_before(setup, round)) if is_warm and round > 0 else None
        self._models = {at: kept for at, kept in self._models.items() if at[0] >= round - 1}
        trained = yield request(setup, state.training, state.validation, round, watch, previous)
        self._models[key] = trained.model
        return trained

    def _predictions(self, setup: Setup, rows: int, rounds: int) -> Generator[Request, Trained, Predictions]:
        """[rounds, rows], those of the first models, the last of which may be the one at hand."""
        count = min(rows, len(self.state.labels))
        chosen = np.sort(rng(setup.config.seed, 0, "watch").choice(len(self.state.labels), count, replace=False))
        asked = [at for at, event in enumerate(self._events) if event.get("use") == "acquire"]
        kept, found = kept_predictions.read(self.folder, count), []
        for round, key in enumerate(kept_predictions.keys(self._events)[:rounds]):
            if key not in kept:
                then = fold(self._events[: asked[round]]) if round < len(asked) else self.state
                assert then is not None
                trained = yield from self._fitted(setup, then, round, watch=None)
                kept[key] = trained.model.probs(chosen).argmax(dim=1).cpu().numpy()
                kept_predictions.append(self.folder, key, kept[key])
            found.append(kept[key])
        return np.array(found, dtype=np.int64).reshape(len(found), count)

    def _model_before(self, setup: Setup, round: int) -> Generator[Request, Trained, Model]:
        """The model that picked the query of round - 1, trained again from the journal if it is not at hand."""
        asked = [at for at, event in enumerate(self._events) if event.get("use") == "acquire"]
        is_warm, kept = getattr(setup.learner, "is_warm", False), {at for at, _ in self._models}
        first = 0 if is_warm and round - 1 not in kept else round - 1  # a warm model needs all before it, oldest first
        for at in range(first, round):
            then = fold(self._events[: asked[at]])
            assert then is not None
            trained = yield from self._fitted(setup, then, at, watch=None)
        return trained.model

    # the journal

    def _append(self, event: Event) -> None:
        state = apply(self._state, event)  # a bad event is refused before it is written
        self._journal.append(event)
        self._state = state
        self._events.append(event)

    def _asked(self, use: str, rows: Rows) -> Query:
        id = f"q{len(self.state.queries):04d}"
        self._append({"event": "asked", "query": id, "use": use, "rows": [int(row) for row in rows]})
        return self._query(id)

    def _check_same(self, config: Config | None, data: Data | None, test: HeldOut | None, known: Labels | None) -> None:
        if config is not None and fingerprint(config) != self.state.fingerprint:
            raise StoreError(
                f"{self.folder} holds a run of another configuration (fingerprint {self.state.fingerprint}, yours is"
                f" {fingerprint(config)}); they differ in {', '.join(differences(self.state.config, as_json(config)))}. Choose"
                " another folder, or the old settings to go on with that run."
            )
        if data is not None and data.digest() != self.state.data:
            raise StoreError(
                f"the data are not those that {self.folder} began with ({len(self.state.labels):,} rows, digest"
                f" {self.state.data}; here {len(data):,} rows, {data.digest()}): rows would mean other items. Bring the"
                " data back, or start another run."
            )
        if data is not None and _test_digest(test) != self._events[0].get("test"):
            raise StoreError(
                f"the test set is not that which {self.folder} began with, so its curve would mix two: bring that back, or"
                " start another run."
            )
        if known is not None and _as_json(known) != self._events[0].get("known", {}):
            raise StoreError(
                f"the labels brought along are not those that {self.folder} began with ({len(_as_json(known))} here): a run's"
                " start stays as it was. Bring the old ones, and record what is new by `revise`, or start another run."
            )

    def _query(self, id: str) -> Query:
        for query in self.state.queries:
            if query.id == id:
                return query
        last = self.state.queries[-1].id if self.state.queries else "none yet"
        raise BadAnswer(f"no query is called {id!r} in {self.folder}; the latest is {last}.")

    def _checked(self, query: Query, row: int, label: int) -> int:
        if row not in query.rows:
            raise BadAnswer(
                f"row {row} was not asked in {query.id}; its {len(query.rows)} rows begin with {query.rows[:5]}. Nothing"
                " was taken."
            )
        return self._check_label(row, label)

    def _check_label(self, row: int, label: int) -> int:
        classes = len(self.state.classes)
        try:
            label = index(label)
        except TypeError:
            raise BadAnswer(f"row {row} got the label {label!r}; it is a whole number. Nothing was taken.") from None
        if label != SKIP and not 0 <= label < classes:
            raise BadAnswer(
                f"row {row} got the label {label}; allowed are 0…{classes - 1}, or {SKIP} to skip it. Nothing was taken."
            )
        return label

    def _refuse_change(self, query: Query, row: int, label: int) -> None:
        if query.answers[row] != label:
            raise BadAnswer(
                f"row {row} was told as {self._named(query.answers[row])} in {query.id} and is now"
                f" {self._named(label)}. An answer stands once it"
                " is told; `revise` changes it and keeps the reason. Nothing was taken."
            )

    def _named(self, label: int) -> str:
        known = 0 <= label < len(self.state.classes)
        return repr(self.state.classes[label]) if known else "skipped" if label == SKIP else str(label)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._journal.close()


def _prepared(config: Config, data: Data, test: HeldOut | None, known: Labels | None) -> Setup:
    from activeloop.rounds import prepare

    if known is not None:
        _check_labels(known, len(data), len(data.classes), "the known labels")
    if test is not None:
        _check_labels(test.labels, len(test.data), len(data.classes), "the test labels")
    return prepare(config, data, test)


def _check_labels(labels: Labels, rows: int, classes: int, what: str) -> None:
    """raises: ConfigError for labels of another length, or of classes that there are not."""
    if labels.shape != (rows,):
        raise ConfigError(f"{what} have the shape {labels.shape}; they must be [{rows}], one for every row.")
    bad = np.flatnonzero(labels >= classes)
    if len(bad):
        raise ConfigError(
            f"{len(bad)} of {what} are no class; the first is {labels[bad[0]]} of row {bad[0]}, allowed are 0…{classes - 1}."
        )


def _opening(config: Config, data: Data, test: HeldOut | None, known: Labels | None) -> Event:
    event: dict[str, JSON] = {
        "event": "opened",
        "config": as_json(config),
        "fingerprint": fingerprint(config),
        "data": data.digest(),
        "rows": len(data),
        "classes": list(data.classes),
    }
    if test is not None:
        event["test"] = _test_digest(test)
    if known is not None:
        event["known"] = _as_json(known)
    return event


def _test_digest(test: HeldOut | None) -> str | None:
    if test is None:
        return None
    return hashlib.sha256(test.data.digest().encode() + test.labels.astype(np.int64).tobytes()).hexdigest()[:16]


def _as_json(known: Labels) -> dict[str, JSON]:
    return {str(row): int(known[row]) for row in np.flatnonzero(known >= 0)}
