"""Several annotators, one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from oracles.rule import Rule
from oracles.wrapper import Note, Oracle, chance, final_of, notes_of


@dataclass
class _Asked:
    """A ticket. order: row -> annotators in the order in which they are asked for it.    levels: of each, annotator ->
    rows; the first asks `least` of them, every later one another one, where those before disagree.    is_over: nobody
    else will be asked."""

    order: Mapping[int, tuple[int, ...]]
    guesses: Mapping[int, int] | None
    levels: list[dict[int, list[int]]] = field(default_factory=list)
    is_over: bool = False


class Panel:
    """Several annotators, each an object of its own; answers to a row are merged, and each is kept in the notes.

    Annotators are asked about each row in an order drawn by seed and row; how many, and what they say together, see
    `Rule`. Another one is asked once all answers of those before are in. By "dawid-skene" a ticket is answered as a whole,
    from all answers up to it.

    least, cap: annotators; 0 is all of them.    rule, agree: see `Rule`.    weights: [A], 0 or more, for "weighted".
    notes: cost (the annotators' own together, or 1 for an answer that has none), annotator (who answered), answers (each
    with annotator, label and whatever that annotator notes).
    """

    def __init__(
        self,
        annotators: Sequence[Oracle],
        classes: int,
        seed: int,
        *,
        rule: str = "majority",
        least: int = 0,
        cap: int = 0,
        agree: float = 0.5,
        weights: Sequence[float] | None = None,
    ) -> None:
        many = len(annotators)
        cap = cap or many
        least = least or cap
        if not 1 <= least <= cap <= many:
            raise ValueError(f"of {many} annotators at least {least} and at most {cap} are asked; it must be 1 ≤ least ≤ cap ≤"
                             f" {many}.")  # fmt: skip
        if weights is not None and (len(weights) != many or not any(weights)):
            raise ValueError(
                f"weights are {list(weights)}; {many} annotators need {many} of them, 0 or more, not all 0."
            )
        weight = None if weights is None else dict(enumerate(weights))
        self._rule: Rule[int] = Rule(seed, rule, least, cap, agree, weight)
        self._annotators, self._classes, self._seed = tuple(annotators), classes, seed
        self._asked: dict[str, _Asked] = {}
        self._merged: dict[str, dict[int, int]] = {}

    @property
    def sees_guesses(self) -> bool:
        return any(getattr(annotator, "sees_guesses", False) for annotator in self._annotators)

    @property
    def has_memory(self) -> bool:
        return any(getattr(annotator, "has_memory", False) for annotator in self._annotators)

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        if ticket in self._asked:
            return
        if self._asked:  # what was to be asked because of the last ticket comes before this one, collected or not
            self._go_on(next(reversed(self._asked)), final_of)
        asked = _Asked({row: self._order(row) for row in rows}, guesses)
        self._asked[ticket] = asked
        self._ask(ticket, asked, {row: asked.order[row][: self._rule.least] for row in rows})

    def collect(self, ticket: str) -> dict[int, int]:
        return self._answers(ticket, lambda oracle, part: oracle.collect(part))

    def final(self, ticket: str) -> dict[int, int]:
        return self._answers(ticket, final_of)

    def notes(self, ticket: str) -> dict[int, Note]:
        return {row: _together(each) for row, each in self._each(ticket).items()}

    def _answers(self, ticket: str, get: Callable[[Oracle, str], Mapping[int, int]]) -> dict[int, int]:
        if ticket not in self._asked:
            raise ValueError(f"ticket {ticket!r} was never posted here; post it, which may be repeated, then collect.")
        self._go_on(ticket, get)
        asked = self._asked[ticket]
        said = self._said(ticket, get)
        if self._rule.merge == "dawid-skene":
            return self._by_model(ticket) if asked.is_over and self._is_complete(asked, said) else {}
        count = Counter(row for level in asked.levels for rows in level.values() for row in rows)
        return {
            row: self._rule.vote(row, each)
            for row, each in said.items()
            if len(each) == count[row]
            and not self._rule.wants_more(each)  # all who were asked answered, and nobody else will be
        }

    # who is asked

    def _order(self, row: int) -> tuple[int, ...]:
        many = len(self._annotators)
        if self._rule.least == many:
            return tuple(range(many))
        return tuple(chance(self._seed, "panel", row).permutation(many).tolist())

    def _ask(self, ticket: str, asked: _Asked, wanted: Mapping[int, Sequence[int]]) -> None:
        level: dict[int, list[int]] = {}
        for row, annotators in wanted.items():
            for by in annotators:
                level.setdefault(by, []).append(row)
        name = _part(ticket, len(asked.levels))
        asked.levels.append(level)
        for by, rows in sorted(level.items()):
            shown = {row: asked.guesses[row] for row in rows if row in asked.guesses} if asked.guesses else None
            self._annotators[by].post(name, rows, shown)

    def _go_on(self, ticket: str, get: Callable[[Oracle, str], Mapping[int, int]]) -> None:
        """Ask more annotators, as long as all answers of the last level are in and some disagree."""
        asked = self._asked[ticket]
        while not asked.is_over:
            said = self._said(ticket, get)
            if not self._is_complete(asked, said):
                return
            more = {row: (asked.order[row][len(said[row])],) for row in asked.order if self._rule.wants_more(said[row])}
            if more:
                self._ask(ticket, asked, more)
            asked.is_over = not more

    def _said(self, ticket: str, get: Callable[[Oracle, str], Mapping[int, int]]) -> dict[int, dict[int, int]]:
        """Row -> annotator -> label, as far as answered."""
        asked = self._asked[ticket]
        said: dict[int, dict[int, int]] = {row: {} for row in asked.order}
        for at, level in enumerate(asked.levels):
            for by, rows in level.items():
                answers = get(self._annotators[by], _part(ticket, at))
                for row in rows:
                    if row in answers:
                        said[row][by] = answers[row]
        return said

    def _is_complete(self, asked: _Asked, said: Mapping[int, Mapping[int, int]]) -> bool:
        return all(
            row in said and by in said[row] for level in asked.levels for by, rows in level.items() for row in rows
        )

    def _by_model(self, ticket: str) -> dict[int, int]:
        """From all answers up to this ticket and none later, so that it says the same whenever it is asked."""
        if ticket not in self._merged:
            tickets = list(self._asked)
            lines = [
                (each, row, votes)
                for each in tickets[: tickets.index(ticket) + 1]
                for row, votes in self._said(each, final_of).items()
            ]
            labels = self._rule.by_model([votes for _, _, votes in lines], self._classes)
            self._merged[ticket] = {
                row: label for (each, row, _), label in zip(lines, labels, strict=True) if each == ticket
            }
        return self._merged[ticket]

    def _each(self, ticket: str) -> dict[int, list[Note]]:
        """Row -> what every annotator said and noted, in the order in which they were asked."""
        asked = self._asked[ticket]
        found: dict[int, list[Note]] = {row: [] for row in asked.order}
        for at, level in enumerate(asked.levels):
            for by, rows in sorted(level.items()):
                annotator, part = self._annotators[by], _part(ticket, at)
                answers, notes = final_of(annotator, part), notes_of(annotator, part)
                for row in rows:
                    if row in answers:
                        note = {"annotator": f"annotator {by}", "cost": 1, **notes.get(row, {})}
                        found[row].append({**note, "label": int(answers[row])})
        return found


def _part(ticket: str, level: int) -> str:
    return f"{ticket}/{level}" if level else ticket


def _together(each: Sequence[Note]) -> Note:
    costs = [note["cost"] for note in each]
    who = ", ".join(str(note["annotator"]) for note in each)
    return {
        "annotator": who,
        "cost": sum(cost for cost in costs if isinstance(cost, int | float)),
        "answers": list(each),
    }
