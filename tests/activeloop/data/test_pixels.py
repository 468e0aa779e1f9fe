"""One file becomes the pixels that a person would see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from activeloop.data.pixels import Unreadable, open_image


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("L", 7, ("L", 7)),
        ("1", 1, ("L", 255)),
        ("LA", (7, 0), ("L", 7)),
        ("P", 0, ("RGB", (0, 0, 0))),
        ("RGBA", (1, 2, 3, 0), ("RGB", (1, 2, 3))),
        ("RGB", (1, 2, 3), ("RGB", (1, 2, 3))),
    ],
)
def test_grey_stays_grey_and_all_else_is_rgb(
    mode: str, colour: int, seen: tuple[str, int | tuple[int, ...]], tmp_path: Path
) -> None:
    Image.new(mode, (4, 4), colour).save(tmp_path / "a.png")

    image = open_image(str(tmp_path / "a.png"), None)

    assert (image.mode, image.getpixel((0, 0))) == seen


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    Image.new("L", (6, 3)).save(tmp_path / "a.jpg", exif=exif)

    assert open_image(str(tmp_path / "a.jpg"), None).size == (3, 6)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_an_image_is_scaled_by_its_shorter_side_and_its_centre_cut_out(suffix: str, tmp_path: Path) -> None:
    wide = np.zeros((400, 800), np.uint8)
    wide[:, 200:600] = 200
    Image.fromarray(wide).save(tmp_path / f"a.{suffix}")

    image = np.asarray(open_image(str(tmp_path / f"a.{suffix}"), 10))

    assert image.shape == (10, 10)
    assert (abs(image.astype(int)[:, 1:-1] - 200) <= 2).all()


def test_a_small_image_is_enlarged(tmp_path: Path) -> None:
    Image.new("L", (2, 3), 9).save(tmp_path / "a.png")

    assert np.asarray(open_image(str(tmp_path / "a.png"), 8)).tolist() == [[9] * 8] * 8


def test_more_than_8_bits_are_refused_rather_than_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(tmp_path / "a.png")

    with pytest.raises(Unreadable, match=r"I;16 has more than 8 bits a pixel; save it with 8"):
        open_image(str(tmp_path / "a.png"), None)


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "tif", "bmp", "webp"])
@pytest.mark.parametrize("part", [0.0, 0.02, 0.5])
def test_a_torn_file_is_unreadable(suffix: str, part: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])

    with pytest.raises(Unreadable):
        open_image(str(path), None)
