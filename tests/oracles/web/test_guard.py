from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from oracles import Inbox
from oracles.inbox import Refused
from oracles.web.app import application
from oracles.web.guard import HEADERS, LARGEST_BODY
from oracles.web.serve import bound, tokens_in

from .conftest import OURS, TOKENS, Slept, answer, make_page

PATHS = ("/", "/owner", "/api/state", "/api/guide", "/api/owner", "/item/4.png", "/export.csv", "/nowhere")


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_shown_without_a_token(stranger: TestClient, path: str) -> None:
    said = stranger.get(path)

    assert said.status_code == 401
    assert "Open the link that `activeloop label` printed" in said.text


def test_the_link_gives_a_cookie_and_is_left_without_its_token(stranger: TestClient) -> None:
    said = stranger.get(f"/?token={TOKENS.annotator}")

    assert (said.status_code, said.headers["location"]) == (303, "/")
    cookie = said.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert stranger.get("/").status_code == 200
    assert stranger.get(f"/owner?token={TOKENS.owner}").headers["location"] == "/owner"
    assert stranger.get("/owner").status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", "annotators-token-012", "ünïcode", "%ff%00", "x" * 5000])
def test_a_wrong_token_is_refused_ever_more_slowly(stranger: TestClient, slept: Slept, token: str) -> None:
    for _ in range(6):
        said = stranger.get(f"/?token={token}")
        assert said.status_code == 403
        assert "set-cookie" not in said.headers
    assert slept.seconds == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_a_wrong_cookie_is_slowed_too_and_a_right_one_is_not(stranger: TestClient, slept: Slept) -> None:
    stranger.cookies.set(TOKENS.cookie, "wrong")
    assert stranger.get("/").status_code == 403
    assert len(slept.seconds) == 1
    stranger.cookies.clear()
    stranger.get(f"/?token={TOKENS.annotator}")
    assert stranger.get("/").status_code == 200
    assert len(slept.seconds) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/json"},  # as a form of another site could not even send
        {**OURS, "content-type": "text/plain"},
        {**OURS, "content-type": "application/json", "origin": "http://evil.example"},
        {**OURS, "content-type": "application/json", "origin": "null"},
        {**OURS, "content-type": "application/json", "sec-fetch-site": "cross-site"},
        {**OURS, "content-type": "application/json", "sec-fetch-site": "same-site"},
    ],
)
def test_what_another_sites_page_sends_is_refused(client: TestClient, inbox: Inbox, headers: dict[str, str]) -> None:
    said = client.post("/api/answer", content=b'{"x": 1}', headers=headers)

    assert said.status_code == 403
    assert "another site's page" in said.text
    assert inbox.last_event() == 0


def test_our_own_page_is_taken(client: TestClient) -> None:
    headers = {**OURS, "origin": "http://testserver", "sec-fetch-site": "same-origin"}

    assert client.post("/api/answer", json=answer(4, 1), headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "testserver.evil.example", ""])
def test_another_host_name_is_not_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 421


def test_a_page_for_the_network_answers_to_any_name_and_to_no_one_without_a_token(inbox: Inbox, slept: Slept) -> None:
    client = TestClient(application(inbox, make_page(), TOKENS, None, slept), follow_redirects=False)
    elsewhere = {"host": "lab-7.example:8765"}

    assert client.get("/", headers=elsewhere).status_code == 401
    assert client.get("/?token=wrong", headers=elsewhere).status_code == 403
    assert client.get(f"/?token={TOKENS.annotator}", headers=elsewhere).status_code == 303


def test_too_many_bytes_are_refused_announced_or_not(client: TestClient, inbox: Inbox) -> None:
    def stream() -> Iterator[bytes]:
        for _ in range(LARGEST_BODY // 1000 + 2):
            yield b" " * 1000

    headers = {**OURS, "content-type": "application/json"}
    assert client.post("/api/answer", content=b" " * (LARGEST_BODY + 1), headers=headers).status_code == 413
    assert client.post("/api/answer", content=stream(), headers=headers).status_code == 413
    assert client.post("/api/answer", content=b"{}", headers={**headers, "content-length": "-1"}).status_code == 413


@pytest.mark.parametrize("path", [*PATHS, "/static/label.js", "/?token=wrong"])
def test_every_answer_carries_the_headers(client: TestClient, path: str) -> None:
    said = client.get(path)

    assert {name: said.headers[name] for name in HEADERS} == HEADERS
    assert "script-src 'self';" in said.headers["content-security-policy"]
    assert "unsafe" not in said.headers["content-security-policy"]
    assert "access-control-allow-origin" not in said.headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(client: TestClient, method: str) -> None:
    assert (
        client.request(method, "/api/answer", headers={**OURS, "content-type": "application/json"}).status_code == 405
    )


def test_tokens_are_made_once_and_for_nobody_else_to_read(tmp_path: Path) -> None:
    first = tokens_in(tmp_path / "token")

    assert tokens_in(tmp_path / "token") == first
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert min(len(first.annotator), len(first.owner)) >= 32
    assert first.role(first.owner) == "owner"
    assert first.role(first.annotator) == "annotator"
    assert first.role(first.owner[:-1]) is None
    (tmp_path / "token").write_text("short\n")
    with pytest.raises(Refused, match="holds no two tokens of 16 characters or more: delete it"):
        tokens_in(tmp_path / "token")


def test_a_port_that_cannot_be_had_is_said() -> None:
    with bound("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=f"127.0.0.1:{port} cannot be served on: .*Choose another --port"):
            bound("127.0.0.1", port)
    with pytest.raises(Refused, match="the port is 80; allowed are 1024…65535, or 0"):
        bound("127.0.0.1", 80)


def test_the_socket_says_that_it_is_tcp_so_that_small_answers_are_sent_at_once() -> None:
    with bound("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        there, _ = listening.accept()
        with there:
            assert there.proto == socket.IPPROTO_TCP, "asyncio turns off Nagle's algorithm for these alone"
