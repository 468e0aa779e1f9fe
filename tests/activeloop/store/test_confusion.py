from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from activeloop.store.confusion import FILE, Confusion, read_confusion, write_confusion


def test_what_was_written_last_is_read_without_its_empty_cells(tmp_path: Path) -> None:
    write_confusion(tmp_path, np.eye(2, dtype=np.int64), 10, "validation")
    write_confusion(tmp_path, np.array([[3, 1], [0, 4]]), 20, "test")

    found = read_confusion(tmp_path)

    assert found == Confusion(20, "test", ((0, 0, 3), (0, 1, 1), (1, 1, 4)))
    assert found.counts(2).tolist() == [[3, 1], [0, 4]]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("content", [None, "", '{"labels": 3', "[]", '{"labels": 3, "on": "test", "cells": [1]}'])
def test_what_is_absent_or_damaged_counts_as_not_recorded(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_text(content)

    assert read_confusion(tmp_path) is None
