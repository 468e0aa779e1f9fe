from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from oracles.console.pictures import graphics_of, picture

CHECKS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]], np.uint8)


@pytest.mark.parametrize(
    ("environment", "graphics"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM_PROGRAM": "WezTerm", "TERM": "xterm-256color"}, "iterm"),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x", "COLORTERM": "truecolor"}, "blocks"),
        ({"TERM": "xterm-256color"}, "blocks256"),
        ({"TERM": "dumb"}, "none"),
        ({}, "none"),
    ],
)
def test_what_a_terminal_shows_is_read_from_its_environment(environment: dict[str, str], graphics: str) -> None:
    assert graphics_of(environment) == graphics


def test_two_pixels_are_one_character_and_small_images_are_enlarged() -> None:
    lines = picture(CHECKS, "blocks", 80, 24).splitlines()

    assert len(lines) == 16  # two pixels become 32 x 32, each 16 high and wide
    assert lines[0].startswith("\x1b[38;2;255;0;0;48;2;255;0;0m▀")
    assert lines[8].startswith("\x1b[38;2;0;0;255;")
    assert lines[0].count("▀") == 32
    assert all(line.endswith("\x1b[0m") for line in lines)


def test_large_images_are_shrunk_by_means_to_the_room_there_is() -> None:
    halves = np.zeros((300, 300, 1), np.uint8)
    halves[:, 150:] = 200

    lines = picture(halves, "blocks", 20, 50).splitlines()

    assert (len(lines), lines[0].count("▀")) == (10, 20)
    assert lines[5].count("38;2;0;0;0;") == 10
    assert lines[5].count("38;2;200;200;200;") == 10


def test_256_colours_are_the_nearest_of_the_cube() -> None:
    assert "\x1b[38;5;196;48;5;196m▀" in picture(CHECKS, "blocks256", 80, 24)


def test_kitty_gets_the_enlarged_png_in_chunks() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)

    chunks = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", picture(noise, "kitty", 80, 16))

    assert chunks[0][0] == "a=T,f=100,r=16,m=1"
    assert {control for control, _ in chunks[1:-1]} == {"m=1"}
    assert chunks[-1][0] == "m=0"
    assert all(len(part) <= 4096 for _, part in chunks)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode("".join(part for _, part in chunks)))))
    np.testing.assert_array_equal(shown[::4, ::4], noise)


def test_iterm_gets_one_inline_file() -> None:
    found = re.fullmatch(
        r"\x1b]1337;File=inline=1;height=16;preserveAspectRatio=1:(.*)\a\n", picture(CHECKS, "iterm", 80, 16)
    )

    assert found is not None
    assert Image.open(io.BytesIO(base64.b64decode(found[1]))).size == (256, 256)
