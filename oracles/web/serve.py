"""The page on a port of this machine."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from oracles.inbox import Refused
from oracles.web.guard import Tokens

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
SHORTEST = 16  # characters of a token that somebody chose
FIRST, LAST = 1024, 65_535
CLOSE_S = 0.1  # for answers on their way out when the server is told to stop


def tokens_in(path: Path) -> Tokens:
    """Those of a run, made once and kept for its links to go on working; nobody else may read the file.

    raises: Refused for a file that holds something else.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        lines = path.read_text(encoding="utf-8", errors="replace").split()
        if len(lines) != 2 or min(map(len, lines)) < SHORTEST or not all(line.isascii() for line in lines):
            raise Refused(
                f"{path} holds no two tokens of {SHORTEST} characters or more: delete it, for new ones."
            ) from None
        return Tokens(*lines)
    tokens = Tokens(secrets.token_urlsafe(24), secrets.token_urlsafe(24))
    with os.fdopen(handle, "w") as file:
        file.write(f"{tokens.annotator}\n{tokens.owner}\n")
        file.flush()
        os.fsync(file.fileno())
    return tokens


def is_loopback(host: str) -> bool:
    return host in LOOPBACK


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 is any free one. raises: Refused with the next step."""
    if port and not FIRST <= port <= LAST:
        raise Refused(f"the port is {port}; allowed are {FIRST}…{LAST}, or 0 for any that is free.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # named as TCP, since asyncio sends small answers at once only where the protocol is said: else each waits 40 ms
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
        listening.listen()  # who follows the link before the server is up waits for it, rather than be refused
    except (OSError, UnicodeError) as error:
        listening.close()
        raise Refused(
            f"{host}:{port} cannot be served on: {error}. Choose another --port, or another --host."
        ) from None
    return listening


class _Server(uvicorn.Server):
    """Told to stop, it waits for nobody: what was acknowledged is on disk, and what was not is sent again."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what breaks off now is no defect
        for listening in self.servers:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()  # at once where nothing is asked, else after the answer
        await asyncio.sleep(CLOSE_S)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await self.lifespan.shutdown()


def server(app: ASGIApp) -> uvicorn.Server:
    """`run(sockets=[…])` serves until it is interrupted, or `should_exit` is set. Logs no address: links hold tokens."""
    return _Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
            limit_concurrency=200,
            h11_max_incomplete_event_size=16_384,
            ws="none",
        )
    )
