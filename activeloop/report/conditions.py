"""Runs of one or several folders, sorted into charts: what they differ in, and what their lines are called."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from activeloop.report.curves import USUAL_START, Record, records_in, refuse_doubles
from activeloop.types import JSON, flat

ACQUIRE, START = "acquire", "start"
# where things lie, how much is known about them already, and the seed: no two charts for these
PASSED = frozenset({"seed", "data.data_dir", "data.download", "data.classes", "data.cache"})
# what names a condition before other settings do that go along with it
TELLING = ("data.source", "oracle", "start.strategy", "learner.name", "learner.options.net", "budget", "data")
NAMES = ("strategy", "name", "source")  # of a table: `start.strategy` is called "start"


@dataclass(frozen=True, eq=False)
class Condition:
    """The runs of one chart: equal in all settings but the seed and what their lines are named after.

    name: "noise pair:0.2, start k-center", by as few settings as tell the conditions apart; "" where all runs given share one.
    settings: flat key -> value, of the keys in which the runs given differ; None where a run has no such key.
    records: by strategy and seed, each pair of them once.
    """

    name: str
    settings: Mapping[str, JSON]
    records: tuple[Record, ...]


def conditions(folders: Sequence[Path], lines: Sequence[str] = ()) -> tuple[Condition, ...]:
    """The runs in these folders by condition, in the order of their settings.

    A line is named after acquire.strategy and, where runs of that strategy differ in other settings of `acquire`, those:
    "bald (pick power)".
    lines: keys or tables that name lines too instead of splitting charts; ("start",) gives "entropy after typiclust".
    raises: ConfigError where two runs of a condition have one name and one seed.
    """
    different = dict.fromkeys(folder.resolve() for folder in folders)
    records = [record for folder in different for record in records_in(folder)]
    settings = [flat(record.state.config) for record in records]
    of_lines = (ACQUIRE, *lines)
    splitting = [
        key for key in _differing(settings) if not _is_under(key, of_lines) and not _goes_along(key, records, settings)
    ]
    named = _named(records, settings, of_lines)
    groups: dict[str, list[int]] = {}
    for at, each in enumerate(settings):
        groups.setdefault(_text({key: each.get(key) for key in splitting}), []).append(at)
    telling = _telling(splitting, [settings[members[0]] for members in groups.values()])
    shown = {key: _shown(key, [each.get(key) for each in settings]) for key in splitting}
    found = []
    for members in groups.values():
        own = {key: settings[members[0]].get(key) for key in splitting}
        words = (_words(key, shown[key][_text(own[key])]) for key in telling)
        runs = sorted((named[at] for at in members), key=lambda record: (record.strategy, record.seed))
        refuse_doubles(runs)
        found.append(Condition(", ".join(words), own, tuple(runs)))
    return tuple(sorted(found, key=lambda condition: [_order(value) for value in condition.settings.values()]))


def _named(records: Sequence[Record], settings: Sequence[Mapping[str, JSON]], lines: Sequence[str]) -> list[Record]:
    """The records with the names of their lines."""
    of_start = {key: {_text(each.get(key)) for each in settings} for each in settings for key in each}
    by_strategy: dict[str, list[Mapping[str, JSON]]] = {}
    for record, each in zip(records, settings, strict=True):
        by_strategy.setdefault(record.strategy, []).append(each)
    found = []
    for record, each in zip(records, settings, strict=True):
        name, apart = record.strategy, []
        for key in _differing(by_strategy[record.strategy]):
            if _is_under(key, lines) and key not in ("acquire.strategy", "start.strategy"):
                values = [other.get(key) for other in by_strategy[record.strategy]]
                apart.append(_words(key.removeprefix("acquire."), _shown(key, values)[_text(each.get(key))]))
        start = each.get("start.strategy", USUAL_START)
        if _is_under("start.strategy", lines) and len(of_start.get("start.strategy", ())) > 1 and start != USUAL_START:
            name = f"{name} after {start}"
        found.append(replace(record, strategy=f"{name} ({', '.join(apart)})" if apart else name))
    return found


def _differing(settings: Sequence[Mapping[str, JSON]]) -> list[str]:
    """Keys of which these do not all hold one value, in the order of the configuration."""
    keys = dict.fromkeys(key for each in settings for key in each)
    return [key for key in keys if key not in PASSED and len({_text(each.get(key)) for each in settings}) > 1]


def _goes_along(key: str, records: Sequence[Record], settings: Sequence[Mapping[str, JSON]]) -> bool:
    """Whether a setting says nothing of its own: evidence that each strategy has in one form, a file of rows per seed."""
    if _is_under(key, ("evidence",)):
        along = [record.strategy for record in records]
    elif key == "start.strategy" and all(str(each.get(key)).startswith("rows:") for each in settings):
        along = [str(record.seed) for record in records]
    else:
        return False
    pairs = {(of, _text(each.get(key))) for of, each in zip(along, settings, strict=True)}
    return len(pairs) == len(set(along)) > 1


def _telling(keys: Sequence[str], groups: Sequence[Mapping[str, JSON]]) -> list[str]:
    """Of these keys as few as tell the groups apart, what people speak of first: not the query size along with the budget."""

    def rank(key: str) -> int:
        return next((at for at, name in enumerate(TELLING) if _is_under(key, (name,))), len(TELLING))

    kept = list(keys)
    for key in sorted(keys, key=rank, reverse=True):
        rest = [other for other in kept if other != key]
        if len({_text([each.get(other) for other in rest]) for each in groups}) == len(groups):
            kept = rest
    return kept


def _is_under(key: str, tables: Iterable[str]) -> bool:
    return any(key == table or key.startswith(f"{table}.") for table in tables)


def _shown(key: str, values: Iterable[JSON]) -> dict[str, str]:
    """Value, as JSON -> how it is shown: files by their name alone, unless two have the same."""
    full = {_text(value): value if isinstance(value, str) else _plain(value) for value in values}
    short = {text: PurePath(value).name if PurePath(value).is_absolute() else value for text, value in full.items()}
    return short if len(set(short.values())) == len(short) else full


def _words(key: str, value: str) -> str:
    """ "noise pair:0.2", "start k-center", "start size 20", "no noise"."""
    if key == "oracle.stages":
        return "plain oracle" if value in ("null", "[]") else f"oracle {value}"
    *tables, last = key.split(".")
    if last in NAMES and tables:
        what = tables[-1]
    elif tables and tables[-1] != "options" and tables[0] not in ("oracle", "data", "stop"):
        what = " ".join((*tables[-1:], last))
    else:
        what = last
    what = what.replace("_", " ")
    return (
        f"no {what}" if value in ("", "null", "false", "[]", "{}") else what if value == "true" else f"{what} {value}"
    )


def _plain(value: JSON) -> str:
    if isinstance(value, list | tuple) and value and all(isinstance(each, str) for each in value):
        return " + ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _text(value: JSON) -> str:
    return json.dumps(value, sort_keys=True)


def _order(value: JSON) -> tuple[int, float, str]:
    """Numbers by size, then texts by the alphabet; nothing comes first."""
    if isinstance(value, int | float):
        return 1, float(value), ""
    return (0, 0.0, "") if value is None else (2, 0.0, value if isinstance(value, str) else _plain(value))
