"""activeloop: pool-based active learning, with every round in a journal.

The names here are the ones that a script needs; each is imported when it is first used, since torch takes seconds.
A name that is also a module's is imported from that module: `from activeloop.drive import drive`. Strategies are plain
functions in `activeloop.acquisitions` and `activeloop.selectors`; oracles are in `oracles`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.config import Config as Config
    from activeloop.config import configure as configure
    from activeloop.data.sources import load as load
    from activeloop.errors import ActiveloopError as ActiveloopError
    from activeloop.fold import State as State
    from activeloop.report.table import overview as overview
    from activeloop.report.write import write_report as write_report
    from activeloop.run import Run as Run
    from activeloop.types import OPEN as OPEN
    from activeloop.types import SKIP as SKIP
    from activeloop.types import Data as Data
    from activeloop.types import HeldOut as HeldOut
    from activeloop.types import Query as Query

_HOMES = {
    "Config": "config",
    "configure": "config",
    "load": "data.sources",
    "ActiveloopError": "errors",
    "State": "fold",
    "overview": "report.table",
    "write_report": "report.write",
    "Run": "run",
    "OPEN": "types",
    "SKIP": "types",
    "Data": "types",
    "HeldOut": "types",
    "Query": "types",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"activeloop has no {name!r}; it has {', '.join(_HOMES)}.")
    return getattr(import_module(f"activeloop.{_HOMES[name]}"), name)
