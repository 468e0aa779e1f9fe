"""activeloop COMMAND …: finds the command's file, parses, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from importlib import import_module

COMMANDS = {
    "compare": "simulate several strategies and seeds, and draw their acquisition curves",
    "run": "one strategy and seed: simulated to its end, or up to the first question for people",
    "ask": "show the open query of a run, or pick the next one",
    "tell": "hand in answers, all at once or a few at a time",
    "close": "give up on what is unanswered in a query",
    "revise": "change labels after an audit, with the reason",
    "status": "where a run stands",
    "export": "labels as CSV, weights as safetensors, predictions for the rest",
    "report": "table, curves and TensorBoard of finished or running runs",
    "list": "acquisitions, selectors, learners, nets, oracles or data, a line each",
    "explain": "the plan of a run with shapes, bytes, time and memory; trains nothing",
    "select": "pick rows from your own features with no run at all",
}
DONE, FAILED, REFUSED, WAITING, INTERRUPTED = 0, 1, 2, 3, 130
EXIT_CODES = """exit codes:
  0    done
  1    a defect of this program, shown with its traceback
  2    refused: the message says what is wrong, what is allowed and what to do
  3    waiting for answers: tell them, then ask again
  130  interrupted; the same command goes on where it stood"""


def entry() -> None:
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run one command; gives its exit code."""
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print(_help())
        return DONE
    if name == "--version":
        from importlib.metadata import version

        print(version("activeloop"))
        return DONE
    if name not in COMMANDS:
        return _refuse(_unknown(name))
    if os.getcwd() not in sys.path:  # a user's own module:function stands in the folder they work in
        sys.path.insert(0, os.getcwd())
    return _run(name, arguments[1:])


def _run(name: str, arguments: list[str]) -> int:
    from activeloop.errors import ActiveloopError

    command = import_module(f"activeloop.cli.{name}")
    parser = ArgumentParser(
        f"activeloop {name}",
        description=command.__doc__,
        epilog=EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    command.arguments(parser)
    given = vars(parser.parse_args(arguments))
    try:
        code: int = command.main(**given)
    except ActiveloopError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        print(
            "\ninterrupted; nothing that was taken is lost, and the same command goes on where it stood.",
            file=sys.stderr,
        )
        return INTERRUPTED
    except BrokenPipeError:  # `activeloop list … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return code


def _help() -> str:
    lines = [f"  {name:<9}{what}" for name, what in COMMANDS.items()]
    return "\n".join(
        ["usage: activeloop COMMAND …", "", "Pool-based active learning.", "", "commands:", *lines, "",
         "`activeloop COMMAND --help` shows its options.", "", EXIT_CODES]
    )  # fmt: skip


def _unknown(name: str) -> str:
    from activeloop.errors import nearest

    return f"no command is called {name!r}{nearest(name, COMMANDS)} Commands: {', '.join(COMMANDS)}."


def _refuse(message: str) -> int:
    print(f"activeloop: {message}", file=sys.stderr)
    return REFUSED


if __name__ == "__main__":
    entry()
