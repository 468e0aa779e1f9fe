"""What holds whatever people do, in whatever order."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import Inbox
from oracles.inbox import SKIP, Refused
from oracles.inbox.exchange import lines
from oracles.rule import Rule

from .conftest import Clock

PEOPLE, ROWS, CLASSES = ("ada", "bob", "cy"), 4, 3
ACTS = st.one_of(
    st.tuples(st.just("lease"), st.sampled_from(PEOPLE), st.integers(0, 3)),
    st.tuples(
        st.just("answer"), st.sampled_from(PEOPLE), st.integers(0, ROWS - 1), st.sampled_from([0, 1, 2, SKIP, None])
    ),
    st.tuples(st.just("undo"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("revise"), st.integers(0, ROWS - 1), st.sampled_from([0, 1, 2, SKIP])),
    st.tuples(st.just("collect")),
    st.tuples(st.just("wait"), st.integers(1, 200)),
    st.tuples(st.just("reopen")),
)


@settings(max_examples=60, deadline=None)
@given(
    least=st.integers(1, 2),
    more=st.integers(0, 1),
    merge=st.sampled_from(["majority", "dawid-skene"]),
    acts=st.lists(ACTS, max_size=30),
)
def test_an_inbox_keeps_its_promises(least: int, more: int, merge: str, acts: list[tuple[object, ...]]) -> None:
    rule: Rule[str] = Rule(0, merge, least, least + more)

    def wanted(said: dict[str, int]) -> int:
        """An independent account of how many annotators are asked."""
        votes = [label for label in said.values() if label >= 0]
        agree = len(votes) >= least and 2 * max(Counter(votes).values()) > len(votes)
        return least if len(said) < least else len(said) if agree or len(said) >= least + more else len(said) + 1

    def whole(said: dict[str, int]) -> bool:
        return len(said) >= wanted(said)

    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()

        def opened() -> Inbox:
            return Inbox(Path(folder) / "inbox.sqlite", CLASSES, clock, rule=rule)

        inbox = opened()
        inbox.post("q0", range(ROWS))
        stand: dict[int, dict[str, int]] = defaultdict(dict)  # row -> annotator -> label, an independent account
        revised: dict[int, int] = {}
        history: list[tuple[str, int, object]] = []  # undoable: annotator, row, what
        given_out: dict[int, int] = {}
        held: dict[str, tuple[set[int], float]] = {}

        for act in acts:
            log = lines(inbox)
            match act:
                case ("lease", str(who), int(n)):
                    rows = {each.row for each in inbox.lease(who, n)}
                    held[who] = (rows, clock.now + 120)
                    for row in rows:
                        assert who not in stand[row]
                        assert row not in revised
                        others = {
                            other
                            for other, (theirs, until) in held.items()
                            if other != who and row in theirs and until > clock.now
                        }
                        assert len(others | set(stand[row])) < wanted(stand[row])
                case ("answer", str(who), int(row), label):
                    may = (
                        row not in given_out and row not in revised
                        and (stand[row].get(who, label) == label if who in stand[row] else not whole(stand[row]))
                    )  # fmt: skip
                    try:
                        inbox.answer("q0", row, label, who)  # type: ignore[arg-type]
                    except Refused:
                        assert not may
                    else:
                        assert may
                        if who not in stand[row]:
                            history.append((who, row, label))
                            if label is not None:
                                stand[row][who] = label  # type: ignore[assignment]
                        if who in held:
                            held[who][0].discard(row)
                case ("undo", str(who)):
                    mine = [each for each in history if each[0] == who]
                    may = bool(mine) and mine[-1][1] not in given_out and mine[-1][1] not in revised
                    try:
                        row = inbox.undo(who).row
                    except Refused:
                        assert not may
                    else:
                        assert may
                        assert row == mine[-1][1]
                        at = max(n for n, each in enumerate(history) if each[0] == who)
                        if history.pop(at)[2] is not None:
                            del stand[row][who]
                        rows, until = held.get(who, (set(), 0))
                        held[who] = ((rows if until > clock.now else set()) | {row}, max(until, clock.now + 120))
                case ("revise", int(row), int(label)):
                    inbox.revise("q0", row, label, "eve", "so")
                    revised[row] = label
                case ("collect",):
                    labels = inbox.collect("q0")
                    assert {row: labels[row] for row in given_out} == given_out
                    ready = {row for row in range(ROWS) if whole(stand[row])}
                    done = ready | set(given_out) | set(revised)
                    by_model = merge == "dawid-skene" and len(done) < ROWS
                    assert set(labels) == set(given_out) | set(revised) | (set() if by_model else ready)
                    for row in labels.keys() - given_out.keys():
                        assert labels[row] == revised.get(row, labels[row])
                        assert row in revised or labels[row] in stand[row].values()
                    given_out = labels
                case ("wait", int(seconds)):
                    clock.now += seconds
                case ("reopen",):
                    inbox.close()
                    inbox = opened()
            kept = lines(inbox)
            assert [line for line in kept if line in log] == log  # nothing is ever taken out or changed
            assert set(inbox.waiting("q0")) == {
                row for row in range(ROWS) if row not in given_out and row not in revised and not whole(stand[row])
            }
        inbox.close()
