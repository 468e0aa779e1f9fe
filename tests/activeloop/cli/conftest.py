"""The command line, called in this process, and a team that owns nothing but thirty images."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from activeloop.cli.main import main

QUICK = (
    "--learner", "sklearn:sklearn.naive_bayes.GaussianNB", "--set", "learner.options.params={var_smoothing=0.1}",
)  # fmt: skip
CLASSES = ("red", "green", "blue")


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


Cli = Callable[..., Said]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Runs a command in the folder tmp_path, as if it were typed there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*words: object) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture(autouse=True)
def _path_as_before() -> Iterator[None]:
    """`main` puts the folder it is called in on the path."""
    import sys

    before = list(sys.path)
    yield
    sys.path[:] = before


@dataclass(frozen=True)
class Team:
    """A flat folder of images, the names of the classes, and a run that asks people about them."""

    cli: Cli
    folder: Path

    def run(self, *words: object) -> Said:
        return self.cli(
            "run", "--data", "images", "--classes", "names.txt", "--budget", 16, "--initial", 6, "--query", 4,
            "--validation", 3, *QUICK, "--out", "r", *words,
        )  # fmt: skip

    def answer(self, query: str, at: slice = slice(None)) -> str:
        """Fills in the truth, which is the colour in the file's name, for some lines of a query, as a CSV of its own."""
        lines = self.lines(query)[at]
        return self.write([("file", "label"), *((line["file"], line["file"].partition("-")[0]) for line in lines)])

    def lines(self, query: str) -> list[dict[str, str]]:
        with (self.folder / f"r/queries/{query}.csv").open(newline="") as table:
            return list(csv.DictReader(table))

    def write(self, lines: Sequence[Sequence[object]], name: str = "answers.csv") -> str:
        with (self.folder / name).open("w", newline="") as file:
            csv.writer(file).writerows(lines)
        return name

    def finish(self) -> None:
        """Asks and tells until the budget is spent."""
        for number in range(20):
            if self.cli("ask", "r").code == 0:
                return
            query = f"q{number:04d}"
            if (self.folder / f"r/queries/{query}.csv").exists():
                self.cli("tell", "r", query, self.answer(query))

    def journal(self) -> bytes:
        return (self.folder / "r/journal.jsonl").read_bytes()


@pytest.fixture
def team(cli: Cli, tmp_path: Path) -> Team:
    (tmp_path / "images").mkdir()
    chance = np.random.default_rng(0)
    for at in range(30):
        pixels = chance.integers(0, 100, (6, 6, 3))
        pixels[:, :, at % 3] += 100
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"images/{CLASSES[at % 3]}-{at:02d}.png")
    (tmp_path / "names.txt").write_text("\n".join(CLASSES))
    return Team(cli, tmp_path)


def environment() -> dict[str, str]:
    """Of a process of its own: one thread, as the tests have here."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}
