"""What the README shows, runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import activeloop
from activeloop.config import load
from activeloop.drive import drive
from oracles import Simulated

README = (Path(__file__).parents[1] / "README.md").read_text()


def block(language: str, holding: str) -> str:
    """The code block of this language that holds these words."""
    found = [code for code in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if holding in code]
    assert len(found) == 1, f"{len(found)} {language} blocks hold {holding!r}"
    return found[0]


def test_the_ten_lines_of_python_run_and_print_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block("python", "drive("), "README.md", "exec"), {"__name__": "readme"})

    assert "margin" in capsys.readouterr().out
    assert (tmp_path / "out/curves.png").stat().st_size > 10_000


def test_the_acquisition_function_of_the_readme_is_found_and_picks(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(block("python", "def doubt"))
    command = [sys.executable, "-m", "activeloop.cli.main", "run", "--strategy", "mine:doubt", "--out", "run",
               "--budget", "40", "--set", "learner.options.steps=20"]  # fmt: skip

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    assert '"use":"acquire"' in (tmp_path / "run/journal.jsonl").read_text()


def test_the_committee_of_the_readme_runs(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text("budget = 40\n" + block("toml", "committee"))
    folder = tmp_path / "run"

    digits = activeloop.load("digits")
    with activeloop.Run(folder, load(config, ["acquire.strategy=vote-entropy"]), digits.data, digits.test) as run:
        list(drive(run, Simulated(digits.truth)))

    assert run.state.told == 40


def test_every_public_name_is_there() -> None:
    for name in activeloop.__all__:
        assert getattr(activeloop, name) is not None
    with pytest.raises(AttributeError, match="it has Config, configure"):
        activeloop.nothing  # noqa: B018
