"""The labelling page and the owner's page, as one ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from oracles.inbox import Asked, Inbox, InboxError, Refused, progress
from oracles.inbox.exchange import as_csv, as_json_lines
from oracles.items import Image, Text, encodable, plain, png
from oracles.keys import keys_for
from oracles.web.guard import Guard, Tokens, TooLarge, too_large
from oracles.web.page import Page
from oracles.web.requests import body_of, count, number, optional_number, seconds, text

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Endpoint = Callable[[Request], Awaitable[Response]]

STATIC = Path(__file__).parent / "static"
FILES = {  # what may be asked for, by name: no path is ever made of a request
    "label.js": "text/javascript", "owner.js": "text/javascript", "common.js": "text/javascript", "style.css": "text/css",
    "icon.svg": "image/svg+xml",
}  # fmt: skip
KEPT_IMAGES = 1024
LONGEST_ROW = 15  # digits
EXAMPLES = 4  # of each class, in the guide
DAY = "private, max-age=86400"


def application(
    inbox: Inbox,
    page: Page,
    tokens: Tokens,
    hosts: Collection[str] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> ASGIApp:
    """The pages, behind their guard. hosts, sleep: see `Guard`."""
    rooms = _Rooms(inbox, page)
    routes = [
        Route("/", _file("label.html", "text/html"), methods=["GET"]),
        Route("/owner", _for_owner(_file("owner.html", "text/html")), methods=["GET"]),
        Route("/static/{name}", _static, methods=["GET"]),
        Route("/item/{row}.png", rooms.image, methods=["GET"]),
        Route("/api/state", rooms.state, methods=["GET"]),
        Route("/api/guide", rooms.guide, methods=["GET"]),
        Route("/api/next", rooms.next, methods=["POST"]),
        Route("/api/release", rooms.release, methods=["POST"]),
        Route("/api/answer", rooms.answer, methods=["POST"]),
        Route("/api/undo", rooms.undo, methods=["POST"]),
        Route("/api/owner", _for_owner(rooms.owner), methods=["GET"]),
        Route("/api/revise", _for_owner(rooms.revise), methods=["POST"]),
        Route("/export.{kind}", _for_owner(rooms.export), methods=["GET"]),
    ]
    inside = Starlette(
        routes=routes,
        exception_handlers=SAID,
    )
    return Guard(inside, tokens, hosts, sleep)


class _Rooms:
    """What the routes do."""

    def __init__(self, inbox: Inbox, page: Page) -> None:
        self._inbox, self._page = inbox, page
        self._png = lru_cache(KEPT_IMAGES)(self._drawn)

    async def state(self, request: Request) -> Response:
        return await _json(lambda: self._state(encodable(request.query_params.get("annotator", ""))))

    async def next(self, request: Request) -> Response:
        values = await body_of(request, "annotator", "n")
        who, n = text(values, "annotator"), count(values, "n")

        def lease() -> Mapping[str, JSON]:
            rows = [self._item(asked) for asked in self._inbox.lease(who, n)]
            return {"rows": rows, "state": self._state(who)}

        return await _json(lease)

    async def release(self, request: Request) -> Response:
        values = await body_of(request, "annotator", "until")

        def let_go() -> Mapping[str, JSON]:
            self._inbox.release(text(values, "annotator"), seconds(values, "until") or 0.0)
            return {}

        return await _json(let_go)

    async def answer(self, request: Request) -> Response:
        values = await body_of(request, "ticket", "row", "label", "annotator", "request", "seconds", "shown")

        def take() -> Mapping[str, JSON]:
            number_of_event = self._inbox.answer(
                text(values, "ticket"),
                number(values, "row"),
                optional_number(values, "label"),
                text(values, "annotator"),
                request=text(values, "request"),
                seconds=seconds(values, "seconds"),
                shown=optional_number(values, "shown"),
            )
            self._page.answered()
            return {"event": number_of_event, "state": self._state(text(values, "annotator"))}

        return await _json(take)

    async def undo(self, request: Request) -> Response:
        values = await body_of(request, "annotator", "request")

        def take_back() -> Mapping[str, JSON]:
            who = text(values, "annotator")
            asked = self._inbox.undo(who, request=text(values, "request"))
            return {"row": self._item(asked), "state": self._state(who)}

        return await _json(take_back)

    async def revise(self, request: Request) -> Response:
        values = await body_of(request, "ticket", "row", "label", "annotator", "why", "request")

        def decide() -> Mapping[str, JSON]:
            number_of_event = self._inbox.revise(
                text(values, "ticket"), number(values, "row"), number(values, "label"), text(values, "annotator"),
                text(values, "why"), request=text(values, "request"),
            )  # fmt: skip
            self._page.answered()
            return {"event": number_of_event}

        return await _json(decide)

    async def guide(self, request: Request) -> Response:
        def look() -> Mapping[str, JSON]:
            found = progress.examples(self._inbox, EXAMPLES)
            keys = keys_for(self._page.classes)
            return {
                "title": self._page.title,
                "key": self._page.key,
                "annotator": self._page.annotator,
                "offers_guess": self._page.offers_guess,
                "classes": [
                    {"name": plain(name), "key": key, "examples": [self._item(Asked("", row)) for row in found[at]]}
                    for at, (name, key) in enumerate(zip(self._page.classes, keys, strict=True))
                ],
            }

        return await _json(look)

    async def owner(self, request: Request) -> Response:
        def look() -> Mapping[str, JSON]:
            return {
                "story": asdict(self._page.story()),
                "panel": [self._inbox.rule.least, self._inbox.rule.cap],
                "tickets": [asdict(each) for each in progress.tickets(self._inbox)],
                "annotators": [asdict(each) for each in progress.annotators(self._inbox)],
                "doubts": [
                    {**asdict(each), "item": self._item(Asked(each.ticket, each.row))}
                    for each in progress.doubts(self._inbox)
                ],
            }

        return await _json(look)

    async def export(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        if kind not in ("csv", "jsonl"):
            return PlainTextResponse("There are export.csv and export.jsonl.\n", status_code=404)
        content = await run_in_threadpool(as_csv if kind == "csv" else as_json_lines, self._inbox)
        headers = {"content-disposition": f'attachment; filename="inbox.{kind}"'}
        return Response(content, media_type="text/csv" if kind == "csv" else "application/jsonl", headers=headers)

    async def image(self, request: Request) -> Response:
        given = request.path_params["row"]
        is_row = given.isascii() and given.isdigit() and len(given) <= LONGEST_ROW
        content = await run_in_threadpool(self._image, int(given)) if is_row else None
        if content is None:
            return PlainTextResponse("No such image was asked about.\n", status_code=404)
        return Response(content, media_type="image/png", headers={"cache-control": DAY})

    def _image(self, row: int) -> bytes | None:
        """Of a row that is or was before people; no other row can be looked at."""
        return self._png(row) if self._inbox.was_asked(row) else None

    def _drawn(self, row: int) -> bytes | None:
        item = self._page.show(row)
        return png(item.pixels) if isinstance(item, Image) else None

    def _item(self, asked: Asked) -> Mapping[str, JSON]:
        item = self._page.show(asked.row)
        told: dict[str, JSON] = {
            "ticket": asked.ticket,
            "row": asked.row,
            "caption": plain(self._page.caption(asked.row)),
        }
        if self._page.offers_guess and asked.guess is not None:
            told["guess"] = asked.guess
        if isinstance(item, Image):
            height, width = item.pixels.shape[:2]
            return {**told, "image": f"/item/{asked.row}.png", "width": width, "height": height}
        if isinstance(item, Text):
            return {**told, "text": encodable(item.text)}
        return {**told, "cells": [(encodable(name), encodable(value)) for name, value in item.cells]}

    def _state(self, annotator: str) -> Mapping[str, JSON]:
        story = self._page.story()
        open_tickets = progress.tickets(self._inbox)
        ticket = open_tickets[-1] if open_tickets else None
        mine, rate = progress.of_annotator(self._inbox, annotator) if annotator else (0, 0.0)
        return {
            "mood": story.mood,
            "what": story.what,
            "told": story.told,
            "budget": story.budget,
            "ticket": ticket.name if ticket else None,
            "rows": ticket.rows if ticket else 0,
            "left": ticket.left if ticket else 0,
            "mine": mine,
            "rate": rate,
            "held": self._inbox.held_until(annotator) if annotator else None,
        }


async def _json(work: Callable[[], Mapping[str, JSON]]) -> Response:
    """The answer of what may wait for the disk, without keeping others waiting."""
    return JSONResponse(await run_in_threadpool(work))


def _file(name: str, kind: str) -> Endpoint:
    async def give(request: Request) -> Response:
        return FileResponse(STATIC / name, media_type=kind, headers={"cache-control": "no-cache"})

    return give


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        return PlainTextResponse("No such file.\n", status_code=404)
    return await _file(name, FILES[name])(request)


def _for_owner(endpoint: Endpoint) -> Endpoint:
    async def ask(request: Request) -> Response:
        if request.state.role != "owner":
            return PlainTextResponse("This is for the owner: open the link that says so.\n", status_code=403)
        return await endpoint(request)

    return ask


async def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=409)


async def _unable(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=503)


async def _too_much(request: Request, error: Exception) -> Response:
    return too_large()


async def _gone(request: Request, error: Exception) -> Response:
    return PlainTextResponse("The request broke off.\n", status_code=400)


SAID = {Refused: _refused, InboxError: _unable, TooLarge: _too_much, ClientDisconnect: _gone}
