"""Label Studio's HTTP interface: JSON in and out, both kinds of token, and what goes wrong in words."""

from __future__ import annotations

import http.client
import json
import secrets
import ssl
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from oracles.items import plain

TIMEOUT_S = 120.0  # a server on SQLite takes seconds for hundreds of tasks
OLDEST = (1, 12)  # the oldest that was tried; 1.23 is the latest
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LATER = (429, 500, 502, 503, 504)  # statuses of a server that may do better next time
LONGEST = 400  # characters of what a server says that are passed on
TOKENS = "Account & Settings (at the top right), under Access Token or Personal Access Token"


class StudioError(Exception):
    """Label Studio cannot be used as it is; the message says why, what is safe and what to do."""


class Unreachable(StudioError):
    """The server does not answer now; it may later."""


class NotFound(StudioError):
    """What was asked for is not there."""


class Client:
    """Requests to one server, as the user whose token this is.

    url: where Label Studio is open in a browser.    token: of an account; the legacy kind, or a personal access token.
    raises: StudioError for an address or a token that cannot be one. Nothing is sent yet.
    """

    def __init__(self, url: str, token: str, timeout_s: float = TIMEOUT_S) -> None:
        self.url, self._token, self._timeout_s = checked_url(url), _checked_token(token), timeout_s
        self._is_personal = self._token.count(".") == 2  # a JSON web token; legacy ones are 40 hexadecimal digits
        self._access: str | None = None
        self._opener = _opener(urlsplit(self.url).hostname or "")
        self.time: float | None = None  # of the server at its last answer, seconds since 1970

    def get(self, path: str, **query: object) -> Any:
        return self._call("GET", path + (f"?{urlencode(query)}" if query else ""))

    def send(self, method: str, path: str, body: object = None) -> Any:
        return self._call(method, path, None if body is None else json.dumps(body).encode(), "application/json")

    def upload(self, path: str, files: Sequence[tuple[str, bytes]]) -> Any:
        """Send PNG files, (name, content)."""
        mark = secrets.token_hex(16)
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="file{at}"; filename="{name}"\r\n'
            f"Content-Type: image/png\r\n\r\n".encode()
            + content
            + b"\r\n"
            for at, (name, content) in enumerate(files)
        ]
        body = b"".join([*parts, f"--{mark}--\r\n".encode()])
        return self._call("POST", path, body, f"multipart/form-data; boundary={mark}")

    def check_version(self) -> str:
        """The server's release. raises: StudioError where it is too old, or no Label Studio."""
        said = self.get("/api/version")
        release = said.get("release") if isinstance(said, Mapping) else None
        if not isinstance(release, str):
            raise StudioError(f"{self.url} does not say which Label Studio it is. {_the_address()}")
        numbers = tuple(int(part) for part in release.split(".")[:2] if part.isdecimal())
        if numbers < OLDEST:
            raise StudioError(
                f"{self.url} is Label Studio {plain(release, 40)}; {'.'.join(map(str, OLDEST))} or later is needed:"
                " pip install --upgrade label-studio."
            )
        self.get("/api/current-user/whoami")  # versions are told to anybody; this is not
        return release

    def _call(self, method: str, path: str, body: bytes | None = None, kind: str | None = None) -> Any:
        try:
            return self._once(method, path, body, kind)
        except _Stale:
            self._access = None  # access tokens last five minutes
        try:
            return self._once(method, path, body, kind)
        except _Stale as error:
            raise self._refused(str(error)) from None

    def _once(self, method: str, path: str, body: bytes | None, kind: str | None) -> Any:
        return self._open(method, path, body, {**({"Content-Type": kind} if kind else {}), **self._authorization()})

    def _authorization(self) -> Mapping[str, str]:
        if not self._is_personal:
            return {"Authorization": f"Token {self._token}"}
        if self._access is None:
            body = json.dumps({"refresh": self._token}).encode()
            try:
                said = self._open("POST", "/api/token/refresh/", body, {"Content-Type": "application/json"})
            except _Stale as error:
                raise self._refused(str(error)) from None
            self._access = str(said.get("access") if isinstance(said, Mapping) else "")
        return {"Authorization": f"Bearer {self._access}"}

    def _open(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        request = Request(self.url + path, body, {"Accept": "application/json", **headers}, method=method)
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                content = answer.read()
                date = answer.headers.get("Date")
        except HTTPError as error:
            raise self._says(error, method, path) from None
        except (URLError, OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        self.time = _seconds(date)
        try:
            return json.loads(content) if content else None
        except ValueError:
            raise StudioError(f"{self.url} answers {method} {path.partition('?')[0]} with something that is no JSON."
                              f" {_the_address()}") from None  # fmt: skip

    def _says(self, error: HTTPError, method: str, path: str) -> Exception:
        what, place = _reason(error), path.partition("?")[0]
        if error.code == 401:
            return _Stale(what)
        if error.code == 403:
            return StudioError(
                f"{self.url} does not let the user of this token do {method} {place}: {what} Use the token of somebody who"
                " manages the project, or have them give you that right."
            )
        if error.code == 404:
            return NotFound(f"{self.url} has nothing at {place}. {_the_address()}")
        if 300 <= error.code < 400:
            to = plain(error.headers.get("Location", "elsewhere"), 200)
            return StudioError(f"{self.url} sends to {to}: if you trust that address, give it as --url.")
        if error.code in LATER:
            return Unreachable(
                f"{self.url} failed with status {error.code} at {method} {place}: {what} Its own log says more; once it is"
                " mended, the same command goes on."
            )
        return StudioError(f"{self.url} refuses {method} {place} with status {error.code}: {what}")

    def _refused(self, what: str) -> StudioError:
        kind = "personal access token" if self._is_personal else "token"
        more = (
            " Legacy tokens are switched off there: make a personal access token."
            if "legacy" in what.lower() and not self._is_personal
            else ""
        )
        return StudioError(
            f"{self.url} refuses the {kind}: {what}{more} Yours is in {TOKENS}; give it by LABEL_STUDIO_API_KEY."
        )

    def _unreachable(self, error: BaseException) -> StudioError:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            return StudioError(
                f"{self.url} shows a certificate that is not trusted here ({reason.verify_message}): name the file of yours"
                " in SSL_CERT_FILE, or mend the server's."
            )
        what = "no answer in time" if isinstance(reason, TimeoutError) else str(reason) or type(reason).__name__
        return Unreachable(
            f"{self.url} cannot be reached: {plain(what, LONGEST)}. Start Label Studio, or check --url; what people answered"
            " there is kept there, and the same command goes on."
        )


class _Stale(Exception):
    """The server knows neither this token nor, where it is personal, what it was changed for."""


class _Staying(HTTPRedirectHandler):
    """Follows no redirect: the token would go along, to whoever is there."""

    def redirect_request(self, *given: object) -> None:
        return None


def checked_url(url: str) -> str:
    """The address without a slash at its end. raises: StudioError for what is none."""
    try:
        parts = urlsplit(url.strip())
        has_place = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_place = False
    if not has_place or parts.query or parts.fragment or "@" in parts.netloc or not url.strip().isprintable():
        raise StudioError(
            f"--url is {plain(url, 200)!r}; it is the address at which Label Studio is open in a browser, such as"
            " http://localhost:8080."
        )
    return url.strip().rstrip("/")


def _checked_token(token: str) -> str:
    token = token.strip()
    if not token:
        raise StudioError(f"no token is given. Yours is in Label Studio: {TOKENS}; export LABEL_STUDIO_API_KEY=….")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise StudioError(f"the token holds signs that no token has. Copy it anew from {TOKENS}.")
    return token


def _opener(host: str) -> OpenerDirector:
    """Proxies of the environment count, but not for this very machine."""
    return build_opener(_Staying(), ProxyHandler({}) if host in LOOPBACK else ProxyHandler())


def _reason(error: HTTPError) -> str:
    """What the server says of the failure, as a sentence."""
    try:
        said = json.loads(error.read())
    except (ValueError, OSError, http.client.HTTPException):
        return f"{error.reason}."
    words = ""
    if isinstance(said, Mapping):
        words = (
            json.dumps(said["validation_errors"]) if said.get("validation_errors") else str(said.get("detail") or "")
        )
    return f"{plain(words or json.dumps(said), LONGEST).rstrip('.')}."


def _seconds(date: str | None) -> float | None:
    """Since 1970, of the header Date; None where there is none that can be read."""
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return None


def _the_address() -> str:
    return "Is --url the address at which Label Studio is open in a browser, without what follows it?"
