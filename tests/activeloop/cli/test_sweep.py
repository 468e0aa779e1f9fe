from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Cli, Said
from .test_compare import journals

SWEEP = """
seed = [0, 1]
budget = 40
query = 10
[acquire]
strategy = ["random", "margin"]
[oracle]
noise = ["", "symmetric:0.2"]
[learner]
name = "sklearn"
options.estimator = "sklearn.naive_bayes.GaussianNB"
options.params.var_smoothing = 0.1
"""
MINE = """
import pathlib
from torch import Tensor

def broken(probs: Tensor) -> Tensor:
    if not pathlib.Path("mended").exists():
        raise RuntimeError("my own mistake")
    return probs[:, 0]
"""


def sweep(cli: Cli, *words: object, text: str = SWEEP, out: str = "s") -> Said:
    Path("sweep.toml").write_text(text)
    return cli("sweep", "sweep.toml", "--out", out, *words)


def test_a_sweep_runs_every_combination_and_a_second_time_nothing(cli: Cli, tmp_path: Path) -> None:
    first = sweep(cli)
    before = journals(tmp_path / "s")
    again = sweep(cli)

    assert (first.code, again.code) == (0, 0), first.err
    assert "runs     8; 8 to do, 1 at a time, serial" in first.err
    assert 'axis     oracle.noise: "", symmetric:0.2' in first.err
    assert "[8/8] " in first.err
    assert len(before) == 8
    assert "runs     8, 8 finished; 0 to do" in again.err
    assert journals(tmp_path / "s") == before


def test_processes_give_the_journals_of_serial_and_a_grown_grid_renames_nothing(cli: Cli, tmp_path: Path) -> None:
    sweep(cli, out="one")
    sweep(cli, "--jobs", 2, out="two")
    more = sweep(cli, "--set", "seed=[0,1,2]", out="two")

    assert "runs     12, 8 finished; 4 to do" in more.err
    one, two = journals(tmp_path / "one"), journals(tmp_path / "two")
    assert len(two) == 12
    assert {name: journal for name, journal in two.items() if name in one} == one


def test_a_run_cut_in_the_middle_goes_on_and_is_counted_as_begun(cli: Cli, tmp_path: Path) -> None:
    sweep(cli)
    whole = journals(tmp_path / "s")
    cut = tmp_path / "s/runs" / min(whole) / "journal.jsonl"
    cut.write_bytes(whole[min(whole)][: len(whole[min(whole)]) // 2])
    again = sweep(cli)

    assert "runs     8, 7 finished, 1 begun; 1 to do" in again.err
    assert journals(tmp_path / "s") == whole


def test_a_dry_run_shows_the_grid_and_an_estimate_and_makes_no_folder(cli: Cli, tmp_path: Path) -> None:
    said = sweep(cli, "--dry-run", "--set", "learner={}", "--set", "seed=[0,1,2]")

    assert said.code == 0, said.err
    assert "12 runs, about " in said.out
    assert said.out.count("   3 x  about ") == 4
    assert "Nothing was trained." in said.out
    assert not (tmp_path / "s").exists()


def test_a_failure_stops_no_other_run_and_is_tried_again_only_on_demand(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine_sweep.py").write_text(MINE)
    text = SWEEP.replace('"margin"', '"mine_sweep:broken"')
    first = sweep(cli, text=text)
    failures = [path.read_text() for path in (tmp_path / "s/runs").glob("*/failure.txt")]
    (tmp_path / "mended").touch()
    left_alone, mended = sweep(cli, text=text), sweep(cli, "--retry", text=text)

    assert (first.code, left_alone.code, mended.code) == (2, 2, 0)
    assert len(failures) == 4
    assert "activeloop: 4 failed (mine_sweep_broken-s0-" in first.err
    assert all("my own mistake" in text for text in failures)
    assert "4 failed; 0 to do" in left_alone.err
    assert "4 runs failed before and were left alone" in left_alone.err
    assert "4 to do" in mended.err
    assert not list((tmp_path / "s/runs").glob("*/failure.txt"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", 'acquire.strategy=["random","entrpy"]'), "did you mean 'entropy'"),
        (("--set", 'oracle.noise=["pair:2"]'), "the noise rate is 2"),
        (("--jobs", 0), "--jobs is 0; it must be 1 or more"),
        (("--set", "seed=[]"), "seed is an empty list"),
    ],
)
def test_what_cannot_work_is_refused_before_a_folder_is_made(
    cli: Cli, tmp_path: Path, words: tuple[object, ...], message: str
) -> None:
    said = sweep(cli, *words)

    assert said.code == 2
    assert message in said.err
    assert not (tmp_path / "s").exists()
