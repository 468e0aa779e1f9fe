"""Several annotators and the owner, in any order, over HTTP, against a model of the inbox in plain Python.

The model says of every request whether it is taken, what it gives, and who is asked about what next; nothing may differ, also
when requests are sent twice, race one another, or the server is started anew in between.
"""

from __future__ import annotations

import copy
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from starlette.testclient import TestClient

from oracles import Inbox
from oracles.inbox import SKIP
from oracles.inbox.exchange import lines
from oracles.inbox.progress import tickets
from oracles.rule import Rule
from oracles.web.app import application

from ..inbox.conftest import Clock
from .conftest import OURS, TOKENS, Slept, make_page

PEOPLE, CLASSES, ROWS, LEASE_S, RELOAD_S = ("ada", "bob", "çy 😀"), 10, 3, 120.0, 5.0
WHO = st.sampled_from(PEOPLE)
WHERE = st.tuples(st.sampled_from(["q0", "q1"]), st.integers(0, ROWS))  # the last row was never asked about
LABEL = st.sampled_from([None, SKIP, 0, 1, 2])
Where = tuple[str, int]
Body = dict[str, Any]


@dataclass
class Event:
    number: int
    kind: str
    who: str
    where: Where
    label: int | None
    request: str
    stands: bool = True


@dataclass
class Model:
    """What an inbox should hold."""

    least: int
    cap: int
    now: float
    asked: list[Where] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    collected: dict[Where, int] = field(default_factory=dict)
    leases: dict[tuple[Where, str], float] = field(default_factory=dict)

    def said(self, where: Where) -> dict[str, int]:
        return {
            each.who: each.label
            for each in self.events
            if each.stands and each.where == where and each.kind in ("answer", "skip") and each.label is not None
        }

    def wanted(self, where: Where) -> int:
        said = self.said(where)
        votes = [label for label in said.values() if label != SKIP]
        agree = len(votes) >= self.least and 2 * max(Counter(votes).values()) > len(votes)
        enough = agree or len(said) >= self.cap
        return self.least if len(said) < self.least else len(said) + (not enough)

    def revised(self, where: Where) -> int | None:
        found = [each.label for each in self.events if each.kind == "revise" and each.where == where]
        return found[-1] if found else None

    def is_settled(self, where: Where) -> bool:
        is_decided = where in self.collected or self.revised(where) is not None
        return is_decided or len(self.said(where)) >= self.wanted(where)

    def is_open(self, where: Where) -> bool:
        is_decided = where in self.collected or self.revised(where) is not None
        return where in self.asked and not is_decided and where[0] not in self.closed

    def seen(self, request: str) -> Event | None:
        return next((each for each in self.events if each.request == request), None)

    def write(self, kind: str, who: str, where: Where, label: int | None, request: str) -> int:
        self.events.append(
            Event(len(self.events) + 1, kind, who, where, label, request, kind not in ("undo", "revise"))
        )
        self.leases.pop((where, who), None)
        return len(self.events)

    def answer(self, who: str, where: Where, label: int | None, request: str) -> int | None:
        """The event that acknowledges it; None where it is refused."""
        kind = "unsure" if label is None else "skip" if label == SKIP else "answer"
        before, said = self.seen(request), self.said(where)
        if before is not None:
            is_same = (before.kind, before.who, before.where, before.label) == (kind, who, where, label)
            return before.number if is_same else None
        if not self.is_open(where):
            return None
        if who in said:
            mine = [each for each in self.events if each.stands and (each.who, each.where) == (who, where)]
            first = next(each for each in mine if each.kind in ("answer", "skip"))
            return first.number if said[who] == label else None
        return None if len(said) >= self.wanted(where) else self.write(kind, who, where, label, request)

    def undo(self, who: str, request: str) -> Where | None:
        before = self.seen(request)
        if before is not None:
            return before.where if (before.kind, before.who) == ("undo", who) else None
        mine = [each for each in self.events if each.stands and each.who == who]
        if not mine or not self.is_open(mine[-1].where):
            return None
        mine[-1].stands = False
        self.write("undo", who, mine[-1].where, None, request)
        self.leases[mine[-1].where, who] = self.now + LEASE_S
        return mine[-1].where

    def revise(self, who: str, where: Where, label: int, request: str) -> int | None:
        before = self.seen(request)
        if before is not None:
            is_same = (before.kind, before.who, before.where, before.label) == ("revise", who, where, label)
            return before.number if is_same else None
        return self.write("revise", who, where, label, request) if where in self.asked else None

    def lease(self, who: str, n: int) -> list[Where]:
        def unsure(where: Where) -> int:
            mine = [each for each in self.events if (each.who, each.where) == (who, where)]
            return max((each.number for each in mine), default=0) * any(
                each.stands and each.kind == "unsure" for each in mine
            )

        def has_room(where: Where) -> bool:
            looking = {
                by
                for (at, by), until in self.leases.items()
                if at == where and by != who and until > self.now and by not in self.said(where)
            }
            return len(self.said(where)) + len(looking) < self.wanted(where)

        free = [each for each in self.asked if self.is_open(each) and who not in self.said(each) and has_room(each)]
        found = sorted(free, key=unsure)[:n]  # those never unsure first, in the order posted
        self.leases = {at: until for at, until in self.leases.items() if until > self.now and at[1] != who}
        self.leases |= {(where, who): self.now + LEASE_S for where in found}
        return found

    def held(self, who: str) -> float | None:
        return max((until for (_, by), until in self.leases.items() if by == who), default=None)

    def release(self, who: str, until: float) -> None:
        for at, ends in self.leases.items():
            if at[1] == who and ends <= until:
                self.leases[at] = min(ends, self.now + RELOAD_S)

    def collect(self, ticket: str) -> dict[int, int] | None:
        """Ties are drawn by the rule, which has tests of its own; None where one is met."""
        for where in [each for each in self.asked if each[0] == ticket and each not in self.collected]:
            if (revised := self.revised(where)) is not None:
                self.collected[where] = revised
            elif self.is_settled(where):
                votes = Counter(label for label in self.said(where).values() if label != SKIP).most_common(2)
                if len(votes) == 2 and votes[0][1] == votes[1][1]:
                    return None
                self.collected[where] = votes[0][0] if votes else SKIP
        return {where[1]: label for where, label in self.collected.items() if where[0] == ticket}


