"""Hand-written files are read as meant, and refused by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from activeloop.data.tables import class_names, known_labels
from activeloop.errors import ConfigError

CLASSES, FILES = ("cat", "dog", "9"), ("a.png", "b/c.png", "d.png")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_class_names_are_lines(tmp_path: Path) -> None:
    assert class_names(write(tmp_path / "n.txt", "\ufeffcat\r\n sea lion \n\n")) == ("cat", "sea lion")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cat\n\ndog\n", r"line 2 is empty"),
        ("cat\ndog\ncat\n", r"line 3: the class 'cat' is there twice"),
        ("cat\n", r"names 1 classes; at least 2"),
        ("", r"names 0 classes"),
    ],
)
def test_class_names_that_are_empty_or_twice_there_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        class_names(write(tmp_path / "n.txt", text))


@pytest.mark.parametrize(
    "text",
    [
        "row,label\n2,dog\n0,cat\n",
        "row,label\n2,1\n0,0\n",
        "\ufefffile, label\nd.png, dog\n./a.png,cat\n",
        "row,file,label,who\n2,d.png,dog,ann\n0,a.png,cat,bob\n",
        "Label;Row\r\ndog;2\r\ncat;0\r\n",
    ],
)
def test_labels_are_found_by_row_or_file_and_given_by_name_or_number(text: str, tmp_path: Path) -> None:
    known = known_labels(write(tmp_path / "L.csv", text), CLASSES, 3, FILES)

    assert known.tolist() == [0, -1, 1]


def test_a_label_that_is_a_name_is_taken_by_name_though_it_looks_like_a_number(tmp_path: Path) -> None:
    assert known_labels(write(tmp_path / "L.csv", "row,label\n0,9\n"), CLASSES, 1, None).tolist() == [2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row,label\n1,cat\n1,cat\n", r"L\.csv, line 3: row 1 is there twice"),
        ("row,label\n3,cat\n", r"line 2: row '3' is not in the pool; allowed are 0 to 2\."),
        ("row,label\n-1,cat\n", r"row '-1' is not in the pool"),
        ("row,label\n1_0,cat\n", r"row '1_0'"),
        ("row,label\n0,cta\n", r"line 2: no class is called 'cta'; did you mean 'cat'\? Allowed are cat, dog, 9, or a"),
        ("row,label\n0,3\n", r"no class is called '3'.*a number from 0 to 2"),
        ("row,label\n0,-1\n", r"no class is called '-1'"),
        ("row,label\n0,\n", r"no class is called ''"),
        ("row,label\n0\n", r"no class is called ''"),
        ("row,label\n0,cat,1\n", r"line 2 has 3 cells, the first line 2"),
        ("file,label\nx.png,cat\n", r"line 2: no image of the pool is called 'x\.png'.*3 paths"),
        ("row,file,label\n1,a.png,cat\n", r"'a\.png' is row 0, not '1'"),
        ("", r"has the columns \(none\)"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused_by_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        known_labels(write(tmp_path / "L.csv", text), CLASSES, 3, FILES)


def test_files_cannot_be_named_where_rows_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"use the column `row`"):
        known_labels(write(tmp_path / "L.csv", "file,label\na.png,cat\n"), CLASSES, 3, None)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_bytes(b"\xff\xfe\x00cat")

    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        class_names(tmp_path / "n.txt")
