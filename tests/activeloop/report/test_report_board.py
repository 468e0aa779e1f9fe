"""TensorBoard as people see it, in headless Chromium: what is on the page is counted, and pictures are kept to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from activeloop.fold import fold
from activeloop.report import projector
from activeloop.report.conditions import conditions
from activeloop.report.projected import files_of, rows_of
from activeloop.report.study import study
from activeloop.report.tensorboard import bands_link, run_folder, write_all
from activeloop.store.journal import FILE, read

from .conftest import tensorboard

pytestmark = pytest.mark.slow
WriteRun = Callable[..., Path]
Opened = tuple[str, Any]
STARTS, STRATEGIES, SEEDS = ("random", "k-center"), ("bald", "margin", "random"), 8


@pytest.fixture
def board(write_journal: WriteRun, tmp_path: Path) -> Path:
    """Two conditions with three strategies and eight seeds each, which are more lines than TensorBoard shows unasked."""
    for s, start in enumerate(STARTS):
        for rank, strategy in enumerate(STRATEGIES):
            for seed in range(SEEDS):
                curve = {k: 0.95 - (0.1 + 0.05 * (rank + s)) * 40 / k + 0.002 * seed for k in range(20, 120, 20)}
                write_journal(strategy, seed, curve, name=f"{strategy}-{start}-{seed}", start=start)
    found = conditions([tmp_path])
    write_all(tmp_path / "tb", found, [each.summary for each in study(found, target=0.9).conditions])
    run = tmp_path / "runs" / "bald-random-0"
    state = fold(read(run / FILE))
    assert state is not None
    rows = rows_of(state)
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(len(rows), 8))).float()
    pictures = files_of(state, rows, features, "noise", lambda at: torch.rand(len(at), 1, 8, 8), state.labels)
    projector.put(pictures, run_folder(tmp_path / "tb", "bald", 0, "start random"))
    return tmp_path / "tb"


DEEP = """element => {
  const lines = [];
  const visit = node => {
    if (node.nodeType === Node.TEXT_NODE && node.textContent.trim()) lines.push(node.textContent.trim());
    if (node.tagName === 'STYLE' || node.tagName === 'SCRIPT' || node.tagName === 'TEMPLATE') return;
    if (node.shadowRoot) visit(node.shadowRoot);
    node.childNodes.forEach(visit);
  };
  visit(element);
  return lines;
}"""


def texts(locator: Any) -> list[str]:
    """Every piece of text within, in the order of the page, those of its web components too."""
    found: list[str] = locator.evaluate(DEEP)
    return found


@pytest.fixture
def opened(board: Path, browser: Any) -> Iterator[Opened]:
    """The address of a TensorBoard that has read everything, and a page."""
    with tensorboard(board, has_read=lambda runs: runs.count(b"seed-7") == 6) as address:
        yield address, browser.new_page(viewport={"width": 2200, "height": 1200})


def test_strategies_lie_over_one_another_with_bands_without_a_click(board: Path, opened: Opened) -> None:
    link = bands_link(board)
    assert link is not None  # 54 runs and means are more than it checks by itself
    address, page = opened
    page.goto(link.replace("http://localhost:6006", address))
    page.get_by_text(f"Matches ({len(STRATEGIES)})").nth(1).wait_for(timeout=30_000)
    cards = page.locator("tf-custom-scalar-margin-chart-card")
    cards.last.locator("path.area").nth(len(STRATEGIES) - 1).wait_for(state="attached", timeout=30_000)
    page.wait_for_timeout(3_000)  # the lines are drawn last, and nothing says when
    page.screenshot(path=board / "custom_scalars.png")

    titles = [title for title in texts(page.locator("body")) if title.endswith("% interval")]
    bands = [cards.nth(at).locator("path.area").count() for at in range(cards.count())]

    assert titles == [f"start {start}: accuracy, mean and 95 % interval" for start in ("k-center", "random")]
    assert bands == [len(STRATEGIES)] * 2


def test_hparams_compare_final_metrics_and_settings(board: Path, opened: Opened) -> None:
    address, page = opened
    page.goto(f"{address}/#hparams")
    page.get_by_text("k-center").first.wait_for(timeout=30_000)
    page.get_by_text("labels to goal").first.wait_for(state="attached", timeout=30_000)
    page.wait_for_timeout(2_000)
    page.screenshot(path=board / "hparams.png")
    said = texts(page.locator("tf-hparams-table-view").first)

    for column in ("learner", "noise", "seed", "start", "strategy", "accuracy", "area", "labels to goal"):
        assert column in said
    final = f"{0.95 - 0.1 * 40 / 100:.5f}"  # bald, seed 0, from a random start
    assert final in said
    assert said.count("bald") >= SEEDS * len(STARTS)


def test_time_series_begin_with_a_card_of_means_per_condition(board: Path, opened: Opened) -> None:
    address, page = opened
    page.goto(f"{address}/#timeseries")
    page.get_by_text("mean, start random").first.wait_for(state="attached", timeout=30_000)
    page.wait_for_timeout(3_000)
    page.screenshot(path=board / "timeseries.png")
    said = "".join(texts(page.locator("main, mat-sidenav-content, .main").first))

    places = [said.index(name) for name in ("/mean, start k-center", "/mean, start random", "/single run")]
    assert places == sorted(places)


def test_the_projector_draws_the_pool_and_names_its_rounds(board: Path, opened: Opened) -> None:
    address, page = opened
    page.goto(f"{address}/#projector")
    inside = page.frame_locator("iframe").frame_locator("iframe")
    inside.get_by_text("Points: 1000").first.wait_for(timeout=60_000)
    inside.get_by_text("round").first.wait_for(state="attached", timeout=30_000)
    page.wait_for_timeout(4_000)
    page.screenshot(path=board / "projector.png")

    assert any(text.startswith("noise; frames: dark in the first round") for text in texts(inside.locator("body")))
