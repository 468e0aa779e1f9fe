from __future__ import annotations

import numpy as np
import pytest

from activeloop import configure, load
from activeloop.errors import ConfigError
from activeloop.features import with_features
from activeloop.select import select
from activeloop.types import OPEN, SKIP, Loaded


@pytest.fixture(scope="module")
def digits() -> Loaded:
    return with_features(load("digits"), "pca", {"dimensions": 8})


def test_rows_are_picked_from_python_as_by_the_command(digits: Loaded) -> None:
    config = configure(seed=3, start={"strategy": "k-center"})
    one, two = select(digits, config, 20), select(digits, config, 20)

    np.testing.assert_array_equal(one.rows, two.rows)
    assert len(set(one.rows.tolist())) == 20
    assert one.features_from.startswith("pca, 8 dimensions")


def test_known_labels_count_as_chosen_and_skipped_rows_are_left_out(digits: Loaded) -> None:
    known = np.full(len(digits.data), OPEN)
    known[:700], known[700:1400] = 0, SKIP
    left = Loaded(digits.data, known=known)

    for strategy in ("typiclust", "random"):  # the one asks for labels, the other does not
        found = select(left, configure(start={"strategy": strategy}), 30)
        assert found.rows.min() >= 1400
        assert found.held.sum() == 700
    with pytest.raises(ConfigError, match=r"-n is 39; 38 of the 1,438 rows are open, so ask for 1 to 38"):
        select(left, configure(start={"strategy": "random"}), 39)
