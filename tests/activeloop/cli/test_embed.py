"""activeloop embed writes what --features takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from .conftest import Cli


@pytest.fixture(autouse=True)
def _toy(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    arrays = {
        f"x_{part}": chance.integers(0, 256, (n, 6, 6), dtype=np.uint8) for part, n in (("train", 20), ("test", 8))
    }
    labels = {f"y_{part}": np.arange(n) % 2 for part, n in (("train", 20), ("test", 8))}
    np.savez(tmp_path / "toy.npz", **arrays, **labels)


def test_rows_of_the_pool_come_first_and_a_second_call_computes_nothing(cli: Cli, tmp_path: Path) -> None:
    words = ("embed", "--data", "toy.npz", "--features", "pca", "--set", "dimensions=4", "--out", "deep/F.npy")
    said = cli(*words)
    features = np.load(tmp_path / "deep/F.npy")
    again = cli(*words)

    assert said.code == again.code == 0
    assert "wrote deep/F.npy: [28, 4] float32: 20 of the pool, then 8 of the test set" in said.out
    assert "pca, 4 dimensions" in said.out
    assert "computed, and kept as" in said.out
    assert "from the cache, " in again.out
    assert features.dtype == np.float32
    np.testing.assert_allclose(features[:20].mean(axis=0), 0, atol=1e-3)
    assert np.array_equal(np.load(tmp_path / "deep/F.npy"), features)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["F.npy"]


def test_what_it_writes_is_what_a_run_takes(cli: Cli, tmp_path: Path) -> None:
    cli("embed", "--data", "toy.npz", "--features", "pixels", "--out", "F.npy")
    images = np.load(tmp_path / "toy.npz")

    expected = np.concatenate([images["x_train"], images["x_test"]]).reshape(28, 36)
    np.testing.assert_array_equal(np.load(tmp_path / "F.npy"), expected)
    said = cli("select", "k-center", "--features", "F.npy", "-n", 3, "--out", "rows.csv")
    assert said.code == 0


def test_every_row_is_there_where_the_source_has_no_test_set(cli: Cli, tmp_path: Path) -> None:
    said = cli("embed", "--features", "pca", "--set", "dimensions=2", "--out", "F.npy")

    assert np.load(tmp_path / "F.npy").shape == (1797, 2)
    assert "test set" not in said.out


def test_options_may_be_text(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from torch import nn\ndef flat(shape):\n    return nn.Flatten()\n")
    assert (
        cli("embed", "--data", "toy.npz", "--features", "mine:flat", "--set", "device=cpu", "--out", "F.npy").code == 0
    )
    assert np.load(tmp_path / "F.npy").shape == (28, 36)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--features", "pac"), "did you mean 'pca'"),
        ((), "--features is missing"),
        (("--features", "F.npy"), "is a file of features already"),
        (("--features", "embeddings"), "bind"),
        (("--features", "pca", "--set", "dimension=3"), "did you mean 'dimensions'"),
        (("--features", "pca", "--test-fraction", "0.5"), "--test-fraction is of no use to embed"),
        (("--features", "pca", "--imbalance"), "--imbalance is of no use"),
        (("--features", "pca", "--learn-on", "features"), "--learn-on is of no use"),
        (("--features", "pca", "--out", "F.txt"), "name it so"),
        (("--features", "torchvision:resnet18", "--set", "weights_path=no.pth"), "there is no such file"),
        (("--features", "pca", "--set", "dimensions=2", "--out", "toy.npz/F.npy"), "cannot be written"),
    ],
)
def test_what_cannot_be_embedded_is_refused_and_nothing_is_written(
    cli: Cli, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    said = cli("embed", "--data", "toy.npz", "--out", "F.npy", *words)

    assert said.code == 2
    assert message in said.err
    assert not list(tmp_path.glob("*F.*"))


def test_threads_stay_as_they_were(cli: Cli) -> None:
    cli("embed", "--data", "toy.npz", "--features", "pca", "--set", "dimensions=2", "--out", "F.npy")

    assert torch.get_num_threads() == 1


def test_a_folder_gets_shards_with_the_bytes_of_the_one_file(cli: Cli, tmp_path: Path) -> None:
    images = np.load(tmp_path / "toy.npz")["x_train"]
    np.save(tmp_path / "X.npy", images)
    (tmp_path / "names.txt").write_text("a\nb\n")
    (tmp_path / "mine.py").write_text("from torch import nn\ndef flat(shape):\n    return nn.Flatten()\n")
    words = ("embed", "--data", "X.npy", "--features", "mine:flat", "--set", "batch=8")
    one = cli(*words, "--classes", "names.txt", "--out", "F.npy")
    said = cli(*words, "--out", "F", "--shard-rows", 8)

    assert (one.code, said.code) == (0, 0)
    assert "wrote F: 20 rows in 3 shards" in said.out
    found = [np.load(file) for file in sorted((tmp_path / "F").glob("*.npy"))]
    assert [len(part) for part in found] == [8, 8, 4]
    np.testing.assert_array_equal(np.concatenate(found), np.load(tmp_path / "F.npy"))
    said = cli(
        "pick", "k-center-sharded", "--evidence", "features=F", "-n", 3, "--set", "shards=2", "--out", "rows.csv"
    )
    assert said.code == 0
    assert "3 of 20 rows picked" in said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "F.npy", "--engine", "ray"), "--engine is of shards, and --out F.npy is one file"),
        (("--out", "F.npy", "--shard-rows", 8), "--shard-rows is of shards"),
        (("--out", "F", "--address", "auto"), "--address auto is of a Ray cluster: add --engine ray"),
        (("--out", "F"), "toy.npz is no place for a pool in parts"),
        (("--out", "F", "--skip-unreadable"), "--skip-unreadable is of no use with shards"),
    ],
)
def test_options_of_shards_and_of_one_file_do_not_mix(cli: Cli, words: tuple[object, ...], message: str) -> None:
    said = cli("embed", "--data", "toy.npz", "--features", "pixels", *words)

    assert said.code == 2
    assert message in said.err
