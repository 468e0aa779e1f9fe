"""Features stand in for the inputs of the pool and, if they are there, of the test set."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from activeloop.data.sources import load
from activeloop.errors import ConfigError

Save = Callable[..., Path]
POOL = {"x_train": np.zeros((10, 4, 4), np.uint8), "y_train": np.arange(10) % 2}
TEST = {"x_test": np.zeros((3, 4, 4), np.uint8), "y_test": np.array([0, 1, 1])}


def features(folder: Path, rows: int) -> Path:
    np.save(folder / "F.npy", np.arange(rows * 2, dtype=np.float32).reshape(rows, 2))
    return folder / "F.npy"


def test_features_are_both_inputs_and_features(archive: Save, tmp_path: Path) -> None:
    loaded = load(str(archive(**POOL)), features=features(tmp_path, 10), learn_on="features", test_fraction=0)

    assert loaded.data.features is loaded.data.inputs
    assert loaded.data.inputs[:, 0].tolist() == list(range(0, 20, 2))
    assert loaded.data.mean.tolist() == [9, 10]


def test_a_held_out_test_set_gets_its_rows_of_the_features(archive: Save, tmp_path: Path) -> None:
    loaded = load(str(archive(**POOL)), features=features(tmp_path, 10), learn_on="features")

    assert loaded.test is not None
    assert loaded.test.data.features is loaded.test.data.inputs
    assert sorted([*loaded.data.inputs[:, 0].tolist(), *loaded.test.data.inputs[:, 0].tolist()]) == list(
        range(0, 20, 2)
    )
    assert (loaded.test.data.inputs[:, 0].numpy() / 2 % 2 == loaded.test.labels).all()


def test_features_of_pool_and_test_set_come_in_this_order(archive: Save, tmp_path: Path) -> None:
    loaded = load(str(archive(**POOL, **TEST)), features=features(tmp_path, 13), learn_on="features")

    assert loaded.test is not None
    assert loaded.data.inputs[:, 0].tolist() == list(range(0, 20, 2))
    assert loaded.test.data.inputs[:, 0].tolist() == [20, 22, 24]
    assert loaded.test.labels.tolist() == [0, 1, 1]


def test_a_test_set_without_features_is_given_up_for_one_from_the_pool(archive: Save, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"a part of the pool is held out instead; to keep it, save 10 \+ 3 = 13 rows"):
        loaded = load(str(archive(**POOL, **TEST)), features=features(tmp_path, 10), learn_on="features")

    assert loaded.test is not None
    assert (len(loaded.data), len(loaded.test.data)) == (8, 2)


def test_a_test_set_without_features_is_refused_where_no_other_can_be_drawn(
    archive: Save, names: Path, tmp_path: Path
) -> None:
    path = archive(x_train=POOL["x_train"], **TEST)

    with pytest.raises(ConfigError, match=r"none of the test set's.*allowed is 10 \+ 3 = 13 rows, the pool first"):
        load(str(path), features=features(tmp_path, 10), learn_on="features", classes=names)


@pytest.mark.parametrize(("rows", "allowed"), [(9, "10"), (12, "10"), (1, "10")])
def test_features_of_another_length_are_refused(rows: int, allowed: str, archive: Save, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"F\.npy holds {rows} rows; allowed is {allowed} rows, in the order"):
        load(str(archive(**POOL)), features=features(tmp_path, rows), learn_on="features")


def test_features_beside_the_inputs_are_what_selectors_see_and_learners_do_not(archive: Save, tmp_path: Path) -> None:
    loaded = load(str(archive(**POOL)), features=features(tmp_path, 10))

    assert loaded.test is not None
    assert loaded.data.inputs.shape[1:] == (1, 4, 4)
    assert loaded.data.features is not None
    assert loaded.data.source_rows is not None
    assert (loaded.data.features[:, 0].numpy() == 2 * loaded.data.source_rows).all()
    assert loaded.data.features_from == "F.npy, 2 dimensions"


@pytest.mark.parametrize("rows", [10, 13])
def test_features_beside_the_inputs_may_be_of_the_pool_alone(rows: int, archive: Save, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load(str(archive(**POOL, **TEST)), features=features(tmp_path, rows))

    assert loaded.test is not None
    assert len(loaded.test.data) == 3
    assert loaded.data.features is not None
    assert loaded.data.features[:, 0].tolist() == list(range(0, 20, 2))


def test_features_beside_the_inputs_must_be_as_many(archive: Save, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds 11 rows; allowed is 10 \+ 3 = 13 rows"):
        load(str(archive(**POOL, **TEST)), features=features(tmp_path, 11))


def test_features_must_be_a_finite_table(archive: Save, tmp_path: Path) -> None:
    path, source = features(tmp_path, 10), str(archive(**POOL))
    np.save(path, np.full((10, 2), np.nan))
    with pytest.raises(ConfigError, match=r"10 of 10 rows of .*F\.npy hold nan"):
        load(source, features=path, learn_on="features")

    np.save(path, np.zeros((10, 2, 2), np.float32))
    with pytest.raises(ConfigError, match=r"have the shape \(10, 2, 2\); they must be \[N, D\]"):
        load(source, features=path, learn_on="features")


def test_an_npy_of_features_is_a_pool_of_features(names: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load(str(features(tmp_path, 10)), classes=names)

    assert loaded.data.inputs.shape == (10, 2)
    assert loaded.data.features is None
