from __future__ import annotations

import numpy as np
import pytest
import torch

from activeloop.errors import BadScores
from activeloop.selectors import k_means_plus_plus

BLOBS = torch.cat([torch.randn(50, 2, generator=torch.Generator().manual_seed(0)) * 0.01 + 5 * at for at in range(6)])
NONE = torch.full((300,), -1)


def test_one_row_of_each_far_blob_is_picked() -> None:
    for seed in range(5):
        picks = k_means_plus_plus(BLOBS, NONE, 6, np.random.default_rng(seed))
        assert set((picks // 50).tolist()) == set(range(6))


def test_labelled_rows_count_as_chosen_and_skipped_ones_are_passed_over() -> None:
    labels = NONE.clone()
    labels[[0, 60, 120]] = 1
    labels[150:200] = -2
    picks = k_means_plus_plus(BLOBS, labels, 2, np.random.default_rng(0))

    assert set((picks // 50).tolist()) == {4, 5}


def test_bad_requests_are_refused() -> None:
    with pytest.raises(BadScores, match="301 picks were asked for, but 300 rows are open"):
        k_means_plus_plus(BLOBS, NONE, 301, np.random.default_rng(0))
    with pytest.raises(BadScores, match="nan"):
        k_means_plus_plus(BLOBS / 0 * 0, NONE, 3, np.random.default_rng(0))
