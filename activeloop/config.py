"""One TOML file, or the command line's options, as frozen values; strict about names and kinds; fingerprinted.

seed = 0
budget = 200
query = 20
[data]
source = "digits"
[start]
strategy = "k-center"
[acquire]
strategy = "bald"
pick = "power"
[evidence.samples]
passes = 20
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from activeloop.errors import ConfigError, nearest
from activeloop.pick import How
from activeloop.types import JSON, flat

T = TypeVar("T")
WHEREABOUTS: dict[str, Any] = dict.fromkeys(
    ("source", "data_dir", "download", "cache", "classes", "labels"), None
)  # what lies there is in the journal: the data's digest, the classes, the known labels
EMBEDDINGS = "embeddings"  # features that are the current model's
FEATURES = "data.features"  # a file of them is such a place too; the name of a source is not
Options = dict[str, Any]  # checked against the signature of what they are for, when the plan is made


@dataclass(frozen=True)
class DataConfig:
    """Where inputs come from; paths as given, and `data.load` says what each means.

    features: what selectors see: FILE.npy, a source of `activeloop list features`, "embeddings" of the current model, or
    None for the inputs themselves.    features_options: of that source.    learn_on: what the learner sees.
    """

    source: str = "digits"
    data_dir: str | None = None
    download: bool = False
    classes: str | None = None
    labels: str | None = None
    features: str | None = None
    features_options: Options = field(default_factory=dict)
    learn_on: Literal["inputs", "features"] = "inputs"
    test_fraction: float = 0.2
    imbalance: bool = False
    image_size: int | None = None
    skip_unreadable: bool = False
    cache: str | None = None
    augment: tuple[str, ...] = ()


@dataclass(frozen=True)
class StartConfig:
    """What seeds the labelled pool.

    strategy: a selector that needs no model, "balanced:K" or "rows:FILE".    size: labels, ignored by those two.
    bind, evidence: as for acquiring, of what this selector needs.
    all_classes: an initial set that lacks a class is an error, not a warning.
    """

    strategy: str = "random"
    size: int = 20
    options: Options = field(default_factory=dict)
    bind: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, Options] = field(default_factory=dict)
    all_classes: bool = False


@dataclass(frozen=True)
class AcquireConfig:
    """What picks further rows.

    pick: from scores to picks, with beta and shift: see `pick`. "diverse" takes the `among` times as many rows of highest
    score, and of these the selector `spread` picks.    bind: evidence -> the provider that gives it.
    """

    strategy: str = "entropy"
    pick: Literal[How, "diverse"] = "top"
    beta: float = 1.0
    shift: float = 0.0
    among: int = 10
    spread: str = "k-center"
    options: Options = field(default_factory=dict)
    bind: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LearnerConfig:
    """Who trains; `options` go to the learner of that name (`activeloop list learners`)."""

    name: str = "supervised"
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class OracleConfig:
    """Who answers.

    name: "simulated", or "people": answers come by `activeloop tell`.    noise: "", or one of `activeloop list oracles`
    with its rate or file, such as "pair:0.2"; around all stages.    stages: from inside out, each a table with its `kind`
    and options, or a text like that of `noise`; written `oracle = [ … ]` or `[[oracle]]`.
    """

    name: Literal["simulated", "people"] = "simulated"
    noise: str = ""
    stages: tuple[Any, ...] = ()


@dataclass(frozen=True)
class StopConfig:
    """What ends a run before its budget does.

    target: `metric` at or above it; None: nothing does.    rule: "", or a name in `stop.RULES`, which says what it means;
    "plateau" looks at `metric`, the others at what models predict of the watched rows.    options: of the rule.
    watch: rows of the pool, drawn at random once, whose predictions are kept beside the journal after every round; 0 is
    none, or 1,000 where the rule looks at them.
    """

    target: float | None = None
    metric: Literal["accuracy", "balanced_accuracy"] = "accuracy"
    rule: Literal["", "plateau", "stabilising", "classification-change"] = ""
    options: Options = field(default_factory=dict)
    watch: int = 0


@dataclass(frozen=True)
class Config:
    """A run, resolved: equal configurations give equal journals.

    budget: all labels asked for, the initial and validation ones too.    query: labels a round.
    validation: labels for measuring and early stopping, drawn at random.    candidates: rows looked at each round, drawn
    at random; 0 is all.    threads: of one run; sums change with it, so it is part of the fingerprint.
    lockstep: small nets train as in a lockstep sweep, equal to others up to rounding and dropout's stream.
    """

    seed: int = 0
    budget: int = 200
    query: int = 20
    validation: int = 0
    candidates: int = 0
    threads: int = 1
    lockstep: bool = False
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    data: DataConfig = field(default_factory=DataConfig)
    start: StartConfig = field(default_factory=StartConfig)
    acquire: AcquireConfig = field(default_factory=AcquireConfig)
    evidence: dict[str, Options] = field(default_factory=dict)
    learner: LearnerConfig = field(default_factory=LearnerConfig)
    oracle: OracleConfig = field(default_factory=OracleConfig)
    stop: StopConfig = field(default_factory=StopConfig)

    def __post_init__(self) -> None:
        _at_least(self.seed, 0, "seed")
        _at_least(self.budget, 1, "budget")
        _at_least(self.query, 1, "query")
        _at_least(self.validation, 0, "validation")
        _at_least(self.candidates, 0, "candidates")
        _at_least(self.threads, 1, "threads")
        _at_least(self.start.size, 0, "start.size")
        _at_least(self.stop.watch, 0, "stop.watch")
        if self.lockstep and (self.threads != 1 or self.device == "cuda"):
            raise ConfigError(
                f"lockstep is set, threads is {self.threads} and device {self.device!r}: only on one thread of a CPU are"
                " runs the same whichever others they share a batch with. Set threads=1 and device='cpu', or lockstep=false."
            )
        _at_least(self.acquire.among, 1, "acquire.among")
        if self.data.learn_on == "features" and self.data.features in (None, EMBEDDINGS):
            raise ConfigError(
                f"data.learn_on is 'features', and data.features is {self.data.features!r}: name a source or a file of"
                " features (--features), or learn on the inputs."
            )
        has_own_size = self.start.strategy.startswith(("balanced:", "rows:"))
        size = 0 if has_own_size else self.start.size
        if 0 < self.candidates < max(self.query, size):
            raise ConfigError(
                f"candidates is {self.candidates}, fewer than the rows picked at a time (query {self.query}, start {size}):"
                " raise it (--candidates), or set 0 to look at all."
            )
        if self.validation + size > self.budget:
            raise ConfigError(
                f"the start takes {size} labels and validation {self.validation}, together more than the"
                f" budget of {self.budget}: lower start.size (--initial) or validation, or raise budget (--budget)."
            )


def load(path: Path | None, sets: Sequence[str] = ()) -> Config:
    """The configuration in a TOML file (or the default), changed by `--set a.b=c` entries, later ones winning.

    raises: ConfigError with the key, its nearest name and its kind.
    """
    table: dict[str, Any] = {}
    if path is not None:
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"no configuration at {path}.") from None
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path} is not TOML: {error}.") from None
    for entry in sets:
        table = _with_stages(table)
        put(table, *parse_set(entry))
    return build(table)


def configure(**settings: Any) -> Config:
    """A configuration from Python: `configure(budget=120, acquire={"strategy": "margin"})`; the rest are defaults.

    raises: ConfigError with the key, its nearest name and its kind.
    """
    return build(settings)


def put(table: dict[str, Any], key: str, value: object) -> None:
    """Set a dotted key in nested tables."""
    *parents, last = key.split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {key}: {parent!r} is a value, not a table.")
    table[last] = value


def _with_stages(table: Mapping[str, Any]) -> dict[str, Any]:
    """A list in place of the oracle's table is that of its stages."""
    oracle = table.get("oracle")
    return {**table, "oracle": {"stages": oracle}} if isinstance(oracle, list | tuple) else dict(table)


