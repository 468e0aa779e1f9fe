"""Which contract is meant by a name: that of a strategy, of a learner or of an oracle."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from torch import Tensor

from activeloop import catalogue
from activeloop.errors import ConfigError, UnknownName, nearest
from activeloop.evidence import VOCABULARY

# kind -> the lists of the catalogue in which its names stand
KINDS: Mapping[str, tuple[str, ...]] = {
    "strategy": ("acquisitions", "selectors"),
    "learner": ("learners",),
    "oracle": ("oracles",),
}
OF_ORACLES = ("truth", "oracle")  # parameters of what makes an oracle, and of nothing else
SAY = "say --kind strategy, --kind learner or --kind oracle"


def kind_of(name: str) -> str:
    """One of KINDS: by the lists in which the name stands, else by what it stands for.

    raises: UnknownName; ConfigError where neither tells, or both a learner and an oracle, say, go by the name.
    """
    found = [kind for kind, lists in KINDS.items() if any(_is_in(name, each) for each in lists)]
    if len(found) > 1:
        raise ConfigError(f"{name!r} is the name of more than one thing ({', '.join(found)}): {SAY}.")
    if found:
        return found[0]
    if ":" not in name:
        raise _unknown(name)
    made = catalogue.find("acquisitions", name)  # of another package: the list makes no difference
    kind = told_by(made)
    if kind is None:
        raise ConfigError(
            f"{name!r} does not say what it is: it has the parameters ({', '.join(_parameters(made)) or 'none'}), and no"
            f" return type that is a learner or an oracle: {SAY}, or annotate what it returns."
        )
    return kind


def told_by(made: Callable[..., Any]) -> str | None:
    """The kind that a class or a function shows by its methods, its return type or its parameters; None: it shows none."""
    gives = made if isinstance(made, type) else _return_type(made)
    shown = [
        kind
        for kind, methods in (("learner", ("fit", "offers")), ("oracle", ("post", "collect")))
        if any(hasattr(gives, method) for method in methods)
    ]
    parameters = _parameters(made)
    if shown:
        return shown[0] if len(shown) == 1 else None
    if any(name in OF_ORACLES for name in parameters):
        return "oracle"
    return "strategy" if gives is Tensor or any(name in VOCABULARY for name in parameters) else None


def _is_in(name: str, table: str) -> bool:
    """Whether this is a name of ours or of a plug-in; `sklearn:…` and `symmetric:0.1` go by what is before the colon."""
    head, _, rest = name.partition(":")
    if head in catalogue.BRIDGES:  # modal:margin_sampling is a strategy, and modal:module:function a learner
        return table == ("learners" if ":" in rest else "acquisitions")
    takes_more = head in catalogue.KINDS[table] and table in ("learners", "oracles")
    return name in catalogue.KINDS[table] or takes_more or (":" in name and name in catalogue.plugins(table))


def _return_type(made: Callable[..., Any]) -> object:
    try:
        return get_type_hints(made).get("return")
    except Exception:  # somebody's annotation may name anything
        return None


def _parameters(made: Callable[..., Any]) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(made).parameters)
    except (TypeError, ValueError):  # some that are written in C have none
        return ()


def _unknown(name: str) -> ConfigError:
    for table, names in catalogue.KINDS.items():
        if name in names:
            return ConfigError(
                f"{name!r} is in `activeloop list {table}`, and contracts are for strategies, learners and oracles."
            )
    known = [name for lists in KINDS.values() for table in lists for name in catalogue.KINDS[table]]
    return UnknownName(
        f"nothing is called {name!r}{nearest(name, known)} `activeloop list` shows all; one from another package is"
        " written 'package:name' or 'module:function'."
    )
