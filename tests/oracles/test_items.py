from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from oracles.items import plain, png


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_is_read_by_pillow_as_the_pixels_it_was_made_of(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels)).astype(np.uint8)

    read = np.asarray(Image.open(io.BytesIO(png(pixels)))).reshape(pixels.shape)

    np.testing.assert_array_equal(read, pixels)


def test_plain_text_commands_no_terminal_and_turns_nothing_around() -> None:
    assert plain("a\x1b[2Jb\u202ec\nd") == "a\ufffd[2Jb\ufffdc\ufffdd"
    assert plain("x" * 600) == "x" * 500 + "…"
    assert plain("grün 日本") == "grün 日本"
