"""Who may come in, and with what: token, cookie, origin, size and headers, around every request."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Literal
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Role = Literal["annotator", "owner"]

LARGEST_BODY = 65_536  # bytes; an answer is a few hundred
SLOWEST_S, WAITING_AT_MOST = 4.0, 16  # wrong tokens wait ever longer, and only so many at a time
OURS = "x-activeloop"  # a header that no other site's page can send without asking first

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True)
class Tokens:
    """What opens the page: one for annotators, one for the owner, who may revise, too."""

    annotator: str
    owner: str

    def role(self, token: str) -> Role | None:
        """Compared in constant time, so that no part of a token can be guessed from how long it takes."""
        given = token.encode("utf-8", "surrogateescape")
        is_owner = hmac.compare_digest(given, self.owner.encode())
        is_annotator = hmac.compare_digest(given, self.annotator.encode())
        return "owner" if is_owner else "annotator" if is_annotator else None

    @property
    def cookie(self) -> str:
        """Its name: cookies of one host are shared by all ports, and two runs may be labelled at a time."""
        return f"activeloop_{hashlib.sha256(self.annotator.encode()).hexdigest()[:8]}"


class Guard:
    """Lets in who has a token, once by the link and then by a cookie; refuses, and slows, all others.

    hosts: names under which the page may be asked for, so that no other name can be pointed at it; None: any.
    sleep: waits so many seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Tokens,
        hosts: Collection[str] | None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._app, self._tokens, self._hosts, self._sleep = app, tokens, hosts, sleep
        self._wrong = self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = await self._refusal(scope)
        if answer is None:
            await self._app(scope, _bounded(receive), _with_headers(send))
        else:
            await answer(scope, receive, _with_headers(send))

    async def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:
            return _say(421, "This page does not answer to that host name.")
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > LARGEST_BODY:
            return too_large()
        if scope["path"].startswith("/static/"):
            return None  # the same for everybody
        entry = await self._entered(scope)
        if entry is not None:
            return entry
        role = self._tokens.role(_cookie(headers, self._tokens.cookie)) if headers.get("cookie") else None
        if role is None:
            if _cookie(headers, self._tokens.cookie):
                return await self._slowly()
            return _say(401, "Open the link that `activeloop label` printed: it holds the token.")
        if scope["method"] not in ("GET", "HEAD") and not _is_own(headers, host):
            return _say(403, "This request came from another site's page, and was refused.")
        scope.setdefault("state", {})["role"] = role
        return None

    async def _entered(self, scope: Scope) -> Response | None:
        """The way in by the link; None for requests without a token."""
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = query.get("token")
        if given is None or scope["method"] != "GET":
            return None
        if self._tokens.role(given[0]) is None:
            return await self._slowly()
        response = RedirectResponse(quote(scope["path"]) if scope["path"] == "/owner" else "/", status_code=303)
        response.set_cookie(self._tokens.cookie, given[0], max_age=30 * 86400, httponly=True, samesite="lax", path="/")
        return response

    async def _slowly(self) -> Response:
        if self._waiting >= WAITING_AT_MOST:
            return _say(429, "Too many wrong tokens; wait.")
        self._wrong, self._waiting = self._wrong + 1, self._waiting + 1
        try:
            await self._sleep(min(SLOWEST_S, 0.25 * 2 ** min(self._wrong, 10)))
        finally:
            self._waiting -= 1
        return _say(403, "That token is not right. Open the link that `activeloop label` printed.")


class TooLarge(Exception):
    """More bytes come than are taken, whatever was announced."""


def _bounded(receive: Receive) -> Receive:
    seen = 0

    async def count() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            raise TooLarge
        return message

    return count


def _with_headers(send: Send) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return add


def _name(host: str) -> str:
    """Without the port."""
    return host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _is_own(headers: Headers, host: str) -> bool:
    """Whether our own page sent it: by a header of ours, the kind of body, and what the browser says of its origin."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return (
        OURS in headers
        and kind == "application/json"
        and origin in (None, f"http://{host}", f"https://{host}")
        and site in ("same-origin", "none")
    )


def _say(status: int, text: str) -> Response:
    return PlainTextResponse(text + "\n", status_code=status)


def too_large() -> Response:
    return _say(413, f"A request may hold {LARGEST_BODY:,} bytes.")
