"""One row after the other, a key each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from oracles.console.pictures import picture
from oracles.console.terminal import LEAVE, UNDO, Terminal
from oracles.inbox import SKIP, Asked, Inbox, Refused
from oracles.items import Image, Item, Show, Text, plain, png
from oracles.keys import GUESS, GUIDE, SEARCH, UNSURE, keys_for, matches

ROOM = 8  # lines that the question and the classes take below a picture
POLL_S = 1.0  # how often it is looked whether others are done


@dataclass(frozen=True)
class Question:
    """What a console needs to ask with.

    caption: row -> what people call it.    folder: where images that are no files are written when the terminal cannot
    show them.    offers_guess: whether "." shows what the model thinks.    grace_s: how long the last answer may be
    undone before its ticket is handed on.
    """

    classes: Sequence[str]
    show: Show
    caption: Callable[[int], str]
    folder: Path
    offers_guess: bool = False
    grace_s: float = 3.0


def label(inbox: Inbox, ticket: str, annotator: str, question: Question, terminal: Terminal) -> bool:
    """Ask about the ticket until it is decided: True, or until the annotator leaves: False."""
    terminal.say(_help(question, terminal.columns))
    terminal.forget()
    try:
        return _asked(inbox, ticket, annotator, question, terminal)
    finally:
        inbox.lease(annotator, 0)  # others need not wait for who has left


def _asked(inbox: Inbox, ticket: str, annotator: str, question: Question, terminal: Terminal) -> bool:
    again: Asked | None = None
    while True:
        left = inbox.waiting(ticket)
        asked = again or next(iter(inbox.lease(annotator)), None)
        again = None
        if left and asked is None and not terminal.is_typed:
            return False  # nobody is there to wait for others
        if not left or asked is None:
            pressed = terminal.key(question.grace_s if not left else POLL_S)
            if pressed is None and not left:
                return True
            if asked is None and left and pressed is None:
                continue  # others hold the rest
            if pressed is None or pressed in UNDO:
                again = _undone(inbox, annotator, terminal) if pressed else None
                continue
            if pressed == "" or pressed in LEAVE:
                return not left
            continue
        told = _one(inbox, asked, annotator, question, terminal, len(left))
        if told is None:
            return False
        if told in UNDO:
            again = _undone(inbox, annotator, terminal) or asked


def _one(inbox: Inbox, asked: Asked, annotator: str, question: Question, terminal: Terminal, left: int) -> str | None:
    """Show a row and take its answer; the key struck, None to leave. Keys that mean nothing are passed over."""
    keys, classes, shown = keys_for(question.classes), question.classes, None
    terminal.say(f"\n{_drawn(question.show(asked.row), asked.row, question, terminal)}")
    asks = f"{plain(question.caption(asked.row))}, {left} left: "
    terminal.say(asks)
    began = inbox.clock()
    while True:
        key = terminal.key(None)
        label: int | None
        if not key or key in LEAVE:
            terminal.say("\n")
            return None
        if key in UNDO:
            return key
        if key == GUIDE:
            terminal.say(f"\n{_help(question, terminal.columns)}{asks}")
            continue
        if key == GUESS and question.offers_guess and asked.guess is not None:
            shown = asked.guess
            terminal.say(f"(the model thinks {plain(classes[shown])}) ")
            continue
        if key == " ":
            label, said = SKIP, "skipped"
        elif key == UNSURE:
            label, said = None, "unsure: for somebody else, or for later"
        elif key == SEARCH:
            found = _searched(classes, terminal)
            if found is None:
                continue
            label, said = found, plain(classes[found])
        elif key.lower() in keys:
            label = keys.index(key.lower())
            said = plain(classes[label])
        else:
            continue
        try:
            inbox.answer(
                asked.ticket, asked.row, label, annotator, seconds=max(0.0, inbox.clock() - began), shown=shown
            )
        except Refused as error:
            said = f"not taken: {error}"
        terminal.say(f"{said}\n")
        return key


def _drawn(item: Item, row: int, question: Question, terminal: Terminal) -> str:
    if isinstance(item, Text):
        return "\n".join(plain(line) for line in item.text.splitlines()) + "\n"
    if not isinstance(item, Image):
        return "".join(f"  {plain(name)}: {plain(value)}\n" for name, value in item.cells)
    if terminal.graphics != "none":
        return picture(item.pixels, terminal.graphics, terminal.columns, max(4, terminal.lines - ROOM))
    if item.path is not None:
        return f"{plain(item.path)}\n"
    question.folder.mkdir(parents=True, exist_ok=True)
    path = question.folder / f"{row}.png"
    path.write_bytes(png(item.pixels))
    return f"{path}\n"


def _searched(classes: Sequence[str], terminal: Terminal) -> int | None:
    """The class that the words typed until Enter find, if they find one alone or just so."""
    terminal.say("/")
    words = ""
    while (key := terminal.key(None)) not in ("\n", "\r"):
        if not key or key in LEAVE:
            terminal.say(" nothing chosen ")
            return None
        if key in UNDO:
            words = words[:-1]
            terminal.say("\b \b")
        else:
            words += key
            terminal.say(plain(key))
    found = matches(classes, words)
    if found and (len(found) == 1 or classes[found[0]].casefold() == words.strip().casefold()):
        terminal.say(" ")
        return found[0]
    names = ", ".join(plain(classes[at]) for at in found[:10])
    terminal.say(
        f" {len(found)} classes: {names}{' …' if len(found) > 10 else ''} " if found else " no class holds that "
    )
    return None


def _undone(inbox: Inbox, annotator: str, terminal: Terminal) -> Asked | None:
    try:
        asked = inbox.undo(annotator)
    except Refused as error:
        terminal.say(f"{error}\n")
        return None
    terminal.say("undone\n")
    return asked


def _help(question: Question, columns: int) -> str:
    keys = keys_for(question.classes)
    named = [f"[{key}] {plain(name)}" for key, name in zip(keys, question.classes, strict=True) if key]
    more = [f"… {keys.count('')} more by [{SEARCH}]"] if "" in keys else []
    guess = [f"[{GUESS}] guess"] if question.offers_guess else []
    tools = [
        f"[{UNSURE}] unsure",
        f"[{SEARCH}] search",
        "[Backspace] undo",
        *guess,
        f"[{GUIDE}] these keys",
        "[Esc] leave",
    ]
    return f"{_lines([*named, *more], columns)}{_lines(['[Space] skip', *tools], columns)}"


def _lines(parts: Sequence[str], columns: int) -> str:
    """Side by side, as many as fit a line; none is broken in two, but one that is wider than the line."""
    lines = [""]
    for part in parts:
        joined = f"{lines[-1]}  {part}" if lines[-1] else part
        if len(joined) < columns or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(part)
    return "".join(f"{line}\n" for line in lines)
