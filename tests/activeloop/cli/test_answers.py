from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from activeloop.cli.answers import read_answers
from activeloop.cli.folder import Items
from activeloop.errors import BadAnswer, ConfigError
from activeloop.types import SKIP

CLASSES = ("cat", "dog", "café")
FILES = ("a.jpg", "b, c.jpg", "d.jpg")


def read(tmp_path: Path, content: str | bytes) -> dict[int, int]:
    path = tmp_path / "answers.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_answers(path, CLASSES, Items(range(3), FILES))


@pytest.mark.parametrize(
    "content",
    [
        "row,label\n0,dog\n2,skip\n",
        "row,label\r\n0,1\r\n2,-2\r\n",
        "label,row\ndog,0\nSkip,2",
        "file,label\na.jpg,dog\nd.jpg,SKIP\n",
        "row;file;label\r\n0;a.jpg;dog\r\n2;d.jpg;skip\r\n",
        "row\tlabel\n0\tdog\n2\tskip\n",
        " Row , Label ,remark\n0, dog ,\n2,skip,too dark\n",
        "row,label\n0,dog\n\n1,\n2,skip\n,\n",
        codecs.BOM_UTF8 + b"row,label\r\n0,dog\r\n2,skip\r\n",
    ],
    ids=[
        "commas",
        "numbers and CRLF",
        "other order",
        "files",
        "semicolons",
        "tabs",
        "spaces",
        "gaps",
        "byte order mark",
    ],
)
def test_answers_are_read_as_people_and_spreadsheets_write_them(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path, content) == {0: 1, 2: SKIP}


def test_a_file_name_may_hold_a_comma_and_a_class_any_letter(tmp_path: Path) -> None:
    assert read(tmp_path, 'file,label\n"b, c.jpg",café\n') == {1: 2}


def test_a_class_that_is_called_like_a_number_or_skip_is_a_name_first(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("row,label\n0,1\n1,skip\n")

    assert read_answers(path, ("1", "0", "skip"), Items(range(3))) == {0: 0, 1: 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "row,label\n0,kat\n",
            r"line 2: label 'kat' is no class; did you mean 'cat'\? Allowed are cat, dog, café, 0…2",
        ),
        ("row,label\n0,3\n", "label '3' is no class. Allowed are .*, 0…2, or skip"),
        ("row,label\n0,-1\n", "label '-1' is no class"),
        ("row,label\n0,²\n", "label '²' is no class"),
        ("row,label\n²,cat\n", "row is '²'; it is a whole number"),
        ("row,label\n1.0,cat\n", "row is '1.0'; it is a whole number"),
        ("row,file,label\n,,cat\n", "line 2: neither row nor file is filled in"),
        ("file,label\ne.jpg,cat\n", "no row has the file 'e.jpg'; did you mean"),
        ("row,label\n1,cat\n0,dog\n1,dog\n", "line 4: row 1 is answered twice, as cat and as dog"),
        ("row,label\n1,\n2,\n", "holds no answer: 2 lines, none with a label. Fill in"),
    ],
)
def test_an_answer_that_cannot_be_is_refused_by_its_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(BadAnswer, match=message):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"has the columns \(none\); it needs label, and row or file"),
        ("id,class\n1,cat\n", "has the columns id, class; it needs"),
        ("row,label\n0,cat,dog\n", "line 2 has 3 cells, the first line 2"),
        ("row,label\n0,café\n".encode("latin-1"), "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_table_of_answers_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.csv cannot be read: No such file"):
        read_answers(tmp_path / "none.csv", CLASSES, Items(range(3)))
