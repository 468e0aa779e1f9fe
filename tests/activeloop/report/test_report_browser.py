"""The page as a browser shows it: from a file, light and dark, wide and narrow, and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from activeloop.report.conditions import conditions
from activeloop.report.page.write import write_page
from activeloop.store.confusion import write_confusion

from .test_report_page import HOSTILE, WriteRun, compare, greys

pytestmark = pytest.mark.slow


@pytest.fixture
def written(write_journal: WriteRun, tmp_path: Path) -> Path:
    compare(write_journal, (HOSTILE, "a-strategy-with-a-name-that-is-far-too-long-for-any-chart", "random"))
    write_confusion(tmp_path / "runs/run0-0", np.array([[30, 4], [0, 33]]), 200, "test")
    write_page(conditions([tmp_path]), tmp_path, pictures=greys)
    return tmp_path / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_in_every_light_and_asks_for_nothing(
    browser: Any, written: Path, width: int, scheme: str
) -> None:
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    wrong: list[str] = []
    page.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.goto(written.as_uri())
    for summary in page.locator("summary").all():
        summary.click()

    assert wrong == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 27)")
    assert page.locator("image").first.bounding_box()["height"] > 100  # the policy lets its own pictures through
    assert page.locator("svg.chart path.mean").count() == 3
    drawn = page.locator("svg.chart path.mean").evaluate_all("all => all.map(one => getComputedStyle(one).stroke)")
    assert len(set(drawn)) == 3
    assert page.locator("svg.chart").first.bounding_box()["width"] > 300
    picture = written.with_name(f"{width}-{scheme}.png")
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 40_000


def test_the_page_prints_with_dark_letters_on_white(browser: Any, written: Path) -> None:
    page = browser.new_context(color_scheme="dark").new_page()
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(written.as_uri())

    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(22, 25, 29)"
    assert not page.locator("nav").is_visible()
    assert page.pdf().startswith(b"%PDF")
