"""Small sources on disk, and a cache that goes with the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Paint = Callable[[Mapping[str, tuple[int, ...] | int]], Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default cache folder, which is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "activeloop"


@pytest.fixture
def paint(tmp_path: Path) -> Paint:
    """Makes a folder of 4 x 4 images of one colour each: a number paints a grey image, three numbers an RGB one."""

    def images(colours: Mapping[str, tuple[int, ...] | int]) -> Path:
        for name, colour in colours.items():
            path = tmp_path / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L" if isinstance(colour, int) else "RGB", (4, 4), colour).save(path)
        return tmp_path / "images"

    return images


@pytest.fixture
def names(tmp_path: Path) -> Path:
    """names.txt with the classes cat and dog."""
    path = tmp_path / "names.txt"
    path.write_text("cat\ndog\n")
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    """Saves arrays as toy.npz."""

    def save(**arrays: object) -> Path:
        np.savez(tmp_path / "toy.npz", **{name: np.asarray(array) for name, array in arrays.items()})
        return tmp_path / "toy.npz"

    return save
