from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from activeloop import catalogue
from activeloop.cli import list as list_command
from activeloop.cli.main import COMMANDS

from .conftest import Cli

HEAVY = ("torch", "sklearn", "scipy", "joblib", "matplotlib", "tensorboard", "tqdm", "PIL")


def imported_by(code: str) -> set[str]:
    """What a fresh interpreter has imported of the slow packages, numpy among them, after this code."""
    shown = f"{code}\nimport sys; print(*sorted(name for name in {(*HEAVY, 'numpy')} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("\n")[0].rpartition("\n")[2].split())


def test_help_of_every_command_imports_nothing_slow() -> None:
    calls = "".join(f"main(['{name}', '--help']);" for name in COMMANDS)

    assert imported_by(f"from activeloop.cli.main import main; main(['--help']); {calls}") == set()


def test_lists_import_nothing_slow() -> None:
    assert imported_by("from activeloop.cli.main import main; main(['list'])") == set()


def test_help_names_every_command_and_every_exit_code(cli: Cli) -> None:
    said = cli()

    assert said.code == 0
    assert all(f"  {name:<9}" in said.out for name in COMMANDS)
    assert all(f"\n  {code:<5}" in said.out for code in (0, 1, 2, 3, 130))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_fits_the_terminal(cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = cli(name, "--help")

    assert said.code == 0
    assert said.out.startswith(f"usage: activeloop {name} ")
    assert max(map(len, said.out.splitlines())) <= 80


def test_an_unknown_command_is_answered_with_the_nearest(cli: Cli) -> None:
    said = cli("comapre")

    assert (said.code, said.out) == (2, "")
    assert "no command is called 'comapre'; did you mean 'compare'?" in said.err


def test_an_unknown_option_is_answered_with_the_nearest(cli: Cli) -> None:
    said = cli("run", "--out", "r", "--bugdet", "30")

    assert said.code == 2
    assert "unrecognized arguments: --bugdet 30; did you mean '--budget'?" in said.err


def test_options_are_not_abbreviated(cli: Cli) -> None:
    assert cli("compare", "--out", "c", "--strat", "random").code == 2


def test_list_shows_one_kind_a_line_each_or_all(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    one, every = cli("list", "selectors").out, cli("list").out

    assert [line.split()[0] for line in one.splitlines()] == list(catalogue.SELECTORS)
    assert one in every
    assert "mnist" in every
    assert "did you mean 'nets'" in cli("list", "net").err


def test_list_shows_all_strategies_with_their_source_and_those_of_other_libraries(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    scores, picks = (cli("list", kind).out.splitlines() for kind in ("acquisitions", "selectors"))

    assert [line.split()[0] for line in scores] == [*catalogue.ACQUISITIONS, "baal:NAME", "modal:NAME"]
    assert not [line for line in scores + picks if "  source: " not in line]
    assert any(
        line.startswith("bald ") and line.endswith("source: Houlsby et al. 2011, arXiv:1112.5745, eq. 2")
        for line in scores
    )


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_list_fits_the_terminal_and_gives_sources_a_line(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = cli("list", "acquisitions").out.splitlines()

    assert max(map(len, lines)) <= min(columns, 120)
    assert [line.split()[0] for line in lines if not line.startswith(" ")][:2] == ["entropy", "margin"]
    assert lines[lines.index(next(line for line in lines if line.startswith("bald "))) + 1 :][0].startswith(" " * 20)
    assert sum(line.lstrip().startswith("source: ") for line in lines) == len(catalogue.ACQUISITIONS) + 2


def test_a_library_that_is_not_there_is_not_listed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_command, "BRIDGED", {"no_such_library": list_command.BRIDGED["baal"]})

    assert "baal:NAME" not in cli("list", "acquisitions").out


def test_ctrl_c_says_how_to_go_on(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(kind: str | None) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(list_command, "main", interrupted)
    said = cli("list", "data")

    assert said.code == 130
    assert "interrupted; all that was taken is safe" in said.err
    assert "activeloop list data" in said.err


def test_a_place_that_cannot_be_written_is_refused_without_a_traceback(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = cli("run", "--out", "file/run", "--budget", 20)

    assert said.code == 2
    assert "file/run" in said.err
    assert "Not a directory" in said.err
    assert "Traceback" not in said.err
