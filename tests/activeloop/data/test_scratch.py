"""Maps on disk: walked in chunks, gone with the process, refused where the disk is too small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from activeloop.data.scratch import cache_folder, chunks, make_room, take, unnamed_map
from activeloop.errors import ConfigError


def test_chunks_cover_every_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activeloop.data.scratch.CHUNK_BYTES", 30)

    parts = list(chunks(np.zeros((7, 10), np.uint8)))

    assert [(part.start, part.stop) for part in parts] == [(0, 3), (3, 6), (6, 7)]


def test_a_row_longer_than_a_chunk_is_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activeloop.data.scratch.CHUNK_BYTES", 1)

    assert len(list(chunks(np.zeros((3, 10), np.uint8)))) == 3


def test_an_unnamed_map_can_be_written_and_has_no_file(tmp_path: Path) -> None:
    made = unnamed_map(tmp_path / "new", (3, 2), np.float32)
    made[:] = 5

    assert made.sum() == 30
    assert list((tmp_path / "new").iterdir()) == []


def test_rows_of_a_map_are_taken_to_a_map_and_rows_in_memory_to_memory(tmp_path: Path) -> None:
    array = np.arange(12.0).reshape(6, 2)
    np.save(tmp_path / "a.npy", array)
    rows = np.array([5, 0, 3])

    for source in (array, np.load(tmp_path / "a.npy", mmap_mode="c")):
        taken = take(source, rows, tmp_path)
        assert isinstance(taken, np.memmap) == isinstance(source, np.memmap)
        np.testing.assert_array_equal(taken, array[rows])


def test_what_does_not_fit_on_the_disk_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"needs 1000000000\.0 GB in .*; pass --cache with a folder on a larger disk"):
        make_room(tmp_path, (10**18,), np.uint8)


def test_a_cache_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="--cache with a folder you can write to"):
        make_room(tmp_path / "file" / "cache", (1,), np.uint8)


def test_the_cache_is_where_the_desktop_standard_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/activeloop")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "activeloop"
