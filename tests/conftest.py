"""Small real data that every test may use: scikit-learn's digits, read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from activeloop.config import Config, load
from activeloop.data.sources import load as load_data
from activeloop.drive import drive
from activeloop.run import Run
from activeloop.types import Loaded
from oracles import Simulated

Configure = Callable[..., Config]
CHROMIUM = Path("/usr/bin/chromium")

# the cheapest classifier there is: a whole run takes a tenth of a second
QUICK = ("learner.name=sklearn:sklearn.naive_bayes.GaussianNB", "learner.options.params={var_smoothing=0.1}")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test computes is not taken from an earlier run of the tests, and nothing is left behind."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def digits() -> Loaded:
    return load_data("digits")


@pytest.fixture
def quick() -> Configure:
    """A configuration of a run that is over at once; settings win over it."""

    def configure(*sets: str) -> Config:
        return load(None, [*QUICK, "budget=40", "start.size=20", "query=10", "acquire.strategy=margin", *sets])

    return configure


@pytest.fixture
def finish() -> Callable[[Path, Config, Loaded], Path]:
    """Drives a run to its end against the plain truth; gives its journal."""

    def to_its_end(folder: Path, config: Config, data: Loaded) -> Path:
        assert data.truth is not None
        with Run(folder, config, data.data, data.test, data.known) as run:
            list(drive(run, Simulated(data.truth)))
        return folder / "journal.jsonl"

    return to_its_end


@pytest.fixture
def browser() -> Iterator[Any]:
    """Headless Chromium, which draws WebGL too."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: apt-get install -y chromium")
    drawn_by_software = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with playwright.sync_playwright() as browsers:
        opened = browsers.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", *drawn_by_software],
        )
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """A Ray cluster on this machine, two processes at a time. What joins one uses that of its caller, so it starts once."""
    pytest.importorskip("ray", reason="needs Ray: pip install 'activeloop[ray]'")
    from activeloop.cluster import joined

    with joined(None, 2):
        yield
