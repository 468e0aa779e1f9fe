"""Label a run: people answer, here or in a browser, and the model trains on what they said and asks again.

RUN is a folder that `activeloop run --people` made. Answers are on disk, in RUN/inbox.sqlite, before they are acknowledged,
and go to the journal once a query is whole. Exits with 3 while answers are awaited, with 0 once the run is done.
"""

from __future__ import annotations

import re
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from activeloop.cli.people import INBOX, Loop, Wanted

if TYPE_CHECKING:
    from oracles import Inbox
    from oracles.rule import Rule

WEIGHT = re.compile(r"\d+(\.\d*)?")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--with", dest="tool", metavar="WHAT", default="console", help="where to answer: console, web,"
        " label-studio, or MODULE:FUNCTION of your own, given what a row shows and giving its class (console)")  # fmt: skip
    parser.add_argument("--annotator", metavar="NAME", help="who answers, kept beside every answer (your login)")
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="stop after N queries are answered (when the run is done)"
    )
    parser.add_argument("--panel", type=int, default=1, metavar="K", help="annotators asked about every row (1)")
    parser.add_argument("--panel-most", type=int, metavar="K", help="while they disagree, or skip, another one is asked, up to"
        " so many a row (as many as --panel)")  # fmt: skip
    parser.add_argument("--merge", default="majority", metavar="HOW", help="what several say together: majority, weighted by"
        " --weights, or dawid-skene, which finds out who knows which class (majority)")  # fmt: skip
    parser.add_argument(
        "--weights", type=_weights, metavar="NAME=W,…", help="of annotators, with --merge weighted; 1 for others"
    )
    parser.add_argument("--guesses", action="store_true", help="offer what the model thinks; hidden until asked for,"
        " but in Label Studio")  # fmt: skip
    parser.add_argument(
        "--show", type=Path, metavar="CSV", help="texts or small tables to show: row or file, and columns"
    )
    parser.add_argument("--data", metavar="SOURCE", help="where the same data lie now, if they were moved")
    parser.add_argument("--host", default="127.0.0.1", help="with web: address to serve on; others than this machine's own"
        " let the network in, by the token in the link alone (127.0.0.1)")  # fmt: skip
    parser.add_argument("--port", type=int, default=8765, help="with web; 0 is any that is free (8765)")
    parser.add_argument("--url", help="with label-studio: where it is open in a browser ($LABEL_STUDIO_URL, else"
        " http://localhost:8080)")  # fmt: skip
    parser.add_argument("--token", help="with label-studio: of your account there; $LABEL_STUDIO_API_KEY keeps it out of the"
        " shell's history")  # fmt: skip
    parser.add_argument("--project", metavar="N", help="with label-studio: the number of a project to go on with, or new"
        " (the run's own)")  # fmt: skip
    parser.add_argument("--export", type=Path, metavar="FILE", help="write the inbox as .csv or .jsonl, and stop")
    parser.add_argument("--import", dest="import_", type=Path, metavar="FILE", help="take such a file into a new inbox")


def main(
    run: Path,
    tool: str,
    annotator: str | None,
    rounds: int | None,
    panel: int,
    panel_most: int | None,
    merge: str,
    weights: dict[str, float] | None,
    guesses: bool,
    show: Path | None,
    data: str | None,
    host: str,
    port: int,
    url: str | None,
    token: str | None,
    project: str | None,
    export: Path | None,
    import_: Path | None,
) -> int:
    from activeloop.errors import BadAnswer, ConfigError, StoreError
    from oracles.inbox import InboxError, Refused, checks

    if rounds is not None and rounds < 1:
        raise ConfigError(f"--rounds is {rounds}; it must be 1 or more.")
    rule = _rule(panel, panel_most, merge, weights)
    try:
        who = checks.name(annotator or _login(), "annotator")
        if export is not None:
            return _export(run, export)
        if import_ is not None:
            return _import(run, import_)
        wanted = Wanted(rounds, rule, guesses, show, data)
        if tool == "web":
            from activeloop.cli.web import serve

            return serve(run, annotator, wanted, host, port)
        if tool == "label-studio":
            from activeloop.cli.label_studio import Studio, StudioError, label

            try:
                return label(run, wanted, Studio(url, token, project))
            except StudioError as error:
                raise ConfigError(str(error)) from error
        if tool == "console":
            return _console(run, who, wanted)
        if ":" in tool:
            return _function(run, tool, annotator, wanted)
        raise ConfigError(f"--with is {tool!r}; it is console, web, label-studio, or module:function.")
    except InboxError as error:
        raise StoreError(str(error)) from error
    except Refused as error:
        raise BadAnswer(str(error)) from error