class Labelling(RuleBasedStateMachine):
    @initialize(least=st.integers(1, 2), more=st.integers(0, 1))
    def begin(self, least: int, more: int) -> None:
        self.folder, self.clock = tempfile.TemporaryDirectory(), Clock()
        self.rule: Rule[str] = Rule(0, "majority", least, least + more)
        self.model = Model(least, least + more, self.clock.now)
        self.sent: list[tuple[str, Body, Any]] = []  # what was acknowledged, to be sent again
        self.start()
        self.post_ticket("q0")

    def start(self) -> None:
        self.inbox = Inbox(Path(self.folder.name) / "inbox.sqlite", CLASSES, self.clock, rule=self.rule)
        app = application(self.inbox, make_page(), TOKENS, {"testserver"}, Slept())
        self.client, self.owner = (TestClient(app, follow_redirects=False) for _ in range(2))
        self.client.get(f"/?token={TOKENS.annotator}")
        self.owner.get(f"/owner?token={TOKENS.owner}")

    def teardown(self) -> None:
        if not hasattr(self, "inbox"):
            return
        seen = self.owner.get("/api/owner").json()
        said = {each["name"]: each["answers"] + each["skips"] for each in seen["annotators"]}
        assert sum(said.values()) == sum(len(self.model.said(where)) for where in self.model.asked)
        assert self.owner.get("/export.jsonl").status_code == self.owner.get("/export.csv").status_code == 200
        self.inbox.close()
        self.folder.cleanup()

    def post_ticket(self, ticket: str) -> None:
        self.inbox.post(ticket, range(ROWS))
        self.model.asked += [(ticket, row) for row in range(ROWS) if (ticket, row) not in self.model.asked]

    def send(self, path: str, body: Body, *, owner: bool = False) -> Any:
        """The JSON of what was taken; None where it was refused, with a reason."""
        said = (self.owner if owner else self.client).post(path, json=body, headers=OURS)
        assert said.status_code in (200, 409), said.text
        assert said.status_code == 200 or len(said.json()["error"]) > 20
        if said.status_code == 200 and "request" in body:
            self.sent.append((path, body, said.json()))
        return said.json() if said.status_code == 200 else None

    def new_request(self) -> str:
        return f"r{len(self.model.events)}-{len(self.sent)}"

    @rule(who=WHO, where=WHERE, label=LABEL, reuse=st.booleans())
    def answer(self, who: str, where: Where, label: int | None, reuse: bool) -> None:
        request = self.sent[-1][1]["request"] if reuse and self.sent else self.new_request()
        said = self.send("/api/answer", answered(who, where, label, request))
        expected = self.model.answer(who, where, label, request)

        assert (said and said["event"]) == expected

    @rule(who=WHO, n=st.integers(0, 2 * ROWS))
    def next(self, who: str, n: int) -> None:
        said = self.send("/api/next", {"annotator": who, "n": n})

        assert [(row["ticket"], row["row"]) for row in said["rows"]] == self.model.lease(who, n)
        self.check_state(who, said["state"])

    @rule(who=WHO, label=LABEL)
    def answer_what_is_asked(self, who: str, label: int | None) -> None:
        [*rows] = self.send("/api/next", {"annotator": who, "n": 1})["rows"]
        assert [(row["ticket"], row["row"]) for row in rows] == self.model.lease(who, 1)
        for row in rows:
            self.answer(who, (row["ticket"], row["row"]), label, False)

    @rule(who=WHO, reuse=st.booleans())
    def undo(self, who: str, reuse: bool) -> None:
        request = self.sent[-1][1]["request"] if reuse and self.sent else self.new_request()
        said = self.send("/api/undo", {"annotator": who, "request": request})
        expected = self.model.undo(who, request)

        assert (said and (said["row"]["ticket"], said["row"]["row"])) == expected
        if said:
            self.check_state(who, said["state"])

    @rule(where=WHERE, label=st.sampled_from([SKIP, 0, 3]), who=st.sampled_from(["eve", "ada"]))
    def revise(self, where: Where, label: int, who: str) -> None:
        body = {"ticket": where[0], "row": where[1], "label": label, "annotator": who, "request": self.new_request()}
        said = self.send("/api/revise", {**body, "why": "so"}, owner=True)

        assert (said and said["event"]) == self.model.revise(who, where, label, body["request"])  # type: ignore[arg-type]

    @rule(at=st.integers(0, 99))
    def send_again(self, at: int) -> None:
        """As a page does that did not hear the answer: it gets the same one, and nothing else happens."""
        if self.sent:
            path, body, before = self.sent[at % len(self.sent)]
            log = lines(self.inbox)
            again = self.send(path, body, owner=True)

            assert (
                again["event"] == before["event"] if "event" in before else again["row"]["row"] == before["row"]["row"]
            )
            assert lines(self.inbox) == log

    @rule(where=WHERE, labels=st.lists(LABEL, min_size=2, max_size=3))
    def race(self, where: Where, labels: list[int | None]) -> None:
        """Several answer one row at once: what is taken is what some order of them would have given."""
        first = self.new_request()
        sent = [(who, where, label, f"{first}{who}") for who, label in zip(PEOPLE, labels, strict=False)]
        with ThreadPoolExecutor(len(sent)) as threads:
            said = list(threads.map(lambda each: self.send("/api/answer", answered(*each)), sent))
        found = [each and each["event"] for each in said]
        for order in permutations(range(len(sent))):
            model = copy.deepcopy(self.model)
            expected = {at: model.answer(*sent[at]) for at in order}
            if [expected[at] for at in range(len(sent))] == found:
                self.model = model
                return
        raise AssertionError(f"no order of {sent} gives {found}")

    @rule(who=WHO, other=WHO, late=st.booleans())
    def leave(self, who: str, other: str, late: bool) -> None:
        self.next(who, ROWS)
        until = max(0.0, (self.model.held(who) or 0.0) - late)
        assert self.send("/api/release", {"annotator": who, "until": until}) == {}
        self.model.release(who, until)
        self.check_state(who, self.client.get("/api/state", params={"annotator": who}).json())
        self.wait(6)
        self.next(other, ROWS)

    @rule(seconds=st.sampled_from([1, 6, 130]))
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds
        self.model.now = self.clock.now

    @rule(ticket=st.sampled_from(["q0", "q1"]), closes=st.booleans())
    def the_loop_goes_on(self, ticket: str, closes: bool) -> None:
        self.post_ticket("q1")
        given = self.inbox.collect(ticket)
        expected = self.model.collect(ticket)
        if expected is None:  # a tie: whatever was drawn is one of the labels said, and stands
            for row, label in given.items():
                votes = self.model.said((ticket, row)).values()
                assert label in (*votes, self.model.revised((ticket, row)), self.model.collected.get((ticket, row)))
                self.model.collected[ticket, row] = label
        else:
            assert given == expected
        if closes:
            self.inbox.close_ticket(ticket)
            self.model.closed.add(ticket)

    @rule()
    def restart(self) -> None:
        self.inbox.close()
        self.start()

    @rule(where=WHERE)
    def others_are_kept_out(self, where: Where) -> None:
        log, body = lines(self.inbox), answered("ada", where, 1, "x")
        stranger = TestClient(self.client.app)
        wrong = TestClient(self.client.app, cookies={TOKENS.cookie: "wrong"})
        revision = {"ticket": "q0", "row": 0, "label": 1, "annotator": "ada", "why": "so", "request": "x"}
        evil = {**OURS, "origin": "http://evil.example"}

        assert stranger.post("/api/answer", json=body, headers=OURS).status_code == 401
        assert wrong.post("/api/answer", json=body, headers=OURS).status_code == 403
        assert self.client.post("/api/answer", json=body, headers=evil).status_code == 403
        assert self.client.post("/api/revise", json=revision, headers=OURS).status_code == 403
        assert lines(self.inbox) == log

    @invariant()
    def holds_what_it_should(self) -> None:
        if not hasattr(self, "inbox"):
            return
        standing = self.inbox.ledger.select("SELECT id, kind, annotator, ticket, row, label FROM standing ORDER BY id")
        assert [(each["id"], each["kind"], each["annotator"], (each["ticket"], each["row"]), each["label"])
                for each in standing] == [(each.number, each.kind, each.who, each.where, each.label)
                                          for each in self.model.events if each.stands]  # fmt: skip
        assert self.inbox.last_event() == len(self.model.events)

    def check_state(self, who: str, state: Body) -> None:
        open_tickets = tickets(self.inbox)
        assert state["mine"] == sum(who in self.model.said(where) for where in self.model.asked)
        assert state["held"] == self.model.held(who)
        if open_tickets:
            asked = [where for where in self.model.asked if where[0] == state["ticket"]]
            assert (state["rows"], state["left"]) == (ROWS, sum(not self.model.is_settled(where) for where in asked))


def answered(who: str, where: Where, label: int | None, request: str) -> Body:
    said = {"ticket": where[0], "row": where[1], "label": label, "annotator": who, "request": request}
    return {**said, "seconds": 1.5, "shown": None}


def test_whatever_people_do_in_whatever_order_the_inbox_is_as_the_model_says() -> None:
    run_state_machine_as_test(
        Labelling, settings=settings(max_examples=30, stateful_step_count=30, deadline=None, derandomize=True)
    )
