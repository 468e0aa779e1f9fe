"""What the client says when a server, an address or a token is not as it should be."""

from __future__ import annotations

import socket

import pytest

from oracles.label_studio import Client, StudioError, Unreachable
from oracles.label_studio.client import NotFound

from .fake import LEGACY, PERSONAL, Fake


def test_a_legacy_token_is_sent_as_it_is(client: Client) -> None:
    assert client.check_version() == "1.23.2"


def test_a_personal_token_is_changed_for_an_access_token_and_again_once_that_is_stale(fake: Fake, url: str) -> None:
    fake.legacy = False
    client = Client(url, f" {PERSONAL}\n")
    client.check_version()
    client.get("/api/projects/")
    assert fake.access == 1

    fake.access += 1  # as after five minutes
    assert client.get("/api/projects/")["results"] == []
    assert fake.access == 3


@pytest.mark.parametrize(
    ("token", "legacy", "message"),
    [
        ("ffff", True, r"refuses the token: Invalid token\. Yours is in Account & Settings .*LABEL_STUDIO_API_KEY"),
        (LEGACY, False, r"has been disabled\. Legacy tokens are switched off there: make a personal access token"),
        (f"{PERSONAL}x", True, r"refuses the personal access token: Token is invalid\."),
    ],
)
def test_a_wrong_token_is_said(fake: Fake, url: str, token: str, legacy: bool, message: str) -> None:
    fake.legacy = legacy
    with pytest.raises(StudioError, match=message) as caught:
        Client(url, token).check_version()
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    ("token", "message"), [("", "no token is given"), ("a\nb", "signs that no"), ("é", "signs that no")]
)
def test_what_is_no_token_is_not_sent(token: str, message: str) -> None:
    with pytest.raises(StudioError, match=message):
        Client("http://127.0.0.1:9", token)


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8080", "ftp://x", "http://", "http://me:secret@host", "http://h/?a=1", "http://[x", "http://h:x"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(StudioError, match="it is the address at which Label Studio is open in a browser"):
        Client(url, LEGACY)


def test_an_address_where_nobody_answers_may_answer_later() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(Unreachable, match="cannot be reached: .*refused.* Start Label Studio, or check --url"):
            Client(url, LEGACY).check_version()


def test_a_server_that_does_not_answer_in_time_may_answer_later() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with pytest.raises(Unreachable, match="no answer in time|timed out"):
            Client(f"http://127.0.0.1:{mute.getsockname()[1]}", LEGACY, timeout_s=0.1).check_version()


@pytest.mark.parametrize("fault", ["before", "after", 500, 503, 429])
def test_a_server_that_breaks_may_be_mended(client: Client, fake: Fake, fault: str | int) -> None:
    fake.faults = {0: fault}
    with pytest.raises(Unreachable, match="the same command goes on"):
        client.check_version()
    assert client.check_version() == "1.23.2"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (302, "sends to http://elsewhere.example/: if you trust that address, give it as --url"),
        (403, "does not let the user of this token do GET /api/version: It broke"),
        (400, "refuses GET /api/version with status 400: It broke"),
    ],
)
def test_other_failures_are_said(client: Client, fake: Fake, status: int, message: str) -> None:
    fake.faults = {0: status}
    with pytest.raises(StudioError, match=message):
        client.check_version()
    assert len(fake.requests) == 1


def test_something_else_at_the_address_is_said(client: Client, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound, match="has nothing at /api/nowhere/1. Is --url the address"):
        client.get("/api/nowhere/1")
    monkeypatch.setattr(fake, "answer", lambda *_: (200, b"<html>"))
    with pytest.raises(StudioError, match="answers GET /api/version with something that is no JSON"):
        client.check_version()
    monkeypatch.setattr(fake, "answer", lambda *_: (200, []))
    with pytest.raises(StudioError, match="does not say which Label Studio it is"):
        client.check_version()


def test_a_version_that_is_too_old_is_refused(client: Client, fake: Fake) -> None:
    fake.release = "1.4.1"
    with pytest.raises(StudioError, match="is Label Studio 1.4.1; 1.12 or later is needed"):
        client.check_version()


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert Client(client.url, LEGACY).check_version() == "1.23.2"
