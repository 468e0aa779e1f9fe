"""Try the contract of a strategy on made-up evidence, and measure how its time and memory grow.

STRATEGY is your own (module:function, package:name) or one of ours. Exit code 0: it keeps the contract; 2: it does not, and
each broken promise is named with what was seen.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.testing.contracts import Check, Function


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("strategy", help="module:function, package:name, or a name that `activeloop list` shows")
    parser.add_argument("--against", metavar="MODULE:FUNCTION", help="a plain reference that must give the same")
    parser.add_argument("--no-growth", action="store_true", help="leave out the measurement")


def main(strategy: str, against: str | None, no_growth: bool) -> int:
    import warnings

    from activeloop import catalogue
    from activeloop.cli.main import DONE, REFUSED
    from activeloop.testing import contracts

    function = catalogue.find_strategy(strategy)
    checks = dict(contracts.of_strategy(function))
    if against is not None:
        reference = catalogue.find_strategy(against)
        checks[f"agrees with {against}"] = lambda it: contracts.agrees_with(it, reference)
    print(f"{strategy}: {'picks rows' if contracts.picks(function) else 'scores rows'}")
    broken = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # duplicates, few clusters: made-up evidence is like that
        for says, check in checks.items():
            why = _why(check, function)
            broken += why is not None
            print(f"  {'ok     ' if why is None else 'BROKEN '} {says}{'' if why is None else f': {why}'}")
        if not broken and not no_growth:
            _tell_growth(function)
    print(f"{len(checks) - broken} of {len(checks)} kept")
    return REFUSED if broken else DONE


def _why(check: Check, function: Function) -> str | None:
    """What is wrong; None where nothing is."""
    try:
        check(function)
    except AssertionError as error:
        return str(error)
    except Exception as error:  # it is somebody's function, and may raise anything
        return f"raises {type(error).__name__}: {error}"
    return None


def _tell_growth(function: Function) -> None:
    from activeloop.testing.growth import SIZES, growth

    found = growth(function)
    peak = "" if found.peak[-1] is None else f", {found.peak[-1]:.0f} MB beside the evidence at the last"
    print(
        f"  time grows as rows^{found.power:.1f} from {SIZES[0]:,} to {SIZES[-1]:,} rows"
        f" ({found.seconds[-1] * 1000:.0f} ms{peak})"
    )
