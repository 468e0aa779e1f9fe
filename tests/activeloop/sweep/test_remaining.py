from __future__ import annotations

import pytest

from activeloop.sweep.remaining import in_words, range_in_words, remaining_s


def test_nothing_is_said_while_nothing_has_finished() -> None:
    assert remaining_s(["a"], {}, 1) is None


def test_a_kind_that_has_finished_takes_as_long_again_and_one_that_has_not_what_others_took() -> None:
    assert remaining_s(["a", "a"], {"a": [10.0]}, 2) == (10, 10)
    assert remaining_s(["b"], {"a": [10.0], "c": [30.0]}, 1) == (10, 30)
    assert remaining_s(["a"], {"a": [10.0, 20.0]}, 1) == pytest.approx((12.5, 17.5))
    assert remaining_s([], {"a": [10.0]}, 1) == (0, 0)


def test_durations_in_words() -> None:
    assert [in_words(seconds) for seconds in (3, 99, 600, 9000)] == ["3 s", "99 s", "10 min", "2.5 h"]
    assert [range_in_words(*pair) for pair in ((60, 60), (61, 80), (60, 1200))] == [
        "60 s",
        "61 to 80 s",
        "60 s to 20 min",
    ]
