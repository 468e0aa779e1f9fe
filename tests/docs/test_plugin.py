"""The template of a plug-in package: installed apart, without a network, and used as its README says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "docs/plugin"
NAMES = ("expected-cost", "systematic", "prototypes", "crowd")

Call = Callable[..., str]


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Call:
    """Runs a module of Python in a copy of the template, beside which its package is installed; gives what it printed."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(TEMPLATE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    path = os.pathsep.join([str(folder / "site"), str(ROOT)])
    outside = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}  # no terminal
    environment = {**outside, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache")}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=folder / "source", env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(
        "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check",
        "--target", str(folder / "site"), ".",
    )  # fmt: skip
    # what is tried is what was installed: an import must not find the source that lies in the folder of the call
    (folder / "source/activeloop_example.py").unlink()
    shutil.rmtree(folder / "source/build", ignore_errors=True)
    return run


def test_its_names_are_listed_with_line_and_source(call: Call) -> None:
    listed = call("activeloop", "list")

    assert "activeloop-example:expected-cost  What the cheapest prediction is still expected to cost" in listed
    assert "source: Elkan 2001 (IJCAI), equation 1" in listed
    assert not [name for name in NAMES if f"\nactiveloop-example:{name} " not in listed]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("expected-cost", "scores rows"), ("systematic", "picks rows"), ("prototypes", "a learner"), ("crowd", "an oracle"),
    ],
)  # fmt: skip
def test_each_is_known_by_its_kind_and_keeps_its_contract(call: Call, name: str, kind: str) -> None:
    said = call("activeloop", "check", f"activeloop-example:{name}")

    assert said.startswith(f"activeloop-example:{name}: {kind}\n")
    assert "BROKEN" not in said


@pytest.mark.slow
def test_a_run_starts_picks_and_learns_by_it(call: Call) -> None:
    said = call(
        "activeloop", "run", "--budget", "60", "--start", "activeloop-example:systematic", "--strategy",
        "activeloop-example:expected-cost", "--learner", "activeloop-example:prototypes", "--out", "run",
    )  # fmt: skip

    assert "20 labels  40 labels  60 labels\nactiveloop-example:expect" in said


@pytest.mark.slow
def test_its_own_tests_pass(call: Call) -> None:
    assert "16 passed" in call("pytest", "-q", "-p", "no:cacheprovider", "tests")
