from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from activeloop.store.journal import FILE

from .conftest import QUICK, Cli, Team

COMPARE = ("compare", "--strategies", "random,margin", "--seeds", 2, "--budget", 40, *QUICK)


@pytest.fixture
def two(cli: Cli) -> tuple[str, str]:
    """The same comparison without noise and with."""
    cli(*COMPARE, "--out", "clean")
    cli(*COMPARE, "--noise", "pair:0.3", "--out", "noisy")
    return "clean", "noisy"


def test_a_report_is_a_page_beside_the_runs_with_pictures_and_a_confusion_matrix(cli: Cli, tmp_path: Path) -> None:
    cli(*COMPARE, "--noise", "pair:0.3", "--out", "c")
    said = cli("report", "c")

    assert said.code == 0
    assert "wrote c: report.html, .md, .csv and .json, summary.json, curves.csv, .png and .svg, tb/\n" in said.out
    assert "area gained" in said.out
    assert json.loads((tmp_path / "c/report.json").read_text())["verdict"][0] in said.out
    assert "tensorboard --logdir c/tb" in said.out
    assert "open c/report.html in a browser, or\n" in said.out
    page = (tmp_path / "c/report.html").read_text()
    assert page.count("data:image/webp;base64,") == 2
    assert page.count("Confusion matrix of the last model on the test set") == 2
    assert "Oracle errors: " in page
    assert "activeloop report c --runs 4" in page


def test_several_folders_are_charts_of_one_page_elsewhere(cli: Cli, two: tuple[str, str], tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    said = cli("report", *two, "--out", "both", "--goal", "0.5,0.6", "--goal", 0.7, "--runs", 1, "--no-pictures")

    assert said.code == 0
    assert "Accuracy in 2 conditions, against random" in said.out
    assert {path: path.stat().st_mtime_ns for path in before} == before
    page = (tmp_path / "both/report.html").read_text()
    assert all(f"saved on the way to {goal}" in page for goal in (0.5, 0.6, 0.7))
    assert page.count("Class balance") == 1
    assert "data:image" not in page
    assert "activeloop report clean noisy --out both --runs 8" in page


def test_what_told_charts_apart_can_name_lines_instead(cli: Cli, two: tuple[str, str], tmp_path: Path) -> None:
    cli(*COMPARE, "--start", "k-center", "--out", "centred")
    said = cli("report", "clean", "centred", "--lines", "start", "--out", "o")

    assert "random after k-center" in said.out
    assert "under 2 conditions" not in (tmp_path / "o/report.html").read_text()


def test_runs_are_reported_on_while_one_is_cut_short(cli: Cli, tmp_path: Path) -> None:
    cli(*COMPARE, "--out", "c")
    journal = tmp_path / "c/runs/margin-s1" / FILE
    journal.write_bytes(journal.read_bytes()[: journal.stat().st_size // 2])
    shutil.rmtree(tmp_path / "c/truth")

    assert cli("report", "c").code == 0
    assert "1 not finished" in (tmp_path / "c/report.html").read_text()


def test_a_run_of_people_shows_its_pictures_unless_the_data_are_changed_or_gone(team: Team) -> None:
    team.run()
    team.finish()
    page = team.folder / "r/report.html"

    assert team.cli("report", "r").code == 0
    assert page.read_text().count("data:image/webp;base64,") == 1
    assert "on the validation labels" in page.read_text()
    Image.new("RGB", (6, 6), "white").save(team.folder / "images/red-00.png")
    assert team.cli("report", "r").code == 0
    assert "No pictures of the picks: " in page.read_text()
    assert "images has changed since this run" in page.read_text()
    shutil.rmtree(team.folder / "images")
    assert team.cli("report", "r").code == 0
    assert "No pictures of the picks: " in page.read_text()


def test_options_that_cannot_be_are_refused_with_what_is_allowed(cli: Cli, tmp_path: Path) -> None:
    cli(*COMPARE, "--out", "c")
    (tmp_path / "empty/runs/a").mkdir(parents=True)
    (tmp_path / "empty/runs/a" / FILE).touch()

    assert "'a,b' is no list of numbers, such as 0.8,0.9" in cli("report", "c", "--goal", "a,b").err
    assert "--runs is -1; it must be 0 or more" in cli("report", "c", "--runs", -1).err
    assert "no run in empty/none" in cli("report", "c", "empty/none").err
    assert "the journals are empty" in cli("report", "empty").err


def test_the_pool_of_a_run_is_shown_in_the_projector(cli: Cli, tmp_path: Path) -> None:
    cli(*COMPARE, "--out", "c")

    said = cli("report", "c", "--no-pictures", "--projector", "margin-s0")

    assert "wrote c/tb/runs/margin/seed-0: the pool by the round of picking" in said.out
    assert (tmp_path / "c/tb/runs/margin/seed-0/projector_config.pbtxt").exists()
    assert "did you mean 'margin-s0'?" in cli("report", "c", "--no-pictures", "--projector", "margins0").err


def test_runs_are_sent_to_mlflow_once(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not installed: pip install 'activeloop[mlflow]'")
    pytest.importorskip("alembic", reason="alembic is not installed: pip install 'activeloop[mlflow]'")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    cli(*COMPARE, "--out", "c")
    words = ("report", "c", "--no-pictures", "--mlflow", "sqlite:///m.db", "--experiment", "digits")

    first, again = cli(*words), cli(*words)

    runs = len(list((tmp_path / "c/runs").iterdir()))
    assert f"MLflow, digits: {runs} runs new, 0 brought up to date, 0 as they were" in first.out
    assert f"MLflow, digits: 0 runs new, 0 brought up to date, {runs} as they were" in again.out
