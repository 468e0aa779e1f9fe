from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from oracles import Recorded, recorded

ANSWERS = np.array([[0, 1, 2], [1, -1, 1], [-1, -1, -1], [-2, 0, -1]])
NAMES = ("ant", "bee", "cat")


def test_a_row_asked_again_gets_the_next_answer_that_it_has_with_the_name_of_who_gave_it() -> None:
    oracle = Recorded(ANSWERS, ("x", "y", "z"))
    for ticket in ("q0", "q1", "q1", "q2"):
        oracle.post(ticket, [1, 0])

    assert [oracle.collect(f"q{at}") for at in range(3)] == [{1: 1, 0: 0}, {1: 1, 0: 1}, {1: -2, 0: 2}]
    assert [oracle.notes(f"q{at}")[0] for at in range(3)] == [{"annotator": name} for name in "xyz"]
    assert oracle.notes("q1")[1] == {"annotator": "z"}
    assert 1 not in oracle.notes("q2")


def test_posting_the_past_again_in_order_gives_every_ticket_what_it_had() -> None:
    first, again = Recorded(ANSWERS), Recorded(ANSWERS)
    first.post("q0", [0])
    before = first.collect("q0")
    first.post("q1", [0])
    for ticket in ("q0", "q1"):
        again.post(ticket, [0])

    assert again.collect("q1") == first.collect("q1") == {0: 1}
    assert again.collect("q0") == before


def test_where_none_is_left_it_skips_or_raises() -> None:
    skipping, raising = Recorded(ANSWERS), Recorded(ANSWERS, when_none="raise")
    for oracle in (skipping, raising):
        oracle.post("q0", [0, 3])
        assert oracle.collect("q0") == {0: 0, 3: -2}  # a skip that was recorded
    skipping.post("q1", [2])
    assert skipping.collect("q1") == {2: -2}
    with pytest.raises(ValueError, match="row 2 was asked 1 times, and has 0 recorded answers: when_none='skip'"):
        raising.post("q1", [2])


def test_a_pool_that_is_part_of_the_record_reads_its_own_lines() -> None:
    oracle = Recorded(ANSWERS, rows=np.array([1, 3]))
    oracle.post("q0", [0, 1])

    assert oracle.collect("q0") == {0: 1, 1: -2}
    with pytest.raises(ValueError, match="row 2 was asked, and there are recorded answers for the rows 0…1"):
        oracle.post("q1", [2])


def test_files_are_read_as_cifar10n_has_them_and_as_tables(tmp_path: Path) -> None:
    np.savez(tmp_path / "n.npz", clean_label=np.array([0, 1, 2]), random_label1=np.array([0, 2, 2]),
             random_label2=np.array([1, 1, -1]))  # fmt: skip
    np.savez(tmp_path / "table.npz", answers=np.array([[0, 1], [2, 1], [2, -1]]))
    (tmp_path / "t.csv").write_text("row,anna,ben\n0,ant,1\n2,cat,\n1,2,bee\n")

    for path, columns, names in (
        ("n.npz", ["random_label1", "random_label2"], ("random_label1", "random_label2")),
        ("table.npz", None, ("annotator 0", "annotator 1")),
        ("t.csv", None, ("anna", "ben")),
    ):
        oracle = recorded(str(tmp_path / path), NAMES, columns=columns)
        oracle.post("q0", [0, 1, 2])
        oracle.post("q1", [0, 1, 2])
        assert oracle.collect("q0") == {0: 0, 1: 2, 2: 2}
        assert oracle.collect("q1") == {0: 1, 1: 1, 2: -2}
        assert [oracle.notes(ticket)[0]["annotator"] for ticket in ("q0", "q1")] == list(names)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Recorded(np.zeros((2, 2))), r"recorded answers are float64 \(2, 2\); they are whole numbers"),
        (lambda: Recorded(ANSWERS, ("x",)), "1 annotators are named, and the answers have 3 columns"),
        (
            lambda: Recorded(ANSWERS, classes=2),
            "1 recorded answers are no class; the first is 2 of annotator 2 for row 0",
        ),
        (lambda: Recorded(ANSWERS - 2), "the first is -3 .* Allowed are 0 or more, -2 for a skip"),
        (lambda: Recorded(ANSWERS, when_none="stop"), "when_none is 'stop'; allowed are 'skip' and 'raise'"),
        (
            lambda: Recorded(ANSWERS, rows=np.array([4])),
            "the pool has a row numbered 4, and 4 rows have recorded answers",
        ),
        (lambda: Recorded(ANSWERS).collect("q9"), "ticket 'q9' was never posted"),
    ],
)
def test_what_is_no_record_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.npz", None, "none.npz cannot be read: .*No such file"),
        ("t.csv", "row,anna\n0,dog\n", "row 0 has the answer 'dog'; classes are ant, bee, cat, or 0…2"),
        ("t.csv", "row,anna\nfirst,ant\n", "line 2: the row is 'first'; it is a number"),
        ("t.csv", "row\n0\n", "holds no answers"),
        ("t.csv", "", "holds no answers"),
        ("t.npz", {"a": np.array([0]), "b": np.array([0, 1])}, "have .1, 2. rows; all need equally many"),
        ("t.npz", {"a": np.array([{}], dtype=object)}, "must be an .npz of whole numbers; of a pickled dictionary"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_it_should_be(
    tmp_path: Path, name: str, content: object, message: str
) -> None:
    if isinstance(content, str):
        (tmp_path / name).write_text(content)
    elif isinstance(content, dict):
        np.savez(tmp_path / name, **content)

    with pytest.raises(ValueError, match=message):
        recorded(str(tmp_path / name), NAMES)


def test_columns_that_are_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("anna\nant\n")

    with pytest.raises(ValueError, match="has no annotator 'ben'; it has anna"):
        recorded(str(tmp_path / "t.csv"), NAMES, columns=["ben"])
