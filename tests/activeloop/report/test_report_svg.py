from __future__ import annotations

import pytest
from markupsafe import Markup

from activeloop.report.page.svg import Frame, Scale, path, short, tag, ticks


def test_text_and_attributes_are_escaped_and_markup_stays() -> None:
    found = tag("g", Markup("<b/>"), "<i>", None, class_='"x', aria_label="a&b", x=1.26, gone=None)

    assert found == '<g class="&#34;x" aria-label="a&amp;b" x="1.3"><b/>&lt;i&gt;</g>'


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (20, 200, [50, 100, 150, 200]),
        (0.61, 0.97, [0.7, 0.8, 0.9]),
        (-0.11, 0.08, [-0.1, -0.05, 0, 0.05]),
        (3, 3, [3]),
    ],
)
def test_ticks_are_round_numbers_within_the_axis(low: float, high: float, found: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(found)


def test_numbers_of_ticks_are_short() -> None:
    assert [short(value) for value in (0.85, 0, 400, 12_000, 2_500_000)] == ["0.85", "0", "400", "12,000", "2.5M"]


def test_a_scale_maps_its_ends_and_one_value_alone_to_its_start() -> None:
    assert [Scale(10, 20, 100, 0)(value) for value in (10, 15, 20)] == [100, 50, 0]
    assert Scale(5, 5, 7, 9)(5) == 7


def test_a_path_is_straight_lines() -> None:
    assert path([(0, 0), (1.04, 2)], close=True) == "M0 0L1 2Z"


def test_a_line_across_lies_within_the_plot_or_nowhere() -> None:
    frame = Frame.of((0, 10), (0, 1))

    assert "target 0.5" in frame.across(0.5, "target 0.5")
    assert frame.across(2.0, "target 2") == ""
