from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from activeloop.store.cache import Cache, alone, content, key_of
from activeloop.types import Noted


def test_what_is_kept_is_recalled_with_its_notes(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "deep")
    cache.keep("k", Noted(torch.tensor([1.5, 2.5], dtype=torch.float64), {"sizes": [1, 2]}))

    found = cache.recall("k")
    assert found is not None
    assert found.value.tolist() == [1.5, 2.5]
    assert found.value.dtype == torch.float64
    assert found.notes == {"sizes": [1, 2]}
    assert cache.recall("other") is None


def test_a_damaged_entry_counts_as_missing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.keep("k", Noted(torch.arange(1000), {}))
    whole = (tmp_path / "k.npz").read_bytes()

    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "k.npz").write_bytes(whole[:length])
        assert cache.recall("k") is None


def test_a_folder_that_cannot_be_written_warns_and_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file")

    with pytest.warns(UserWarning, match="cannot be written"):
        cache.keep("k", Noted(torch.zeros(1), {}))
    with pytest.warns(UserWarning, match="computed anew"), cache.alone("k"):
        assert cache.recall("k") is None


def test_content_tells_values_shapes_and_kinds_apart() -> None:
    one = torch.arange(6)
    others = [one.float(), one.reshape(2, 3), one + (one == 3), one[:5]]

    assert content(one) == content(torch.from_numpy(np.arange(6)))
    assert len({content(one), *map(content, others)}) == 5
    assert content(torch.tensor(1.0)) != content(torch.tensor([1.0]))


def test_a_key_does_not_depend_on_the_order_of_its_parts() -> None:
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1}) != key_of({"a": 2, "b": 1})


def _hold(path: Path, log: Path) -> None:
    with alone(path):
        with log.open("a") as lines:
            lines.write("in\n")
        time.sleep(0.2)
        with log.open("a") as lines:
            lines.write("out\n")


def test_one_process_at_a_time_works_on_an_entry(tmp_path: Path) -> None:
    log = tmp_path / "log"
    workers = [multiprocessing.Process(target=_hold, args=(tmp_path / "k", log)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert log.read_text().split() == ["in", "out"] * 3
