"""The oracle that a configuration names: stages from inside out, each an entry of `catalogue.ORACLES` or a plug-in's.

A stage is a function or a class. Parameters called `oracle truth classes names seed rows features probs` are filled from what is
at hand; the others are the stage's options. What it gives is an oracle, or noise, which is then put around the one inside.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

from activeloop import catalogue
from activeloop.cli.reference import Reference
from activeloop.config import Config, OracleConfig
from activeloop.errors import ConfigError, UnknownName, nearest
from activeloop.inject import check_option
from activeloop.rng import derive
from activeloop.types import Labels, Loaded, Oracle
from oracles import Noisy, Simulated

Stage = str | Mapping[str, Any]
GIVEN = ("oracle", "truth", "classes", "names", "seed", "rows", "features", "probs")
NUMBERS: dict[Any, tuple[type, ...]] = {float: (int, float), int: (int,)}
BASES = ("simulated", "recorded")  # they answer by themselves, and need no oracle inside


@dataclass(frozen=True)
class Around:
    """What stages may ask for beside their options. truth: [N], of the pool; None where nobody knows it."""

    truth: Labels | None
    names: tuple[str, ...]
    rows: Labels | None
    reference: Reference
    seed: int


def oracle_for(config: Config, data: Loaded, reference: Reference) -> Oracle:
    """The truth, confused as the configuration says; equal seeds err on equal rows whatever the strategy.

    raises: ConfigError for what no stage can be; UnknownName with the nearest one that there is.
    """
    if data.truth is None and not needs_no_truth(config.oracle):
        raise ConfigError(
            f"{config.data.source} has no labels to simulate an oracle from: `activeloop run` asks people instead."
        )
    around = Around(data.truth, data.data.classes, data.data.source_rows, reference, config.seed)
    return _stack(stages_of(config.oracle), around, "")


def stages_of(config: OracleConfig) -> list[tuple[str, Stage]]:
    """(use of its seed, stage), from inside out; `noise` is the outermost."""
    stages: list[tuple[str, Stage]] = [(f"oracle {at}", stage) for at, stage in enumerate(config.stages)]
    return [*stages, *([("noise", config.noise)] if config.noise else [])]


def needs_no_truth(config: OracleConfig) -> bool:
    """Whether recorded answers stand at its beginning, and nothing around them is fitted to the truth."""
    kinds = [_read(stage)[0] for _, stage in stages_of(config)]
    return kinds[:1] == ["recorded"] and "confusable" not in kinds


def in_words(config: OracleConfig) -> str:
    """For people: "tired:50, then pair:0.2"."""
    return ", then ".join(_words(stage) for _, stage in stages_of(config)) or "no noise"


def _words(stage: Stage) -> str:
    if isinstance(stage, str):
        return stage
    options = ", ".join(f"{name} {value}" for name, value in stage.items() if name != "kind" and _is_plain(value))
    return f"{stage.get('kind')}{f' ({options})' if options else ''}"


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _stack(stages: Sequence[tuple[str, Stage]], around: Around, who: str) -> Oracle:
    """who: of a panel, in front of the use of every seed, so that no two annotators err alike."""
    oracle: Oracle = Simulated(around.truth if around.truth is not None else ())
    for at, (use, stage) in enumerate(stages):
        kind, options = _read(stage)
        make = catalogue.find("oracles", kind)
        parameters = inspect.signature(make).parameters
        if kind in BASES and at > 0:
            raise ConfigError(f"oracle {kind!r} answers by itself, so it stands first, and not around another one.")
        if "annotators" in parameters:
            options = {**options, "annotators": _annotators(options, stages[:at], around, f"{who}{use} ")}
        seed = derive(around.seed, 0, f"{who}{use}")
        found = _made(make, kind, options, _given(oracle, around, seed))
        oracle = found if hasattr(found, "post") else Noisy(oracle, found, seed)
    return oracle


def _annotators(
    options: Mapping[str, Any], inside: Sequence[tuple[str, Stage]], around: Around, who: str
) -> list[Oracle]:
    """Each with an oracle of its own inside: so many of one kind, or a list of stages for everyone."""
    wanted = options.get("annotators", 3)
    is_number = isinstance(wanted, int) and not isinstance(wanted, bool)
    many = [[]] * wanted if is_number else wanted
    if not isinstance(many, list | tuple) or not many:
        raise ConfigError(
            f"option 'annotators' of 'panel' is {wanted!r}; it takes how many there are, 1 or more, or a list of what each"
            ' is, such as ["pair:0.1", ["tired:50", "pair:0.3"]].'
        )
    return [
        _stack([*inside, *_listed(one)], around, f"{who}annotator {at} ") for at, one in enumerate(many)
    ]  # fmt: skip


def _listed(one: object) -> list[tuple[str, Stage]]:
    stages = one if isinstance(one, list | tuple) else [one]
    return [(f"own {at}", stage) for at, stage in enumerate(stages)]


def _read(stage: object) -> tuple[str, dict[str, Any]]:
    """Kind and options of {kind = "pair", rate = 0.2}, or of "pair:0.2", which gives the first option."""
    if isinstance(stage, Mapping):
        kind = stage.get("kind")
        if not isinstance(kind, str):
            raise ConfigError(f'a stage of the oracle is {dict(stage)!r}; it needs its `kind`, such as "symmetric".')
        return kind, {name: value for name, value in stage.items() if name != "kind"}
    if not isinstance(stage, str):
        raise ConfigError(
            f"a stage of the oracle is {stage!r}; it is a table with its `kind`, or a text like pair:0.2."
        )
    kind, colon, text = stage.partition(":")
    if kind not in catalogue.ORACLES:
        raise UnknownName(
            f"no oracle or noise is called {kind!r}{nearest(kind, catalogue.ORACLES)} `activeloop list oracles` shows all"
            f" {len(catalogue.ORACLES)}, written KIND:VALUE, such as symmetric:0.2."
        )
    first = next(iter(_options(catalogue.find("oracles", kind))), None)
    if not colon or first is None:
        return kind, {}
    return kind, {first: _value(text)}


def _value(text: str) -> int | float | str:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _options(make: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return {name: given for name, given in inspect.signature(make).parameters.items() if name not in GIVEN}


def _made(
    make: Callable[..., Any], kind: str, options: Mapping[str, Any], given: Mapping[str, Callable[[], Any]]
) -> Any:
    """What a stage gives. raises: ConfigError naming the option that it lacks, does not know or cannot use."""
    _check_options(make, kind, options)
    parameters = inspect.signature(make).parameters
    try:
        return make(**{name: given[name]() for name in given if name in parameters}, **options)
    except ConfigError:
        raise
    except (ValueError, OSError) as error:
        raise ConfigError(f"oracle {kind!r}: {error}") from error


def _check_options(make: Callable[..., Any], kind: str, options: Mapping[str, Any]) -> None:
    own = {name: each.default for name, each in _options(make).items()}
    kinds = get_type_hints(make if inspect.isfunction(make) else make.__init__)
    for name, value in options.items():
        wanted = NUMBERS.get(kinds.get(name))
        if name not in own or wanted is None:
            check_option(kind, name, value, own)
        elif not isinstance(value, wanted) or isinstance(value, bool):
            what = "a number" if float in wanted else "a whole number"
            raise ConfigError(f"option {name!r} of oracle {kind!r} is {value!r}; it takes {what}.")
    missing = [name for name, default in own.items() if default is inspect.Parameter.empty and name not in options]
    if missing:
        raise ConfigError(
            f"oracle {kind!r} needs the option {missing[0]!r}: write {kind}:{missing[0].upper()}, or the table"
            f' {{kind = "{kind}", {missing[0]} = …}}.'
        )


def _given(oracle: Oracle, around: Around, seed: int) -> dict[str, Callable[[], Any]]:
    """Parameter -> how to get it; only what is asked for is computed."""
    return {
        "oracle": lambda: oracle,
        "truth": lambda: around.truth,
        "classes": lambda: len(around.names),
        "names": lambda: around.names,
        "seed": lambda: seed,
        "rows": lambda: around.rows,
        "features": lambda: around.reference("features"),
        "probs": lambda: around.reference("probs"),
    }
