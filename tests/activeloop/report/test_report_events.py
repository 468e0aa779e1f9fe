"""The one law: whatever happened before, after `write` every reader sees each value once."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from shutil import rmtree
from threading import Thread

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from activeloop.report.events import Key, Value, read, remove_others, write
from activeloop.report.protos import scalar


def line(values: dict[int, float], tag: str = "accuracy") -> dict[Key, Value]:
    return {(step, tag): scalar(tag, value) for step, value in values.items()}


def seen(folder: Path, tag: str = "accuracy") -> list[tuple[int, object]]:
    """As TensorBoard reads it."""
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return [(event.step, pytest.approx(event.value)) for event in accumulator.Scalars(tag)]


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    write(tmp_path, line({10: 0.5, 20: 0.75}))

    assert seen(tmp_path) == [(10, 0.5), (20, 0.75)]


def test_written_twice_is_written_once(tmp_path: Path) -> None:
    write(tmp_path, line({10: 0.5}))
    content = files(tmp_path)[0].read_bytes()

    assert write(tmp_path, line({10: 0.5})) == 0
    assert [file.read_bytes() for file in files(tmp_path)] == [content]


def test_what_is_new_is_appended(tmp_path: Path) -> None:
    write(tmp_path, line({10: 0.5}))
    content = files(tmp_path)[0].read_bytes()

    assert write(tmp_path, line({10: 0.5, 20: 0.75})) == 1
    assert files(tmp_path)[0].read_bytes().startswith(content)
    assert seen(tmp_path) == [(10, 0.5), (20, 0.75)]


def test_a_past_that_changed_is_told_again_and_seen_once(tmp_path: Path) -> None:
    write(tmp_path, line({10: 0.5, 20: 0.75, 30: 0.8}) | line({10: 3.0, 30: 1.0}, tag="loss"))

    write(tmp_path, line({10: 0.5, 20: 0.7, 30: 0.8}))

    assert seen(tmp_path) == [(10, 0.5), (20, 0.7), (30, 0.8)]
    assert seen(tmp_path, "loss") == [(10, 3.0), (30, 1.0)]


def test_steps_no_longer_wanted_of_a_tag_are_gone(tmp_path: Path) -> None:
    write(tmp_path, line({10: 0.5, 20: 0.75, 30: 0.8}) | line({20: 1.0}, tag="loss"))

    write(tmp_path, line({10: 0.5, 15: 0.6, 30: 0.8}))

    assert seen(tmp_path) == [(10, 0.5), (15, 0.6), (30, 0.8)]
    assert seen(tmp_path, "loss") == [(20, 1.0)]
    assert write(tmp_path, line({10: 0.5, 15: 0.6, 30: 0.8})) == 0


def test_a_dear_value_is_made_only_once(tmp_path: Path) -> None:
    made: list[int] = []

    def dear() -> bytes:
        made.append(1)
        return scalar("accuracy", 0.5)

    write(tmp_path, {(10, "accuracy"): dear})
    write(tmp_path, {(10, "accuracy"): dear})

    assert len(made) == 1


def test_killed_at_any_byte_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    whole = line({10: 0.5, 20: 0.75, 30: 0.8})
    write(tmp_path / "whole", whole, now=lambda: 1.0)
    content = files(tmp_path / "whole")[0].read_bytes()

    for cut in range(len(content)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / files(tmp_path / "whole")[0].name).write_bytes(content[:cut])
        write(folder, whole)
        assert read(folder).values == whole
        if cut % 20 == 0:
            assert seen(folder) == [(10, 0.5), (20, 0.75), (30, 0.8)], cut


def test_a_torn_file_is_left_as_it_is_since_tensorboard_may_be_in_it(tmp_path: Path) -> None:
    write(tmp_path, line({10: 0.5, 20: 0.75}))
    torn = files(tmp_path)[0]
    torn.write_bytes(torn.read_bytes()[:-3])
    content = torn.read_bytes()

    write(tmp_path, line({10: 0.5, 20: 0.75}))

    assert torn.read_bytes() == content
    assert len(files(tmp_path)) == 2


def test_a_writer_that_waited_for_a_folder_that_was_then_removed_makes_it_anew(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write(folder, line({10: 0.5}))
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    writer = Thread(target=write, args=(folder, line({20: 0.75})))
    writer.start()
    time.sleep(0.1)

    rmtree(folder)
    os.close(handle)
    writer.join(10)

    assert seen(folder) == [(20, 0.75)]


def test_others_are_removed_with_the_folders_above_them_and_foreign_files_are_not(tmp_path: Path) -> None:
    kept, other, foreign = tmp_path / "a" / "kept", tmp_path / "b" / "other", tmp_path / "c"
    for folder in (kept, other, foreign):
        write(folder, line({10: 0.5}))
    (foreign / "notes.txt").touch()

    remove_others(tmp_path, [kept])

    assert seen(kept) == [(10, 0.5)]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a", "c"]
    assert [path.name for path in foreign.iterdir()] == ["notes.txt"]
