from __future__ import annotations

import pytest

from activeloop.report.curves import Point
from activeloop.report.panels import MOST_POINTS, band, panel, share_axes, x_range, y_range
from activeloop.report.styles import COLOURS, styles
from activeloop.report.summary import summarise


def points(curves: dict[int, dict[int, float]], strategy: str = "margin") -> list[Point]:
    return [
        Point(strategy, seed, at, labels, "accuracy", value)
        for seed, curve in curves.items()
        for at, (labels, value) in enumerate(curve.items())
    ]


def test_a_panel_holds_every_seed_where_there_are_several() -> None:
    some = points({0: {10: 0.5, 20: 0.75}, 1: {10: 0.5, 20: 0.25}})
    found = panel("", summarise(some), some)

    assert found.seeds == {"margin": (((10, 0.5), (20, 0.75)), ((10, 0.5), (20, 0.25)))}
    alone = panel("", summarise(some[:2]), some[:2])
    assert alone.seeds == {"margin": ()}


def test_many_points_are_thinned_and_the_ends_of_a_line_stay() -> None:
    some = points({seed: {at: at / 3000 for at in range(3000)} for seed in range(4)})
    lines = panel("", summarise(some), some).seeds["margin"]

    assert sum(len(line) for line in lines) <= MOST_POINTS + 2 * len(lines)
    assert all((line[0][0], line[-1][0]) == (0, 2999) for line in lines)


def test_axes_hold_what_was_measured_and_a_band_only_as_far_as_it_is_near() -> None:
    some = points({0: {10: 0.5, 20: 0.6}, 1: {10: 0.5, 20: 0.7}})  # at 20 the interval is 0.65 ± 0.64
    one = panel("", summarise(some, target=0.6), some)

    assert x_range([one]) == (10, 20)
    low, high = y_range([one])
    assert (low, high) == pytest.approx((0.5 - 0.14 * 0.2, 0.7 + 0.14 * 0.2))
    edges = band(one.summary.strategies[0], (low, high))
    assert edges == [(10, 0.5, 0.5), (20, low, high)]


def test_a_target_that_is_far_does_not_squeeze_the_curves() -> None:
    some = points({0: {10: 0.1, 20: 0.2}})

    assert y_range([panel("", summarise(some, target=0.9), some)])[1] < 0.22


def test_charts_share_axes_unless_the_data_differ() -> None:
    some = points({0: {10: 0.1}})
    two = [panel(name, summarise(some), some) for name in "ab"]

    assert share_axes(two, ["oracle.noise"])
    assert not share_axes(two, ["data.source", "oracle.noise"])
    assert not share_axes(two[:1], [])


def test_a_strategy_keeps_its_looks_and_no_two_of_twenty_look_the_same() -> None:
    names = [f"s{at:02d}" for at in range(20)]
    found = styles([*names, "random"], "random")

    assert found["random"].colour is None
    assert len({(each.colour, each.marker, each.dashes) for each in found.values()}) == 21
    assert styles(reversed(names), "random")["s03"] == found["s03"]
    assert found["s00"].hex == COLOURS[0]
