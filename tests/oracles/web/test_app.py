from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Picture
from starlette.testclient import TestClient

from oracles import Inbox
from oracles.inbox import SKIP, InboxError
from oracles.inbox.exchange import as_csv, as_json_lines
from oracles.web.app import STATIC

from ..inbox.conftest import Clock
from .conftest import HOSTILE, OURS, answer


def post(client: TestClient, path: str, body: object) -> dict[str, object]:
    said = client.post(path, json=body, headers=OURS)
    assert said.status_code == 200, said.text
    return said.json()  # type: ignore[no-any-return]


def test_a_round_over_http(client: TestClient, inbox: Inbox) -> None:
    rows = post(client, "/api/next", {"annotator": "ada", "n": 9})["rows"]
    for row, label in ((4, 1), (5, SKIP), (6, 2)):
        post(client, "/api/answer", answer(row, label))
    undone = post(client, "/api/undo", {"annotator": "ada", "request": "u"})
    post(client, "/api/answer", answer(6, None, request="later"))
    state = client.get("/api/state?annotator=ada").json()

    assert [row["row"] for row in rows] == [4, 5, 6, 7]  # type: ignore[attr-defined]
    assert undone["row"]["row"] == 6  # type: ignore[index]
    assert inbox.collect("q0") == {4: 1, 5: SKIP}
    assert inbox.notes("q0")[4]["seconds"] == 1.5
    assert (state["rows"], state["left"], state["mine"], state["told"], state["budget"]) == (4, 2, 2, 3, 40)


def test_a_page_that_is_left_lets_go_of_its_rows(client: TestClient, inbox: Inbox, clock: Clock) -> None:
    held = post(client, "/api/next", {"annotator": "ada", "n": 9})["state"]["held"]  # type: ignore[index]
    post(client, "/api/release", {"annotator": "ada", "until": held})
    clock.now += 6

    assert len(inbox.lease("bob", 9)) == 4


def test_items_are_images_texts_and_tables_and_hostile_names_are_data(client: TestClient) -> None:
    image, words, table, _ = post(client, "/api/next", {"annotator": "ada", "n": 9})["rows"]  # type: ignore[misc]

    assert (image["image"], image["width"], image["height"], image["guess"]) == ("/item/4.png", 3, 2, 1)
    assert image["caption"] == "4\ufffd.png"
    assert words["text"] == f"a text {HOSTILE}"
    assert table["cells"] == [["age", "7"], [HOSTILE, "?"]]
    assert client.get("/api/guide").json()["classes"][0]["name"] == HOSTILE


def test_pages_hold_no_inline_script_or_style_and_ask_nothing_of_others() -> None:
    for file in STATIC.iterdir():
        text = file.read_text()
        assert "innerHTML" not in text
        assert "document.write" not in text
        if file.suffix == ".html":
            assert " on" not in text.replace(" one", "").replace(" only", "").replace(" on which", "").replace(
                "go on", ""
            )
            assert "style=" not in text
            assert text.count("<script") == text.count('<script type="module" src="/static/')
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text


def test_an_image_is_the_pixels_and_only_rows_asked_about_can_be_looked_at(client: TestClient) -> None:
    said = client.get("/item/4.png")

    np.testing.assert_array_equal(np.asarray(Picture.open(io.BytesIO(said.content))), np.full((2, 3), 4))
    for path in ("/item/8.png", "/item/5.png", "/item/-1.png", "/item/4.png/..", "/item/9" + "9" * 5000 + ".png",
                 "/item/..%2f..%2fetc%2fpasswd.png", "/item/٤.png"):  # fmt: skip
        assert client.get(path).status_code == 404, path


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/app.py", "/static/label.html",
                                  "/static//etc/passwd", "/static/app.py"])  # fmt: skip
def test_no_file_is_served_but_those_listed(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_repeated_request_is_one_answer_and_a_contradiction_says_why(client: TestClient, inbox: Inbox) -> None:
    first = post(client, "/api/answer", answer(4, 1))
    assert post(client, "/api/answer", answer(4, 1))["event"] == first["event"]
    said = client.post("/api/answer", json=answer(4, 2, "bob"), headers=OURS)

    assert said.status_code == 409
    assert "was answered by somebody else meanwhile" in said.json()["error"]
    assert inbox.last_event() == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is no JSON"),
        (b"[" * 60000, "the body is no JSON"),
        (b"[]", "the body is list; it is an object with annotator, n"),
        (b'{"annotator": "ada", "n": 1, "x": 2}', "the body holds 'x'; allowed are annotator, n"),
        (b'{"annotator": "ada"}', "the body lacks 'n'"),
        (b'{"annotator": "ada", "n": 17}', "n is 17; allowed are 0"),
        (b'{"annotator": "ada", "n": true}', "n is True; it is a whole number"),
        (b'{"annotator": 7, "n": 1}', "annotator is 7; it is a text"),
        (b'{"annotator": "\\ud800", "n": 1}', "holds signs that cannot be printed"),
    ],
)
def test_bad_bodies_are_refused_with_what_is_allowed(client: TestClient, body: bytes, message: str) -> None:
    said = client.post("/api/next", content=body, headers={**OURS, "content-type": "application/json"})

    assert said.status_code == 409
    assert message in said.json()["error"]


def test_a_disk_that_fails_is_said_and_may_be_tried_again(
    client: TestClient, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object, **more: object) -> int:
        raise InboxError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "answer", fail)
        said = client.post("/api/answer", json=answer(4, 1), headers=OURS)
    assert (said.status_code, said.json()) == (503, {"error": "the disk is full"})
    post(client, "/api/answer", answer(4, 1))


def test_the_owner_sees_everybody_and_decides(owner: TestClient, inbox: Inbox, clock: Clock) -> None:
    post(owner, "/api/answer", answer(4, None))
    post(owner, "/api/answer", answer(4, 1, "bob"))
    seen = owner.get("/api/owner").json()
    post(
        owner, "/api/revise", {"ticket": "q0", "row": 4, "label": 9, "annotator": "eve", "why": "look", "request": "r"}
    )

    assert seen["story"]["curve"] == [[20, 0.5]]
    assert [each["name"] for each in seen["annotators"]] == ["bob", "ada"]
    assert [each["annotator"] for each in seen["doubts"][0]["opinions"]] == ["ada", "bob"]
    assert inbox.collect("q0") == {4: 9}
    assert owner.get("/export.csv").text == as_csv(inbox)
    assert owner.get("/export.jsonl").text == as_json_lines(inbox)
    assert owner.get("/export.exe").status_code == 404


@pytest.mark.parametrize("path", ["/owner", "/api/owner", "/export.csv"])
def test_the_owners_pages_are_not_for_annotators(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 403


def test_an_annotator_cannot_revise(client: TestClient, inbox: Inbox) -> None:
    said = client.post(
        "/api/revise",
        json={"ticket": "q0", "row": 4, "label": 9, "annotator": "eve", "why": "x", "request": "r"},
        headers=OURS,
    )
    assert said.status_code == 403
    assert inbox.last_event() == 0
