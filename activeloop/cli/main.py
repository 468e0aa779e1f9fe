"""activeloop COMMAND …: finds the command's file, parses, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import os
import sys
import textwrap
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from importlib import import_module
from typing import NoReturn, TextIO

COMMANDS = {
    "compare": "simulate several strategies and seeds, and draw their acquisition curves",
    "sweep": "simulate every combination of a file's settings: strategies, seeds, noise, starts, budgets",
    "run": "one strategy and seed: simulated to its end, or up to the first question for people",
    "label": "people answer in the terminal or in a browser, and the model asks again",
    "ask": "show the open query of a run, or pick the next one",
    "tell": "hand in answers, all at once or a few at a time",
    "close": "give up on what is unanswered in a query",
    "revise": "change labels after an audit, with the reason",
    "status": "where a run stands",
    "export": "labels as CSV, weights as safetensors, predictions for the rest",
    "report": "a page, tables, curves and TensorBoard of finished or running runs",
    "list": "acquisitions, selectors, learners, nets, oracles, features or data, a line each",
    "explain": "the plan of a run with shapes, bytes, time and memory; trains nothing",
    "embed": "features of every row as an .npy: an encoder by name, or one trained on the pool",
    "select": "pick rows with no run at all, and report on them",
    "pick": "pick rows by predictions of your own model, from arrays",
    "check": "try the contract of your own strategy, learner or oracle",
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
        sys.path.append(os.getcwd())
    try:
        return _run(name, arguments[1:])
    except KeyboardInterrupt:
        return interrupted(arguments)
    except BrokenPipeError:  # `activeloop list … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


class Parser(ArgumentParser):
    """Whole option names only, so that a later option cannot change what an old command means; a typo is answered."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            f"activeloop {command}",
            description=_wrapped(description),
            epilog=EXIT_CODES,
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        from activeloop.errors import nearest

        kind, _, rest = message.partition(": ")
        typos = [word for word in rest.split() if word.startswith("--")] if kind == "unrecognized arguments" else []
        guess = nearest(typos[0].partition("=")[0], self._option_string_actions) if typos else "."
        self.exit(REFUSED, f"{self.prog}: {message}{guess} `{self.prog} --help` shows all options.\n")


def _run(name: str, arguments: list[str]) -> int:
    import warnings

    from activeloop.errors import ActiveloopError

    command = import_module(f"activeloop.cli.{name}")
    parser = Parser(name, command.__doc__ or "")
    command.arguments(parser)
    try:
        given = vars(parser.parse_args(arguments))
    except SystemExit as done:  # --help, or a refusal that is printed already
        return int(done.code or DONE)
    with warnings.catch_warnings():
        warnings.showwarning = _note
        try:
            code: int = command.main(**given)
        except ActiveloopError as error:
            return _refuse(str(error))
        except BrokenPipeError:
            raise
        except OSError as error:  # a folder that may not be written, a disk that is full
            if error.filename is None and error.errno is None:
                raise
            return _refuse(
                f"{error.filename or 'the disk'}: {error.strerror}. What was taken before is safe: mend this, or name"
                " another place, and run the same command again."
            )
    return code


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as one line. Those that are for programmers rather than users keep their place in the code."""
    place = "" if issubclass(category, UserWarning) else f" ({category.__name__}, {filename}:{lineno})"
    if "tqdm" in sys.modules:
        sys.modules["tqdm"].tqdm.write(f"note: {message}{place}", file=sys.stderr)  # above a bar, not into it
    else:
        print(f"note: {message}{place}", file=sys.stderr)


def interrupted(arguments: list[str]) -> int:
    """Say so, and that nothing is lost; gives the exit code."""
    from shlex import join

    print(
        f"\ninterrupted; all that was taken is safe, and the same command goes on from there:\n"
        f"  activeloop {join(arguments)}",
        file=sys.stderr,
    )
    return INTERRUPTED


def _help() -> str:
    lines = [f"  {name:<9}{what}" for name, what in COMMANDS.items()]
    return "\n".join(
        ["usage: activeloop COMMAND …", "", "Pool-based active learning.", "", "commands:", *lines, "",
         "`activeloop COMMAND --help` shows its options.", "", EXIT_CODES]
    )  # fmt: skip


def _wrapped(text: str) -> str:
    """Paragraphs as wide as the terminal, at most 100 columns."""
    from shutil import get_terminal_size

    width = min(get_terminal_size().columns, 100) - 2
    return "\n\n".join(textwrap.fill(" ".join(part.split()), width) for part in text.strip().split("\n\n"))


def _unknown(name: str) -> str:
    from activeloop.errors import nearest

    return f"no command is called {name!r}{nearest(name, COMMANDS)} Commands: {', '.join(COMMANDS)}."


def _refuse(message: str) -> int:
    print(f"activeloop: {message}", file=sys.stderr)
    return REFUSED


if __name__ == "__main__":
    entry()
