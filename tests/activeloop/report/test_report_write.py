from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from activeloop.report.curves import Point
from activeloop.report.panels import panel
from activeloop.report.plot import draw
from activeloop.report.summary import summarise
from activeloop.report.write import write_report

from .conftest import tensorboard

WriteRun = Callable[..., Path]


def compare(write_journal: WriteRun) -> None:
    """Six strategies and five seeds, the first strategy best."""
    for rank, strategy in enumerate(("bald", "margin", "entropy", "k-center", "badge", "random")):
        for seed in range(5):
            curve = {k: 0.9 - (0.1 + 0.05 * rank) * 40 / k + 0.002 * seed * (rank + 1) for k in range(20, 120, 20)}
            write_journal(strategy, seed, curve)


def test_everything_is_written_and_a_second_time_changes_nothing(write_journal: WriteRun, tmp_path: Path) -> None:
    compare(write_journal)
    first = write_report(tmp_path)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    assert write_report(tmp_path) == first
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files
    assert {"curves.csv", "summary.json", "curves.png", "tb"} <= {path.name for path in tmp_path.iterdir()}
    assert len(list((tmp_path / "tb" / "runs").glob("*/seed-*"))) == 30
    assert first.summaries[0].strategies[0].strategy == "bald"


def test_a_folder_that_is_itself_a_run_is_reported_on(write_journal: WriteRun) -> None:
    run = write_journal("random", 0, {10: 0.5, 20: 0.7})

    [summary] = write_report(run).summaries

    assert summary.strategies[0].final.mean == 0.7
    assert (run / "curves.png").exists()


def test_a_folder_where_nothing_is_measured_yet_is_reported_on(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("random", 0, {})

    assert write_report(tmp_path).summaries[0].strategies == ()


def test_the_picture_is_of_the_kind_that_its_name_says(write_journal: WriteRun, tmp_path: Path) -> None:
    compare(write_journal)
    [summary] = write_report(tmp_path).summaries

    draw([panel("", summary, ())], [tmp_path / "curves.svg"])

    assert Image.open(tmp_path / "curves.png").format == "PNG"
    svg = (tmp_path / "curves.svg").read_text()
    assert svg.startswith("<?xml")


def test_more_strategies_than_colours_can_be_drawn(tmp_path: Path) -> None:
    points = [Point(f"s{i}", 0, k, 10 * k, "accuracy", 0.5 + i / 100) for i in range(20) for k in (1, 2)]

    draw([panel("", summarise(points), points)], [tmp_path / "curves.png"])

    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_charts_of_several_conditions_are_one_picture_which_is_the_same_again(tmp_path: Path) -> None:
    points = [Point(name, 0, k, 10 * k, "accuracy", 0.5 + k / 10) for name in ("random", "$x$", "_y") for k in (1, 2)]
    panels = [panel(f"noise pair:0.{i}", summarise(points), points) for i in range(5)]
    svg, again = tmp_path / "curves.svg", tmp_path / "again.svg"

    draw(panels, [svg, tmp_path / "curves.png"], ["oracle.noise"])
    draw(panels, [again], ["oracle.noise"])

    assert svg.read_bytes() == again.read_bytes()
    assert all(f"noise pair:0.{i}" in svg.read_text() for i in range(5))
    assert ">$x$<" in svg.read_text()


@pytest.mark.slow
def test_tensorboard_shows_curves_bands_picks_and_settings(
    write_journal: WriteRun, tmp_path: Path, browser: Any
) -> None:
    compare(write_journal)
    write_report(tmp_path, images=lambda rows: torch.rand(len(rows), 1, 8, 8))
    expected = {
        "timeseries": ["accuracy/mean of seeds", "accuracy/single run", "mean/bald"],
        "custom_scalars": ["Acquisition curves", "Matches (6)"],
        "images": ["picked/acquire"],
        "hparams": ["strategy", "bald, seed-0"],
    }

    with tensorboard(tmp_path / "tb", has_read=lambda runs: b"mean/random" in runs) as address:
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        for tab, texts in expected.items():
            page.goto(f"{address}/?tab={tab}#{tab}")
            for text in texts:
                page.get_by_text(text, exact=False).first.wait_for(state="attached", timeout=30_000)
            page.wait_for_timeout(3_000)  # the lines are drawn last, and nothing says when
            page.screenshot(path=tmp_path / f"{tab}.png")

    assert all((tmp_path / f"{tab}.png").stat().st_size > 20_000 for tab in expected)
