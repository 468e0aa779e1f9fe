"""Names of classes are hostile, and every answer still finds its class."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.items import Image, Table, Text
from oracles.label_studio.annotations import NoClass, answer
from oracles.label_studio.labelling import choices, configuration, kind_of, result, shown

HOSTILE = (
    '"/><Choice value="x', "<img src=x onerror=alert(1)>", "a & b", "$image", "cost $name", "", " ", "two\nlines", "a\x00b",
    "a\ufffdb", "\ud800", "x" * 300, "x" * 301, "class 5",
)  # fmt: skip


@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=12))
def test_every_class_has_a_name_of_its_own_that_xml_keeps(names: list[str]) -> None:
    found = choices(names)
    read = [each.get("value") for each in ElementTree.fromstring(configuration(names, "image")).iter("Choice")]

    assert len(set(found)) == len(names)
    assert read == list(found)
    assert all(name and name == name.strip() and not re.search(r"\$\S", name) for name in found)


def test_hostile_names_stay_names() -> None:
    config = ElementTree.fromstring(configuration(HOSTILE, "text"))

    assert len(list(config.iter("Choice"))) == len(HOSTILE)
    assert [each.tag for each in config.iter() if each.tag not in ("View", "Choice")] == [
        "Header",
        "Text",
        "Filter",
        "Choices",
    ]
    assert choices(HOSTILE)[3:7] == ("＄image", "cost ＄name", "class 5", "class 6")
    assert choices(HOSTILE)[-1] == "class 5 (13)"


def test_ordinary_names_stay_as_they_are() -> None:
    names = ("cat", "Großkatze", "猫 🐈", "5 $ or $")

    assert choices(names) == names


def test_classes_have_the_keys_of_the_page_and_many_are_searched() -> None:
    digits = ElementTree.fromstring(configuration(tuple("0123456789"), "image"))
    many = ElementTree.fromstring(configuration([f"class {at}" for at in range(40)], "image"))

    assert [each.get("hotkey") for each in digits.iter("Choice")] == list("0123456789")
    assert [digits.find(".//Filter"), many.find(".//Filter") is None] == [None, False]
    assert [each.get("hotkey") for each in many.iter("Choice")][8:12] == ["9", "0", "a", "b"]
    assert [each.get("hotkey") for each in many.iter("Choice")][36:] == [None] * 4


def test_items_go_into_the_field_of_their_kind() -> None:
    assert kind_of(Image(np.zeros((1, 1, 1), np.uint8))) == "image"
    assert (kind_of(Text("a")), shown(Text("a\ud800"))) == ("text", "a?")
    assert (kind_of(Table(())), shown(Table((("age", "7"),)))) == ("table", {"age": "7"})


def note(**more: object) -> dict[str, object]:
    moment = "2027-01-15T08:00:00.500000Z"
    return {"result": result("b"), "was_cancelled": False, "created_at": moment, "updated_at": moment, "lead_time": 2.5,
            "completed_by": 3, "created_username": "Ada L ada@example.com, 3", **more}  # fmt: skip


def test_an_annotation_is_an_answer_with_who_and_when_and_how_long() -> None:
    found = answer(note(), 7, ("a", "b"), guess=0)

    assert (found.row, found.label, found.annotator, found.shown) == (7, 1, "ada@example.com", 0)
    assert (found.began, found.time, found.seconds) == (1_800_000_000.5, 1_800_000_000.5, 2.5)


def test_an_annotation_that_was_never_changed_was_made_when_it_was_begun() -> None:
    assert answer(note(updated_at=None), 7, ("a", "b"), None).time == 1_800_000_000.5


def test_a_skip_is_one_whatever_was_chosen_before() -> None:
    assert answer(note(was_cancelled=True, result=result("b")), 7, ("a", "b"), None).label == -2


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (result("c"), "says 'c'"),
        (result("a") + result("b"), "says 'a, b'"),
        ([], "names no class"),
        (None, "names no class"),
        ([{"from_name": "other", "value": {"choices": ["a"]}}], "names no class"),
    ],
)
def test_what_names_no_class_or_several_is_no_answer(said: object, message: str) -> None:
    with pytest.raises(NoClass, match=message):
        answer(note(result=said), 7, ("a", "b"), None)


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"created_username": "", "completed_by": 3}, "user 3"),
        ({"created_username": "", "completed_by": {"id": 3, "email": "x@y.example"}}, "x@y.example"),
        ({"created_username": None, "completed_by": None}, "user None"),
        ({"created_username": f" {'x' * 99}@example.com, 3"}, "x" * 63 + "…"),
    ],
)
def test_annotators_have_a_name_that_the_log_takes(more: dict[str, object], name: str) -> None:
    assert answer(note(**more), 7, ("a", "b"), None).annotator == name


@pytest.mark.parametrize("spent", [None, -1.0, float("nan"), float("inf"), True, "2"])
def test_seconds_that_cannot_be_are_left_out(spent: object) -> None:
    assert answer(note(lead_time=spent), 7, ("a", "b"), None).seconds is None
