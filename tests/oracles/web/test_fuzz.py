"""Whatever is sent: no defect is met, and no answer is lost, doubled or invented."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from oracles import Inbox
from oracles.inbox.exchange import lines

from .conftest import OURS, TOKENS, answer

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "ticket": st.sampled_from(["q0", "q1", ""]),
    "row": st.integers(-2, 9),
    "label": st.none() | st.integers(-3, 11),
    "annotator": st.sampled_from(["ada", "bob", " ", "x" * 65]) | st.text(max_size=5),
    "request": st.text("abc", max_size=2) | st.text(max_size=70),
    "seconds": st.none() | st.floats(),
    "shown": st.none() | st.integers(-1, 10),
    "why": st.text(max_size=20),
    "n": st.integers(-1, 20),
    "until": st.none() | st.floats(),
}
PATHS = {
    "/api/next": ("annotator", "n"),
    "/api/release": ("annotator", "until"),
    "/api/answer": ("ticket", "row", "label", "annotator", "request", "seconds", "shown"),
    "/api/undo": ("annotator", "request"),
    "/api/revise": ("ticket", "row", "label", "annotator", "why", "request"),
}


@st.composite
def bodies(draw: Callable[..., Any]) -> tuple[str, bytes]:
    path = draw(st.sampled_from(sorted(PATHS)))
    if draw(st.integers(0, 9)) == 0:
        return path, draw(st.binary(max_size=50))
    body = {name: draw(LIKELY[name]) for name in PATHS[path]}
    if draw(st.integers(0, 3)) == 0:
        body[draw(st.sampled_from([*body, "extra"]))] = draw(ANYTHING)
    if draw(st.integers(0, 9)) == 0:
        body.pop(draw(st.sampled_from(sorted(body))))
    return path, json.dumps(body).encode()


FUZZ = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZ
@given(sent=st.lists(bodies(), max_size=8))
def test_no_body_meets_a_defect_and_what_is_acknowledged_is_kept(
    owner: TestClient, inbox: Inbox, sent: list[tuple[str, bytes]]
) -> None:
    for path, body in sent:
        before = lines(inbox)
        said = owner.post(path, content=body, headers={**OURS, "content-type": "application/json"})
        after = lines(inbox)

        assert said.status_code in (200, 409), (path, body, said.text)
        assert [line for line in after if line in before] == before
        if said.status_code == 409:
            assert after == before
            assert said.json()["error"]
        if said.status_code == 200 and path in ("/api/answer", "/api/revise"):
            kept = next(line for line in after if line["id"] == said.json()["event"])
            asked = json.loads(body)
            assert (kept["row"], kept["label"], kept["annotator"]) == (asked["row"], asked["label"], asked["annotator"])
    for annotator in ("ada", "bob"):
        standing = inbox.ledger.select(
            "SELECT ticket, row FROM standing WHERE kind <> 'unsure' AND annotator = :who", {"who": annotator}
        )
        assert len({(line["ticket"], line["row"]) for line in standing}) == len(standing)


@FUZZ
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT"]),
    path=st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=40),
    root=st.sampled_from(["/", "/static/", "/item/", "/api/", "/export.", "/api/state?annotator=", "/?token=", "/owner?token="]),
    headers=st.dictionaries(
        st.sampled_from(["cookie", "origin", "content-type", "content-length", "sec-fetch-site", "accept", "range"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30),
    ),
)  # fmt: skip
def test_no_address_and_no_header_meets_a_defect(
    owner: TestClient, method: str, path: str, root: str, headers: dict[str, str]
) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    said = owner.request(method, root + quote(path, safe="/?&=%."), headers=encoded)  # type: ignore[arg-type]

    assert said.status_code < 500, said.text


@FUZZ
@given(
    path=st.sampled_from(["/", "/owner", "/api/owner", "/api/guide", "/item/4.png", "/export.csv", *PATHS]),
    cookie=st.tuples(
        st.sampled_from([TOKENS.cookie, f"{TOKENS.cookie}0", "other"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)
        | st.sampled_from([TOKENS.annotator[:-1], TOKENS.owner + "0", TOKENS.owner.upper(), '"', ";", "="]),
    ).map("=".join),
)
def test_no_wrong_token_lets_anybody_in(stranger: TestClient, inbox: Inbox, path: str, cookie: str) -> None:
    headers = {**OURS, "cookie": cookie.encode("latin-1"), "content-type": "application/json"}
    before = lines(inbox)
    method = "POST" if path in PATHS else "GET"
    said = stranger.request(method, path, content=json.dumps(answer(4, 1)), headers=headers)  # type: ignore[arg-type]

    assert said.status_code in (401, 403)
    assert "Open the link that `activeloop label` printed" in said.text
    assert lines(inbox) == before


def test_the_fuzzer_itself_reaches_answers_that_are_taken(owner: TestClient, inbox: Inbox, tmp_path: Path) -> None:
    taken = 0

    @settings(max_examples=400, deadline=None, derandomize=True)
    @given(sent=bodies())
    def count(sent: tuple[str, bytes]) -> None:
        nonlocal taken
        said = owner.post(sent[0], content=sent[1], headers={**OURS, "content-type": "application/json"})
        taken += said.status_code == 200

    count()
    assert taken > 0


@pytest.mark.parametrize("row", [4, 5])
def test_one_answer_is_taken_through_the_same_door(owner: TestClient, row: int) -> None:
    assert owner.post("/api/answer", json=answer(row, 1), headers=OURS).status_code == 200