def parse_set(entry: str) -> tuple[str, object]:
    """("a.b", 1) of "a.b=1", the value as TOML reads it. raises: ConfigError."""
    key, equals, text = entry.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {entry!r} is not of the form key=value, such as acquire.strategy=entropy.")
    try:
        return key, tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return key, text  # a bare word is a string


def build(table: Mapping[str, Any]) -> Config:
    """The configuration that this table of tables stands for."""
    return _build(Config, _with_stages(table), "")


def as_json(config: Config) -> dict[str, JSON]:
    """The inverse of `build`, in the order of the fields."""
    try:
        plain: dict[str, JSON] = json.loads(json.dumps(asdict(config), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"a setting cannot be kept in the journal: {error}; use finite numbers, texts and lists."
        ) from None
    if not config.oracle.stages:
        del plain["oracle"]["stages"]  # type: ignore[union-attr]  # as before there were any: old runs go on
    for name in ("rule", "options", "watch"):
        if not getattr(config.stop, name):
            del plain["stop"][name]  # type: ignore[union-attr]
    if not config.lockstep:
        del plain["lockstep"]
    return plain


def fingerprint(config: Config) -> str:
    """16 hex digits, equal for equal configurations. Where files lie is no part of it: the journal holds the data's digest."""
    features = _without_place(config.data.features)
    plain = as_json(replace(config, data=replace(config.data, **WHEREABOUTS, features=features)))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def differences(there: Mapping[str, JSON], here: Mapping[str, JSON], apart: Sequence[str] = ()) -> list[str]:
    """Settings in which two configurations differ, with both values; where files lie is no difference.

    there, here: as `as_json` gives them.    apart: tables that may differ.
    """
    theirs, ours = (
        {name: _without_place(value) if name == FEATURES else value for name, value in flat(each).items()}
        for each in (there, here)
    )
    passed = {f"data.{name}" for name in WHEREABOUTS}
    return [
        f"{name} ({theirs.get(name)!r} there, {ours.get(name)!r} here)"
        for name in {**ours, **theirs}
        if name not in passed and name.partition(".")[0] not in apart and theirs.get(name) != ours.get(name)
    ]


def is_file_of_features(text: str) -> bool:
    """Whether `data.features` is a path, rather than the name of a source."""
    return text.endswith(".npy")


def _without_place(features: JSON) -> str | None:
    return features if isinstance(features, str) and not is_file_of_features(features) else None


def _build(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    hints = get_type_hints(kind)
    for key in table:
        if key not in hints:
            raise ConfigError(
                f"no setting is called {where + key!r}{nearest(key, hints)} Settings: {', '.join(hints)}."
            )
    given = {entry.name: _value(hints[entry.name], table[entry.name], where + entry.name)
             for entry in fields(kind) if entry.name in table}  # type: ignore[arg-type]  # fmt: skip
    return kind(**given)


def _value(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} is {value!r}; it is a table, such as [{where}].")
        return _build(kind, value, f"{where}.")
    if kind is Any:
        return value
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return None if value is None else _value(inner[0], value, where)
    if origin is Literal:
        if value not in inner:
            raise ConfigError(f"{where} is {value!r}; allowed are {', '.join(map(repr, inner))}.")
        return value
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_value(inner[0], item, where) for item in value)
    plain = origin or kind
    if plain is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if plain is dict and isinstance(value, Mapping) and inner[1] is not Any:
        return {str(key): _value(inner[1], item, f"{where}.{key}") for key, item in value.items()}
    if not isinstance(value, plain) or (plain is int and isinstance(value, bool)):
        raise ConfigError(f"{where} is {value!r}; it takes {plain.__name__}.")
    return value


def _at_least(value: int, least: int, name: str) -> None:
    if value < least:
        raise ConfigError(f"{name} is {value}; it must be {least} or more.")
