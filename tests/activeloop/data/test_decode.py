"""Images are decoded once, whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from activeloop.data import decode as module
from activeloop.data.decode import decode
from activeloop.errors import ConfigError

Paint = Callable[[Mapping[str, tuple[int, ...] | int]], Path]
GREYS = {f"{n:03}.png": n for n in range(10)}


def images(root: Path, cache: Path, image_size: int | None = None, skip: bool = False) -> np.ndarray:
    files = sorted(path.name for path in root.iterdir())
    return decode(root, files, image_size=image_size, skip_unreadable=skip, cache=cache)[1]


def entries(cache: Path) -> list[str]:
    return sorted({path.suffix for path in (cache / "images").iterdir()} - {".lock"})


def test_all_grey_gives_one_channel_and_a_single_coloured_image_gives_three(paint: Paint, cache: Path) -> None:
    root = paint(GREYS)
    assert images(root, cache)[:, :, 0, 0].tolist() == [[n] for n in range(10)]

    paint({"010.png": (1, 2, 3)})
    assert images(root, cache)[:, :, 0, 0].tolist() == [[n, n, n] for n in range(10)] + [[1, 2, 3]]


def test_rows_and_columns_stay_rows_and_columns(paint: Paint, cache: Path) -> None:
    pixels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    root = paint({})
    root.mkdir()
    Image.fromarray(pixels).save(root / "a.png")

    np.testing.assert_array_equal(images(root, cache)[0], pixels.transpose(2, 0, 1))


def test_a_second_call_decodes_nothing(paint: Paint, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = paint(GREYS)
    first = images(root, cache)
    monkeypatch.setattr(module, "plan", None)

    np.testing.assert_array_equal(images(root, cache), first)


def test_a_changed_file_another_file_or_another_size_is_decoded_anew(paint: Paint, cache: Path) -> None:
    root = paint(GREYS)
    images(root, cache)

    paint({"003.png": 200})
    assert images(root, cache)[3].max() == 200
    paint({"010.png": 100})
    assert images(root, cache).shape == (11, 1, 4, 4)
    assert images(root, cache, image_size=2).shape == (11, 1, 2, 2)
    os.utime(root / "003.png", ns=(0, 0))
    images(root, cache)
    assert len(list((cache / "images").glob("*.npy"))) == 5


def test_a_moved_folder_is_the_same_folder(paint: Paint, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = paint(GREYS)
    images(root, cache)
    monkeypatch.setattr(module, "plan", None)

    assert len(images(root.rename(root.parent / "moved"), cache)) == 10


def test_what_a_caller_writes_stays_out_of_the_cache(paint: Paint, cache: Path) -> None:
    root = paint(GREYS)
    images(root, cache)[:] = 255

    assert images(root, cache).max() == 9


def test_images_of_two_sizes_are_refused_by_name_unless_a_size_is_given(paint: Paint, cache: Path) -> None:
    root = paint(GREYS)
    Image.new("L", (6, 5)).save(root / "004.png")

    with pytest.raises(
        ConfigError, match=r"000\.png is 4 x 4, 004\.png is 5 x 6 \(height x width\); pass --image-size"
    ):
        images(root, cache)
    assert entries(cache) == []
    assert images(root, cache, image_size=4).shape == (10, 1, 4, 4)


def test_an_unreadable_image_is_named_with_the_option_that_leaves_it_out(paint: Paint, cache: Path) -> None:
    root = paint(GREYS)
    (root / "004.png").write_bytes(b"broken")

    with pytest.raises(ConfigError, match=r"images/004\.png cannot be read \(cannot identify.*--skip-unreadable"):
        images(root, cache)
    assert entries(cache) == []


def test_unreadable_images_are_left_out_with_a_warning_every_time(paint: Paint, cache: Path) -> None:
    root = paint(GREYS)
    for name in ("000.png", "004.png"):
        (root / name).write_bytes(b"broken")
    (root / "010.png").symlink_to("/nowhere.png")

    for _ in range(2):
        with pytest.warns(UserWarning, match=r"3 of 11 images in .* are left out; the first is 000\.png"):
            found = images(root, cache, skip=True)
        assert found[:, 0, 0, 0].tolist() == [1, 2, 3, 5, 6, 7, 8, 9]
    with pytest.raises(ConfigError, match=r"000\.png cannot be read"):  # from the cache, too
        images(root, cache)


def test_a_folder_of_broken_images_is_refused_even_so(paint: Paint, cache: Path) -> None:
    root = paint(GREYS)
    for path in root.iterdir():
        path.write_bytes(b"broken")

    with pytest.raises(ConfigError, match=r"none of the 10 images"):
        images(root, cache, skip=True)


def test_a_decode_that_is_killed_leaves_no_entry_and_the_next_one_cleans_up(paint: Paint, cache: Path) -> None:
    root = paint(GREYS)
    code = f"""
import os, signal
from pathlib import Path
from activeloop.data import decode, pixels
calls, real = [], pixels.open_image
def open_image(path, size):
    calls.append(path)
    if len(calls) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(path, size)
pixels.open_image = open_image
decode.decode(Path({str(root)!r}), {sorted(GREYS)}, image_size=None, skip_unreadable=False, cache=Path({str(cache)!r}))
"""
    killed = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})

    assert killed.returncode == -signal.SIGKILL
    assert entries(cache) == [".partial"]
    assert images(root, cache)[:, 0, 0, 0].tolist() == list(range(10))
    assert entries(cache) == [".json", ".npy"]


def test_a_decode_that_is_interrupted_leaves_nothing(
    paint: Paint, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_images", interrupt)

    with pytest.raises(KeyboardInterrupt):
        images(paint(GREYS), cache)
    assert entries(cache) == []


def test_several_processes_decode_as_one_does(
    paint: Paint, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = paint({f"{n:03}.png": n for n in range(200)})
    alone = images(root, cache)
    monkeypatch.setattr(module, "ENOUGH_FOR_PROCESSES", 1)
    monkeypatch.setattr(module, "FILES_A_TASK", 16)

    np.testing.assert_array_equal(images(root, tmp_path / "other"), alone)


def test_several_processes_stop_at_the_first_problem_without_a_warning(
    paint: Paint, cache: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    root = paint({f"{n:03}.png": n for n in range(200)})
    (root / "050.png").write_bytes(b"broken")
    monkeypatch.setattr(module, "ENOUGH_FOR_PROCESSES", 1)
    monkeypatch.setattr(module, "FILES_A_TASK", 4)

    with pytest.raises(ConfigError, match=r"050\.png cannot be read"):
        images(root, cache)
    assert entries(cache) == []
    assert [str(warning.message) for warning in recwarn] == []
