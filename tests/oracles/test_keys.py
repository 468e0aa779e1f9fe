from __future__ import annotations

from oracles.keys import keys_for, matches


def test_classes_of_one_sign_keep_it_and_others_are_counted() -> None:
    assert keys_for("0123456789") == tuple("0123456789")
    assert keys_for(["A", "b"]) == ("a", "b")
    assert keys_for(["A", "a"]) == ("1", "2")  # one key cannot mean two
    assert keys_for(["cat", "dog"]) == ("1", "2")
    assert keys_for(["?", "/"]) == ("1", "2")  # these keys mean something else


def test_beyond_36_classes_are_searched() -> None:
    keys = keys_for([f"class {number}" for number in range(40)])

    assert keys[9:11] == ("0", "a")
    assert keys[35:] == ("z", "", "", "", "")
    assert len(set(keys[:36])) == 36


def test_a_search_puts_the_very_name_first_then_what_begins_so() -> None:
    names = ["wild cat", "Catfish", "cat", "dog"]

    assert matches(names, "CAT ") == [2, 1, 0]
    assert matches(names, "zebra") == []
    assert matches(names, "  ") == []
