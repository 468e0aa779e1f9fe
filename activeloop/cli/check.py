"""Try the contract of a strategy, a learner or an oracle on made-up evidence or a made-up pool.

NAME is your own (module:function or module:Class, package:name) or one of ours, such as margin, supervised,
sklearn:sklearn.linear_model.LogisticRegression, simulated or symmetric:0.1. How time and memory of a strategy grow is
measured too. A learner is made as a run makes it. An oracle is made with those of these that it asks for by name: truth,
classes, seed, oracle (one that answers rightly, to wrap), features, probs; all else needs a default.

Exit code 0: it keeps the contract; 2: it does not, and each broken promise is named with what was seen.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from activeloop.testing.contracts import Function
    from activeloop.testing.oracle_contract import Maker
    from activeloop.testing.trial import Trial

Checks = Mapping[str, Callable[[Any], None]]


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", help="module:function, package:name, or one that `activeloop list` shows"
    )
    parser.add_argument("--kind", choices=("strategy", "learner", "oracle"), help="where NAME does not tell")
    parser.add_argument(
        "--against", metavar="MODULE:FUNCTION", help="a plain reference that a strategy must agree with"
    )
    parser.add_argument("--no-growth", action="store_true", help="leave out the measurement of a strategy")
    parser.add_argument("--shape", metavar="CxHxW", help="of one input that a learner is given (1x8x8)")
    parser.add_argument("--set", dest="sets", action="append", default=[], metavar="KEY=VALUE",
        help="a setting of a learner, such as learner.options.net=mlp")  # fmt: skip


def main(
    name: str, kind: str | None, against: str | None, no_growth: bool, shape: str | None, sets: Sequence[str]
) -> int:
    from activeloop.cli.main import DONE, REFUSED
    from activeloop.testing.kinds import kind_of

    kind = kind or kind_of(name)
    _refuse_others(kind, {"--against": against, "--shape": shape, "--set": sets})
    if kind == "strategy":
        is_kept = _strategy(name, against, no_growth)
    elif kind == "learner":
        from activeloop.rounds import threads
        from activeloop.testing.learner_contract import CHECKS as OF_LEARNERS

        with threads(1):  # as a run has it; small nets are no faster on several
            is_kept = _try(f"{name}: a learner", OF_LEARNERS, _learner(name, shape, sets))
    else:
        from activeloop.testing.oracle_contract import CHECKS as OF_ORACLES

        is_kept = _try(f"{name}: an oracle", OF_ORACLES, maker_of(name))
    return DONE if is_kept else REFUSED


def _refuse_others(kind: str, given: Mapping[str, object]) -> None:
    """Options that would go unheeded."""
    from activeloop.errors import ConfigError

    belongs = {"--against": "strategy", "--shape": "learner", "--set": "learner"}
    for option, value in given.items():
        if value and belongs[option] != kind:
            raise ConfigError(
                f"{option} goes with --kind {belongs[option]}, and this is of the kind {kind}: leave it out."
            )


def _strategy(name: str, against: str | None, no_growth: bool) -> bool:
    from activeloop import catalogue
    from activeloop.testing import contracts

    function = catalogue.find_strategy(name)
    checks = dict(contracts.of_strategy(function))
    if against is not None:
        reference = catalogue.find_strategy(against)
        checks[f"agrees with {against}"] = lambda it: contracts.agrees_with(it, reference)
    is_kept = _try(f"{name}: {'picks rows' if contracts.picks(function) else 'scores rows'}", checks, function)
    if is_kept and not no_growth:
        _tell_growth(function)
    return is_kept


def _learner(name: str, shape: str | None, sets: Sequence[str]) -> Trial:
    """raises: ConfigError where it cannot be made, or the shape or a setting cannot be read."""
    import json

    from activeloop.config import load
    from activeloop.errors import ActiveloopError, ConfigError
    from activeloop.rounds import make_learner
    from activeloop.testing.trial import Trial

    sizes = (shape or "1x8x8").split("x")
    if len(sizes) not in (1, 3) or not all(size.isdigit() and int(size) for size in sizes):
        raise ConfigError(f"--shape is {shape!r}; it is channels, height and width, such as 3x32x32, or one width: 64.")
    config = load(None, [*sets, f"learner.name={json.dumps(name)}"]).learner
    try:
        return Trial(make_learner(config), tuple(map(int, sizes)))
    except ActiveloopError:
        raise
    except Exception as error:  # it is somebody's class, and may raise anything
        raise ConfigError(
            f"the learner {name!r} cannot be made with the options {config.options}: {type(error).__name__}: {error}."
            " Its options need defaults, or --set learner.options.OPTION=VALUE."
        ) from error


def maker_of(name: str) -> Maker:
    """`simulated` and those of other packages are made by what they ask for; ours that wrap another, as a run makes them.

    raises: ConfigError where it cannot be made of what there is, or the noise lacks its rate.
    """
    from activeloop import catalogue
    from activeloop.cli.oracle import oracle_for
    from activeloop.config import configure
    from activeloop.errors import ActiveloopError
    from activeloop.testing.oracle_contract import Maker
    from activeloop.testing.pool import pool
    from activeloop.types import Loaded

    head = name.partition(":")[0]
    if head in catalogue.ORACLES and name != "simulated":
        config = configure(oracle={"noise": name})
        data = pool(shape=(6,)).data
        make = Maker(
            lambda truth, features, probs: oracle_for(
                config, Loaded(data, truth), {"features": features, "probs": probs}.__getitem__
            )
        )
    else:
        make = Maker(catalogue.find("oracles", name))
    try:
        make()
    except ActiveloopError:
        raise
    except Exception:
        return make  # what it raises is a finding, and the first check shows it
    return make


def _try(title: str, checks: Checks, subject: object) -> bool:
    """Every check with what came of it; whether all were kept."""
    import warnings

    print(title)
    broken = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # duplicates, few clusters: made-up evidence is like that
        for says, check in checks.items():
            why = _why(check, subject)
            broken += why is not None
            print(f"  {'ok     ' if why is None else 'BROKEN '} {says}{'' if why is None else f': {why}'}", flush=True)
    print(f"{len(checks) - broken} of {len(checks)} kept")
    return not broken


def _why(check: Callable[[Any], None], subject: object) -> str | None:
    """What is wrong; None where nothing is."""
    try:
        check(subject)
    except AssertionError as error:
        return str(error)
    except Exception as error:  # it is somebody's, and may raise anything
        return f"raises {type(error).__name__}: {error}"
    return None


def _tell_growth(function: Function) -> None:
    from activeloop.testing.growth import SIZES, growth

    found = growth(function)
    peak = "" if found.peak[-1] is None else f", {found.peak[-1]:.0f} MB beside the evidence at the last"
    print(
        f"time grows as rows^{found.power:.1f} from {SIZES[0]:,} to {SIZES[-1]:,} rows"
        f" ({found.seconds[-1] * 1000:.0f} ms{peak})"
    )
