from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from activeloop.data.sources import load
from activeloop.errors import BadScores, ConfigError
from activeloop.features import with_features
from activeloop.shards.embed import embed
from activeloop.shards.tables import open_table

from .test_tables import N, folder_of_images, numbers, parquet

PCA = {"dimensions": 3, "threads": 1}


def net(shape: tuple[int, ...]) -> nn.Module:
    return nn.Sequential(nn.Conv2d(shape[0], 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 5))


def broken(shape: tuple[int, ...]) -> nn.Module:
    class Broken(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return torch.full((len(inputs), 2), torch.nan)

    return Broken()


def at_once(place: Path, source: str, options: dict[str, object]) -> np.ndarray:
    """Features as one machine computes them."""
    names = place.parent / "names.txt"
    names.write_text("a\nb\n")
    features = with_features(load(str(place), classes=names), source, options).data.features
    assert features is not None
    return features.numpy()


def in_parts(out: Path) -> np.ndarray:
    table = open_table(out)
    return table.read(slice(0, len(table)))


@pytest.mark.parametrize("colours", [0, 1, N])
@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("pca", PCA),
        ("pixels", {}),
        (f"{__name__}:net", {"batch": 8, "threads": 1}),
        ("simclr", {"steps": 6, "batch": 8, "threads": 1}),
    ],
)
def test_a_folder_of_images_in_shards_has_the_features_of_one_machine_to_the_bit(
    tmp_path: Path, source: str, options: dict[str, object], colours: int
) -> None:
    folder_of_images(tmp_path / "images", colours)
    found = embed(open_table(tmp_path / "images"), source, tmp_path / "F", options, rows=16)

    assert found.starts[-1] == N
    np.testing.assert_array_equal(in_parts(tmp_path / "F"), at_once(tmp_path / "images", source, options))


def test_arrays_and_parquet_in_shards_have_the_features_of_one_machine_to_the_bit(tmp_path: Path) -> None:
    values = numbers(N, 6)
    np.save(tmp_path / "X.npy", values)
    parquet(tmp_path / "pool.parquet", {"x": values.tolist()})
    expected = at_once(tmp_path / "X.npy", "pca", PCA)
    for place in ("X.npy", "pool.parquet"):
        embed(open_table(tmp_path / place), "pca", tmp_path / f"F-{place[0]}", PCA, rows=16)
        np.testing.assert_array_equal(in_parts(tmp_path / f"F-{place[0]}"), expected)


def test_shards_hold_whole_batches_of_the_encoder(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", numbers(N, 1, 6, 6))
    found = embed(open_table(tmp_path / "X.npy"), f"{__name__}:net", tmp_path / "F", {"batch": 8, "threads": 1}, rows=9)

    assert found.starts == (0, 16, 32, 48, 50)
    assert [np.load(tmp_path / "F" / file).shape for file in found.files] == [(16, 5)] * 3 + [(2, 5)]


def test_a_second_call_computes_what_is_missing_alone_and_other_settings_want_another_folder(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", numbers(N, 1, 6, 6))
    table, options = open_table(tmp_path / "X.npy"), {"batch": 8, "threads": 1, "seed": 3}
    found = embed(table, f"{__name__}:net", tmp_path / "F", options, rows=8)
    first, second = (tmp_path / "F" / file for file in found.files[:2])
    bytes_of_second, made = second.read_bytes(), first.stat().st_mtime_ns
    second.unlink()
    (tmp_path / "F/shards.json").unlink()  # as if it had been killed before the end
    embed(table, f"{__name__}:net", tmp_path / "F", options, rows=8)

    assert second.read_bytes() == bytes_of_second
    assert first.stat().st_mtime_ns == made
    with pytest.raises(ConfigError, match="holds shards of other data or settings"):
        embed(table, f"{__name__}:net", tmp_path / "F", {**options, "seed": 4}, rows=8)
    np.save(tmp_path / "X.npy", numbers(N, 1, 6, 6) + 1)
    with pytest.raises(ConfigError, match="holds shards of other data or settings"):
        embed(open_table(tmp_path / "X.npy"), f"{__name__}:net", tmp_path / "F", options, rows=8)


def test_an_encoder_of_a_larger_pool_is_fitted_on_a_part_of_it_by_the_same_rows_whoever_asks(tmp_path: Path) -> None:
    values = numbers(1000, 6)
    values[:, 0] *= np.linspace(1, 9, 1000)
    np.save(tmp_path / "X.npy", values)
    parts = [in_parts_of(tmp_path / "X.npy", tmp_path / f"F{rows}", rows=rows, fit_rows=512) for rows in (5000, 9000)]
    whole = in_parts_of(tmp_path / "X.npy", tmp_path / "F", rows=5000, fit_rows=1000)

    np.testing.assert_array_equal(*parts)
    assert not np.array_equal(parts[0], whole)
    np.testing.assert_allclose(parts[0][:, 0], whole[:, 0], atol=1.5)  # the first direction is plain enough


def in_parts_of(place: Path, out: Path, **how: int) -> np.ndarray:
    embed(open_table(place), "pca", out, PCA, **how)
    return in_parts(out)


def test_features_that_are_nan_and_inputs_that_are_nan_are_refused_with_their_row(tmp_path: Path) -> None:
    values = numbers(N, 6)
    np.save(tmp_path / "X.npy", values)
    with pytest.raises(BadScores, match="gives nan or infinite features; the first is row 0"):
        embed(open_table(tmp_path / "X.npy"), f"{__name__}:broken", tmp_path / "F")
    values[7, 2] = np.nan
    np.save(tmp_path / "X.npy", values)
    with pytest.raises(ConfigError, match="X.npy, rows 0 to 49, hold nan or infinite values; the first is row 7"):
        embed(open_table(tmp_path / "X.npy"), "pca", tmp_path / "G", PCA)
    assert not (tmp_path / "G/shards.json").exists()


def test_a_colour_that_the_fit_did_not_see_is_named(tmp_path: Path) -> None:
    folder_of_images(tmp_path / "images")
    table = open_table(tmp_path / "images")
    Image.new("RGB", (6, 6), "red").save(tmp_path / "images/030.png")

    with pytest.raises(ConfigError, match="030.png is coloured, and the images looked at first are grey"):
        embed(table, "pixels", tmp_path / "F", rows=8, fit_rows=8)
