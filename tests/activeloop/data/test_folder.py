"""A team's images, however they are sorted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from activeloop.data.sources import load
from activeloop.errors import ConfigError

Paint = Callable[[Mapping[str, tuple[int, ...] | int]], Path]
RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_a_flat_folder_without_labels_is_a_pool_of_named_rows_in_sorted_order(paint: Paint, names: Path) -> None:
    root = paint({"b.png": BLUE, "a.png": RED, "c.PNG": RED})
    (root / "notes.txt").write_text("no image")
    (root / ".hidden.png").write_bytes(b"")

    loaded = load(str(root), classes=names)

    assert loaded.data.names == ("a.png", "b.png", "c.PNG")
    assert loaded.data.classes == ("cat", "dog")
    assert loaded.truth is loaded.test is loaded.known is None
    assert loaded.data.inputs[:, :, 0, 0].tolist() == [[255, 0, 0], [0, 0, 255], [255, 0, 0]]


def test_labels_that_a_team_has_are_known_and_the_others_open(paint: Paint, names: Path, tmp_path: Path) -> None:
    (tmp_path / "L.csv").write_text("file,label\nb.png,dog\n")

    loaded = load(str(paint({"a.png": RED, "b.png": BLUE})), classes=names, labels=tmp_path / "L.csv")

    assert loaded.known is not None
    assert loaded.known.tolist() == [-1, 1]


def test_a_flat_folder_without_class_names_asks_for_them(paint: Paint) -> None:
    with pytest.raises(ConfigError, match=r"pass --classes names\.txt with one class name a line"):
        load(str(paint({"a.png": RED})))


def test_one_folder_a_class_gives_truth_and_classes_sorted_by_name(paint: Paint) -> None:
    root = paint({"dog/1.png": RED, "cat/2.png": BLUE, "cat/deep/0.png": RED, ".git/x.png": RED, "dog/.x.png": RED})

    loaded = load(str(root), test_fraction=0)

    assert loaded.data.classes == ("cat", "dog")
    assert loaded.truth is not None
    assert loaded.truth.tolist() == [0, 0, 1]
    assert loaded.data.inputs[:, 0, 0, 0].tolist() == [0, 255, 255]  # cat/2, cat/deep/0, dog/1


def test_file_names_that_hold_the_class_are_not_shown_to_learners(paint: Paint) -> None:
    loaded = load(str(paint({"dog/1.png": RED, "cat/2.png": BLUE})), test_fraction=0)

    assert loaded.data.names is None


def test_class_names_of_a_team_set_the_order_and_may_hold_more(paint: Paint, tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_text("dog\nbird\ncat\n")

    loaded = load(str(paint({"dog/1.png": RED, "cat/2.png": BLUE})), classes=tmp_path / "n.txt", test_fraction=0)

    assert loaded.data.classes == ("dog", "bird", "cat")
    assert loaded.truth is not None
    assert loaded.truth.tolist() == [2, 0]


def test_a_folder_that_the_class_names_lack_is_refused(paint: Paint, names: Path) -> None:
    with pytest.raises(ConfigError, match=r"has the class 'cats'.*did you mean 'cat'"):
        load(str(paint({"dog/1.png": RED, "cats/2.png": BLUE})), classes=names)


@pytest.mark.parametrize("test", ["test", "val"])
def test_train_and_test_folders_are_pool_and_test_set(test: str, paint: Paint) -> None:
    root = paint({"train/cat/1.png": RED, "train/dog/2.png": BLUE, f"{test}/dog/1.png": BLUE})

    loaded = load(str(root))

    assert loaded.test is not None
    assert loaded.truth is not None
    assert (loaded.truth.tolist(), loaded.test.labels.tolist()) == ([0, 1], [1])
    assert loaded.test.data.inputs[:, 2, 0, 0].tolist() == [255]


def test_an_unlabelled_pool_may_have_a_labelled_test_set(paint: Paint) -> None:
    root = paint({"train/1.png": RED, "train/2.png": BLUE, "test/cat/1.png": RED, "test/dog/2.png": BLUE})

    loaded = load(str(root))

    assert loaded.truth is None
    assert loaded.data.names == ("train/1.png", "train/2.png")
    assert loaded.test is not None
    assert loaded.test.labels.tolist() == [0, 1]
    assert loaded.test.data.names is None


def test_a_folder_beside_train_and_test_is_reported_as_unused(paint: Paint) -> None:
    root = paint({f"{part}/{name}/1.png": RED for part in ("train", "test", "val") for name in ("cat", "dog")})

    with pytest.warns(UserWarning, match=r"train/ and test/ are used; left unused: val\."):
        load(str(root))


def test_train_may_be_a_class(paint: Paint) -> None:
    assert load(str(paint({"bus/1.png": RED, "train/2.png": RED})), test_fraction=0).data.classes == ("bus", "train")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a.png", "cat/b.png"], r"both loose \(a\.png\) and in folders \(cat/b\.png\)"),
        (["train/cat/a.png", "test/b.png"], r"test has no class folders"),
        (["cat/a.png"], r"a single class, 'cat'; at least 2 are needed\..*--classes"),
    ],
)
def test_folders_that_cannot_be_understood_are_refused(files: list[str], message: str, paint: Paint) -> None:
    with pytest.raises(ConfigError, match=message):
        load(str(paint(dict.fromkeys(files, RED))))


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "readme.md").write_text("")

    with pytest.raises(ConfigError, match=r"holds no images \(\.bmp .*it holds readme\.md\."):
        load(str(tmp_path / "empty"))


def test_what_cannot_be_read_goes_from_the_right_part(paint: Paint) -> None:
    root = paint({f"{part}/{name}/{n}.png": n for part in ("train", "test") for name in ("cat", "dog") for n in (1, 2)})
    (root / "train" / "cat" / "2.png").write_bytes(b"broken")
    (root / "test" / "dog" / "1.png").write_bytes(b"broken")

    with pytest.warns(UserWarning, match=r"2 of 8 images in .* are left out; the first is train/cat/2\.png"):
        loaded = load(str(root), skip_unreadable=True)

    assert loaded.truth is not None
    assert loaded.test is not None
    assert loaded.truth.tolist() == [0, 1, 1]
    assert loaded.data.inputs[:, 0, 0, 0].tolist() == [1, 1, 2]
    assert loaded.test.labels.tolist() == [0, 0, 1]
    assert loaded.test.data.inputs[:, 0, 0, 0].tolist() == [1, 2, 2]


def test_where_a_whole_pool_cannot_be_read_loading_fails(paint: Paint) -> None:
    root = paint({"train/cat/1.png": RED, "test/cat/1.png": RED, "test/dog/1.png": RED})
    (root / "train" / "cat" / "1.png").write_bytes(b"broken")

    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(ConfigError, match="none of the 1 images of the pool"),
    ):
        load(str(root), skip_unreadable=True)


def test_with_features_images_are_not_decoded(paint: Paint, names: Path, tmp_path: Path, cache: Path) -> None:
    root = paint({"a.png": RED})
    Image.new("RGB", (9, 9)).save(root / "b.png")  # another size, which decoding would refuse
    np.save(tmp_path / "F.npy", np.ones((2, 5), np.float32))

    loaded = load(str(root), classes=names, features=tmp_path / "F.npy", learn_on="features")

    assert loaded.data.names == ("a.png", "b.png")
    assert loaded.data.inputs is loaded.data.features
    assert not cache.exists()
