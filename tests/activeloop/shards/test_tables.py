from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from activeloop.data.sources import load
from activeloop.errors import ConfigError
from activeloop.shards.tables import open_table

N = 50
RANGES = [slice(0, 50), slice(0, 1), slice(7, 23), slice(19, 20), slice(20, 50), slice(49, 50)]


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def parquet(path: Path, columns: dict[str, object], group: int = 6) -> None:
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow: pip install 'activeloop[ray]'")
    import pyarrow.parquet as writer

    path.parent.mkdir(parents=True, exist_ok=True)
    writer.write_table(pa.table(columns), path, row_group_size=group)


def folder_of_images(folder: Path, colours: int = 0) -> None:
    """Grey images 6 x 6, of which the last `colours` are coloured."""
    folder.mkdir()
    for at in range(N):
        pixels = np.random.default_rng(at).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        image = Image.fromarray(pixels if at >= N - colours else pixels[:, :, 0])
        image.save(folder / f"{at:03d}.png")


@pytest.mark.parametrize("shape", [(N,), (N, 4), (N, 3, 4)])
def test_columns_are_read_a_range_at_a_time_across_files_and_groups_of_rows(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    values = numbers(*shape)
    for part, rows in enumerate((slice(0, 20), slice(20, 20), slice(20, 50))):
        parquet(tmp_path / f"pool/{part}.parquet", {"probs": values[rows].tolist(), "row": list(range(N))[rows]})
    table = open_table(tmp_path / "pool", "probs")

    assert len(table) == N
    for at in RANGES:
        np.testing.assert_array_equal(table.read(at).astype(np.float32), values[at])


def test_fixed_size_lists_and_tensors_are_read_too_and_the_only_column_of_arrays_needs_no_name(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow: pip install 'activeloop[ray]'")
    values = numbers(N, 4)
    fixed = pa.FixedSizeListArray.from_arrays(values.ravel(), 4)
    parquet(tmp_path / "fixed.parquet", {"anything": fixed, "name": ["x"] * N})
    parquet(tmp_path / "tensor.parquet", {"t": pa.FixedShapeTensorArray.from_numpy_ndarray(values.reshape(N, 2, 2))})

    np.testing.assert_array_equal(open_table(tmp_path / "fixed.parquet", "features").read(slice(3, 17)), values[3:17])
    np.testing.assert_array_equal(
        open_table(tmp_path / "tensor.parquet").read(slice(3, 17)), values.reshape(N, 2, 2)[3:17]
    )


def test_images_of_a_folder_and_of_parquet_are_those_that_load_decodes(tmp_path: Path) -> None:
    folder_of_images(tmp_path / "images")
    encoded = [(tmp_path / f"images/{at:03d}.png").read_bytes() for at in range(N)]
    (tmp_path / "names.txt").write_text("a\nb\n")
    expected = load(str(tmp_path / "images"), classes=tmp_path / "names.txt").data.inputs.numpy()
    parquet(tmp_path / "bytes.parquet", {"image": encoded})
    parquet(tmp_path / "struct.parquet", {"image": [{"bytes": image, "path": None} for image in encoded]})

    for place in ("images", "bytes.parquet", "struct.parquet"):
        table = open_table(tmp_path / place)
        assert len(table) == N
        for at in RANGES:
            np.testing.assert_array_equal(table.read(at), expected[at])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"a": [[1.0]] * 3, "b": [[1.0]] * 3},
            "has no column 'probs', and 2 columns of arrays or images; its columns are a",
        ),
        ({"name": ["x"] * 3}, "has no column 'probs', and 0 columns"),
        ({"probs": [[1.0, 2.0], [1.0], [1.0, 2.0]]}, "different lengths"),
        ({"probs": [[1.0, 2.0], [1.0], [1.0, 2.0, 3.0]]}, "different lengths"),
        ({"probs": [[1.0], None, [1.0]]}, "1 of 3 values of 'probs' in .* are missing"),
        ({"probs": [[1.0, None], [1.0, 2.0], [1.0, 2.0]]}, "values are missing in them"),
        ({"probs": [b"no image"] * 3}, "row 0 cannot be read"),
        ({"probs": []}, "has no column"),
    ],
)
def test_columns_that_hold_no_arrays_are_refused(tmp_path: Path, columns: dict[str, object], message: str) -> None:
    parquet(tmp_path / "pool.parquet", columns)

    with pytest.raises(ConfigError, match=message):
        open_table(tmp_path / "pool.parquet", "probs").read(slice(0, 3))


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(ConfigError, match="is no place for a pool in parts, or is not there"):
        open_table(tmp_path / "nothing")
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow: pip install 'activeloop[ray]'")
    with pytest.raises(ConfigError, match="cannot be read as Parquet"):
        open_table(tmp_path / "torn.parquet")


def test_images_of_another_size_are_refused_by_name(tmp_path: Path) -> None:
    folder_of_images(tmp_path / "images")
    Image.new("L", (9, 7)).save(tmp_path / "images/010.png")
    table = open_table(tmp_path / "images")

    table.read(slice(0, 10))
    with pytest.raises(ConfigError, match=r"010.png is 7 x 9 \(height x width\); pass --image-size"):
        table.read(slice(8, 12))
    bytes_of = BytesIO((tmp_path / "images/010.png").read_bytes())
    assert np.asarray(Image.open(bytes_of)).shape == (7, 9)
    assert open_table(tmp_path / "images", image_size=4).read(slice(8, 12)).shape == (4, 1, 4, 4)