def _rule(least: int, most: int | None, merge: str, weights: dict[str, float] | None) -> Rule[str]:
    from activeloop.errors import ConfigError
    from oracles.rule import MERGES, Rule

    most = least if most is None else most
    if not 1 <= least <= most:
        raise ConfigError(f"--panel is {least} and --panel-most {most}; it must be 1 ≤ --panel ≤ --panel-most.")
    if merge not in MERGES:
        raise ConfigError(f"--merge is {merge!r}; it is {', '.join(MERGES)}.")
    if (merge == "weighted") != (weights is not None):
        raise ConfigError("--merge weighted needs --weights, such as ada=2,bob=0.5, and nothing else takes them.")
    return Rule(merge=merge, least=least, cap=most, weights=weights)


def _weights(text: str) -> dict[str, float]:
    """Annotator -> weight, of "ada=2,bob=0.5"."""
    found = {}
    for part in text.split(","):
        name, equals, weight = part.rpartition("=")
        if not (name and equals and WEIGHT.fullmatch(weight)):
            raise ArgumentTypeError(f"{part!r} is no NAME=WEIGHT, such as ada=2 or bob=0.5, 0 or more.")
        found[name] = float(weight)
    return found


def _console(folder: Path, annotator: str, given: Wanted) -> int:
    import os

    from activeloop.cli.main import WAITING
    from oracles.console import Question, here, label

    with ExitStack() as stack:
        loop = stack.enter_context(Loop(folder, given))
        question = Question(loop.classes, loop.show, loop.caption, folder / "shown", given.guesses)
        terminal = stack.enter_context(here(sys.stdin, sys.stdout, os.environ))
        for query in loop.questions():
            if not label(loop.inbox, query.id, annotator, question, terminal):
                left = len(loop.inbox.waiting(query.id))
                print(
                    f"{query.id}: {left} row{'s' * (left != 1)} left. What you answered is kept; the same command goes on."
                )
                if not terminal.is_typed:
                    print("activeloop: standard input is no terminal, and holds no more keys for these rows: run this in a"
                          " terminal, or label in the browser, --with web.", file=sys.stderr)  # fmt: skip
                return WAITING
        return loop.ended()


def _function(folder: Path, name: str, annotator: str | None, given: Wanted) -> int:
    from activeloop.catalogue import find
    from activeloop.cli.main import WAITING
    from oracles.called import answer_all
    from oracles.inbox.checks import LONGEST

    function = find("oracles", name)
    with Loop(folder, given) as loop:
        for query in loop.questions():
            answer_all(loop.inbox, query.id, annotator or name[-LONGEST:], loop.classes, loop.show, function)
            left = len(loop.inbox.waiting(query.id))
            if left:
                print(
                    f"{query.id}: {left} rows left, which other annotators of the panel answer. The same command goes on."
                )
                return WAITING
        return loop.ended()


def _export(folder: Path, path: Path) -> int:
    from activeloop.cli.main import DONE
    from activeloop.errors import StoreError
    from activeloop.report.files import replace_bytes
    from oracles.inbox.exchange import as_csv, as_json_lines

    _check_kind(path)
    if not (folder / INBOX).exists():
        raise StoreError(
            f"{folder} holds no {INBOX}: nobody has labelled there yet. `activeloop label {folder}` begins."
        )
    with _inbox(folder) as inbox:
        replace_bytes(path, (as_csv if path.suffix == ".csv" else as_json_lines)(inbox).encode())
    print(f"wrote {path}")
    return DONE


def _import(folder: Path, path: Path) -> int:
    from activeloop.cli.main import DONE
    from oracles.inbox.exchange import from_csv, from_json_lines, take_in

    _check_kind(path)
    with path.open(newline="", encoding="utf-8") as file:
        text = file.read()
    with _inbox(folder) as inbox:
        count = take_in(inbox, (from_csv if path.suffix == ".csv" else from_json_lines)(text))
    print(f"{count} lines taken in; go on with: activeloop label {folder}")
    return DONE


def _inbox(folder: Path) -> Inbox:
    from activeloop.cli.folder import state_of
    from activeloop.cli.people import about
    from oracles import Inbox

    state = state_of(folder)
    return Inbox(folder / INBOX, len(state.classes), time.time, about=about(state))


def _check_kind(path: Path) -> None:
    from activeloop.errors import ConfigError

    if path.suffix not in (".csv", ".jsonl"):
        raise ConfigError(f"{path} ends in {path.suffix!r}; an inbox is written as .csv or .jsonl.")


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user, as in some containers
        return "me"
