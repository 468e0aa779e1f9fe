"""Who may import what, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTHING: set[str] = set()
BASE = {"types", "errors", "rng", "inject"}

# module or package of ours -> what of ours it may import, itself aside
MAY_IMPORT = {
    "types": NOTHING,
    "errors": NOTHING,
    "rng": NOTHING,
    "inject": {"errors"},
    "pick": BASE,
    "geometry": BASE,
    "acquisitions": BASE | {"pick", "geometry"},
    "selectors": BASE | {"pick", "geometry"},
    "data": BASE | {"store"},  # decoded images are cached
    "catalogue": BASE,
    "learners": BASE | {"catalogue"},  # nets have names too
    "config": BASE | {"pick"},
    "store": {"types", "errors"},
    "fold": {"types", "errors", "store"},
    "features": BASE | {"catalogue", "data", "learners", "store"},  # encoders train on the pool, before there is a run
    "evidence": BASE | {"catalogue", "store"},
    # a proxy trains by a recipe of its own; the search for a cutoff tries the very windows that are then picked
    "providers": BASE | {"data", "evidence", "geometry", "learners", "selectors"},
    "rounds": BASE | {"catalogue", "config", "evidence", "pick", "stop", "store"},
    "start": BASE | {"config", "fold", "rounds", "store"},
    "stop": {"errors", "inject", "config", "fold"},
    "training": BASE | {"rounds"},
    "run": BASE | {"config", "fold", "rounds", "start", "stop", "store", "training"},
    "drive": {"fold", "run", "training", "types"},
    "estimate": BASE | {"evidence", "learners", "providers", "rounds"},
    "report": {"types", "errors", "rng", "inject", "fold", "stop", "store", "geometry"},
    "sweep": {
        "types",
        "cluster",
        "errors",
        "config",
        "drive",
        "fold",
        "rounds",
        "run",
        "store",
        "training",
    },  # what a run is made of is handed in
    "bridges": BASE | {"acquisitions", "catalogue", "learners", "pick"},
    "testing": BASE | {"catalogue", "config", "evidence", "rounds"},  # learners are made as a run makes them
    "select": BASE | {"config", "report", "rounds"},
    "cluster": {"errors"},
    "shards": BASE
    | {
        "catalogue",
        "cluster",
        "config",
        "data",
        "evidence",
        "features",
        "pick",
        "predictions",
        "rounds",
        "selectors",
        "store",
    },
    "predictions": BASE | {"catalogue", "config", "evidence", "rounds"},
}
FILES = sorted(path for path in (ROOT / "activeloop").rglob("*.py"))


def room(path: Path) -> str:
    """`types` for activeloop/types.py, `data` for activeloop/data/folder.py, `` for activeloop/__init__.py."""
    parts = path.relative_to(ROOT / "activeloop").with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_what_stands_on_its_left(path: Path) -> None:
    own = room(path)
    if own in ("cli", "__main__", ""):
        return  # the command line may import everything; the package itself gives names by demand
    seen = {name.split(".")[1] for name in imported(path) if name.startswith("activeloop.")}

    assert seen - {own} <= MAY_IMPORT[own]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_imports_oracles(path: Path) -> None:
    if room(path) not in ("cli", "__main__"):
        assert not [name for name in imported(path) if name.split(".")[0] == "oracles"]


@pytest.mark.parametrize("path", sorted((ROOT / "oracles").rglob("*.py")), ids=lambda path: path.name)
def test_oracles_import_neither_activeloop_nor_torch(path: Path) -> None:
    assert not [name for name in imported(path) if name.split(".")[0] in ("activeloop", "torch")]


def test_strategies_hold_no_model_no_clock_and_no_store() -> None:
    for path in FILES:
        if room(path) in ("acquisitions", "selectors"):
            assert not {name.split(".")[0] for name in imported(path)} & {"time", "pathlib", "os", "io"}
