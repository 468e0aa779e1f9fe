"""Queries become tasks once, annotations become answers, and a crash anywhere changes nothing of that."""

from __future__ import annotations

import base64
import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from activeloop.testing.oracle_contract import CHECKS, Maker
from oracles import Inbox
from oracles.items import Image, Table, Text, png
from oracles.label_studio import LabelStudio, StudioError, Unreachable

from ..inbox.conftest import Clock
from .conftest import CLASSES, Make, Open, show
from .fake import Fake

ROWS = (7, 3, 28, 12)


def test_a_query_becomes_tasks_in_its_order_that_say_what_they_are(make: Make, fake: Fake) -> None:
    oracle = make()
    oracle.post("q0", ROWS)

    assert fake.rows() == list(ROWS)
    data = next(iter(fake.tasks.values()))["data"]
    assert (data["ticket"], data["row"], data["name"]) == ("q0", 7, "7")
    image = show(7)
    assert isinstance(image, Image)
    assert base64.b64decode(data["image"].partition(",")[2]) == png(image.pixels)


def test_annotations_and_skips_are_collected_with_notes(make: Make, fake: Fake) -> None:
    oracle = make()
    oracle.post("q0", ROWS)
    fake.annotate(7, "5")
    fake.annotate(28, None, by="bob@example.com")

    assert oracle.collect("q0") == {7: 5, 28: -2}
    assert oracle.notes("q0")[7] == {
        "annotator": "ada@example.com", "date": "2027-01-15T08:00:01+00:00", "label": 5, "seconds": 2.5, "cost": 1.0,
    }  # fmt: skip
    assert oracle.notes("q0")[28]["annotator"] == "bob@example.com"


def test_only_what_changed_is_asked_for_again(make: Make, fake: Fake) -> None:
    oracle = make()
    oracle.post("q0", ROWS)
    fake.now += 100
    oracle.collect("q0")
    fake.now += 100
    oracle.collect("q0")
    fake.annotate(12, "9")
    listed: list[int] = []
    real = fake._listed
    fake._listed = lambda *given: listed.append(len(found := real(*given)["tasks"])) or {"tasks": found}  # type: ignore[method-assign, func-returns-value]

    assert oracle.collect("q0") == {12: 9}
    assert listed == [1]


def test_an_annotation_that_was_changed_or_deleted_counts_as_it_stands_until_it_is_collected(
    make: Make, fake: Fake
) -> None:
    oracle = make()
    oracle.post("q0", ROWS)
    said = fake.annotate(7, "5")
    oracle.fetch("q0")
    said["result"][0]["value"]["choices"] = ["6"]
    fake.touch(next(iter(fake.tasks.values())))
    assert oracle.fetch("q0") == 2
    assert oracle.collect("q0") == {7: 6}

    gone = fake.annotate(3, "1")
    oracle.fetch("q0")
    task = next(task for task in fake.tasks.values() if task["data"]["row"] == 3)
    task["annotations"].remove(gone)
    fake.touch(task)
    said["result"][0]["value"]["choices"] = ["9"]

    assert oracle.collect("q0") == {7: 6}


def test_a_panel_decides_by_majority_of_those_who_came_first(make: Make, fake: Fake) -> None:
    oracle = make(panel=3)
    oracle.post("q0", ROWS[:2])
    fake.annotate(7, "1", "ada@example.com")
    fake.annotate(7, "2", "bob@example.com")
    fake.annotate(3, None, "ada@example.com")
    assert oracle.collect("q0") == {}

    for name, choice in (("cid@example.com", "2"), ("dan@example.com", "1")):
        fake.annotate(7, choice, name)
    fake.annotate(3, None, "bob@example.com")
    fake.annotate(3, "4", "cid@example.com")

    assert oracle.collect("q0") == {7: 2, 3: 4}
    assert [each["annotator"] for each in oracle.notes("q0")[7]["answers"]] == [  # type: ignore[index, union-attr]
        "ada@example.com", "bob@example.com", "cid@example.com",
    ]  # fmt: skip


def test_guesses_are_predictions_and_notes_say_that_they_were_seen(make: Make, fake: Fake) -> None:
    oracle = make(guesses=True)
    oracle.post("q0", ROWS, {7: 4})
    tasks = list(fake.tasks.values())
    fake.annotate(7, "4")
    fake.annotate(3, "4")
    oracle.collect("q0")

    assert tasks[0]["predictions"][0]["result"][0]["value"] == {"choices": ["4"]}
    assert tasks[1]["predictions"] == []
    assert [oracle.notes("q0")[row].get("shown") for row in (7, 3)] == [4, None]


def test_guesses_that_the_project_does_not_show_were_not_seen(make: Make, fake: Fake) -> None:
    make(guesses=True).post("q0", ROWS, {7: 4})
    oracle = make(guesses=False)
    fake.annotate(7, "4")
    oracle.collect("q0")

    assert "shown" not in oracle.notes("q0")[7]


def test_an_annotation_that_is_no_answer_is_complained_of_once_and_asked_on(make: Make, fake: Fake) -> None:
    said: list[str] = []
    oracle = make(warn=said.append)
    oracle.post("q0", ROWS)
    fake.annotate(7, "seven")
    for _ in range(2):
        assert oracle.collect("q0") == {}

    [warning] = said
    assert "(7): the annotation of ada@example.com says 'seven', and does not count. Correct it at http://" in warning


@pytest.mark.parametrize("fault", ["before", "after", 503])
def test_killed_at_any_request_it_ends_with_one_task_a_row(
    open_project: Open, fake: Fake, tmp_path: Path, fault: str | int
) -> None:
    rows = range(250)  # three requests to import
    for number in itertools.count():
        folder = tmp_path / str(number)
        folder.mkdir()
        project = open_project("new", folder=folder)
        with Inbox(folder / "inbox.sqlite", 10, Clock()) as inbox:
            fake.tasks.clear()
            fake.faults = {len(fake.requests) + number: fault}
            try:
                LabelStudio(inbox, project, CLASSES, show).post("q0", rows)
            except Unreachable:
                LabelStudio(inbox, open_project(folder=folder), CLASSES, show).post("q0", rows)
            else:
                break
            assert Counter(fake.rows()) == Counter(rows)
    assert number >= 4


def test_an_import_that_goes_on_after_its_sender_was_killed_leaves_no_surplus(make: Make, fake: Fake) -> None:
    make().post("q0", ROWS)
    copies = {task["id"] + 100: {**task, "id": task["id"] + 100, "annotations": []} for task in fake.tasks.values()}
    fake.tasks |= copies
    late = fake.tasks[max(fake.tasks)]  # somebody answered the copy of the last row meanwhile
    late["annotations"] = [fake.annotate(12, "3")]
    fake.tasks[late["id"] - 100]["annotations"] = []

    oracle = make()
    oracle.post("q0", ROWS)

    assert Counter(fake.rows()) == Counter(ROWS)
    assert oracle.collect("q0") == {12: 3}


def test_two_tasks_of_a_row_that_both_have_annotations_are_read_together(make: Make, fake: Fake) -> None:
    oracle = make(panel=2)
    oracle.post("q0", [7])
    first = fake.annotate(7, "3", "ada@example.com")
    [task] = fake.tasks.values()
    other = {**first, "id": 900, "created_username": " bob@example.com, 8"}
    fake.tasks[800] = {**task, "id": 800, "annotations": [other]}
    fake.now += 100
    oracle.fetch("q0", anew=True)
    fake.now += 100
    oracle.fetch("q0", anew=True)
    fake.touch(fake.tasks[800])

    assert oracle.collect("q0") == {7: 3}  # the first one's answer is not taken as gone, since only its copy changed


def test_a_deleted_task_is_asked_again(make: Make, fake: Fake) -> None:
    oracle = make()
    oracle.post("q0", ROWS)
    del fake.tasks[next(iter(fake.tasks))]

    oracle.post("q0", ROWS)

    assert sorted(fake.rows()) == sorted(ROWS)


def test_a_closed_ticket_asks_nobody_and_keeps_what_was_annotated(make: Make, fake: Fake) -> None:
    oracle = make(panel=2)
    oracle.post("q0", ROWS)
    oracle.post("q1", [40, 41])
    fake.annotate(7, "5")
    oracle.close("q0")

    assert fake.rows() == [7, 40, 41]
    assert next(iter(fake.tasks.values()))["is_labeled"]
    assert oracle.tidy() == 0
    oracle.close("q0")
    make(panel=2).post("q0", ROWS)
    assert fake.rows() == [7, 40, 41]


def test_rows_told_by_other_ways_are_taken_back(make: Make, fake: Fake) -> None:
    oracle = make()
    oracle.post("q0", ROWS)
    oracle._inbox.settle("q0", {7: 1, 3: -2})

    assert oracle.tidy() == 2
    assert fake.rows() == [28, 12]


def test_what_others_put_into_the_project_is_left_alone(make: Make, fake: Fake) -> None:
    oracle = make()
    project = next(iter(fake.projects))
    for data in ({}, {"run": "another", "ticket": "q0", "row": 7}, {"ticket": "q0", "row": 7}):
        fake._imported(project, [{"data": data}])
    oracle.post("q0", ROWS)
    oracle.close("q0")

    assert [task["data"].get("row") for task in fake.tasks.values()] == [None, 7, 7]


def test_large_images_are_uploaded_and_small_ones_go_along(make: Make, fake: Fake) -> None:
    chance = np.random.default_rng(0)

    def shows(row: int) -> Image:
        return Image(chance.integers(0, 256, (200, 200, 3) if row % 2 else (20, 20, 3), dtype=np.uint8))

    oracle = make(shows=shows)
    oracle.post("q0", ROWS)

    images = {task["data"]["row"]: task["data"]["image"] for task in fake.tasks.values()}
    project = next(iter(fake.projects))
    assert images[7] == f"/data/upload/{project}/01234567-q0-7.png"
    assert {row for row, image in images.items() if image.startswith("data:image/png;base64,")} == {28, 12}
    assert fake.requests.count(f"POST /api/projects/{project}/import") == 2


def test_a_server_that_takes_no_uploads_is_said(make: Make, fake: Fake) -> None:
    oracle = make(shows=lambda row: Image(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)))
    real = fake._imported
    fake._imported = lambda project, body: (201, {}) if isinstance(body, bytes) else real(project, body)  # type: ignore[method-assign]

    with pytest.raises(StudioError, match="took the images of 4 rows, and does not say where that of row 7 lies"):
        oracle.post("q0", ROWS)
    assert fake.rows() == []


def test_texts_and_tables_go_into_their_fields(open_project: Open, fake: Fake, tmp_path: Path) -> None:
    for kind, item, expected in (("text", Text("a <b>"), "a <b>"), ("table", Table((("age", "7"),)), {"age": "7"})):
        (tmp_path / kind).mkdir()
        project = open_project("new", folder=tmp_path / kind, kind=kind)
        with Inbox(tmp_path / kind / "inbox.sqlite", 10, Clock()) as inbox:
            LabelStudio(inbox, project, CLASSES, lambda row, item=item: item).post("q0", [1])
        assert list(fake.tasks.values())[-1]["data"][kind] == expected


def test_a_project_deleted_in_the_middle_is_said(make: Make, fake: Fake) -> None:
    oracle = make()
    oracle.post("q0", ROWS)
    fake.projects.clear()

    for work in (lambda: oracle.post("q0", ROWS), lambda: oracle.fetch("q0"), oracle.tidy):
        with pytest.raises(StudioError, match="is gone from .* What was told is safe in the run"):
            work()


def test_answers_of_a_project_that_was_deleted_stay_in_the_inbox(make: Make, fake: Fake, tmp_path: Path) -> None:
    oracle = make(panel=2)
    oracle.post("q0", [7])
    fake.annotate(7, "3", "ada@example.com")
    oracle.fetch("q0")
    fake.projects.clear()
    fake.tasks.clear()
    (tmp_path / "label_studio.json").unlink()

    again = make(panel=2)
    again.post("q0", [7])
    fake.annotate(7, "3", "bob@example.com")

    assert again.collect("q0") == {7: 3}
    assert again.notes("q0")[7]["annotator"] == "ada@example.com, bob@example.com"


@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
def test_it_keeps_the_contract_of_oracles(check: object, open_project: Open, fake: Fake, tmp_path: Path) -> None:
    """With somebody who annotates whatever is posted at once; each oracle that is made is a run of its own."""
    numbers = itertools.count()
    real = fake._imported

    def answered(project: int, body: object) -> tuple[int, object]:
        made = real(project, body)
        for task in fake.tasks.values():
            if not task["annotations"]:
                region = {"from_name": "label", "value": {"choices": [str(task["data"]["row"] % 3)]}}
                task["annotations"] = [{"result": [region], "created_username": " ada@example.com, 7"}]
        return made

    fake._imported = answered  # type: ignore[method-assign]
    inboxes: list[Inbox] = []

    def make(classes: int = 10) -> LabelStudio:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        inboxes.append(Inbox(folder / "inbox.sqlite", classes, Clock()))
        return LabelStudio(inboxes[-1], open_project("new", folder=folder), CLASSES[:classes], lambda row: _of_60(row))

    check(Maker(make))  # type: ignore[operator]
    for inbox in inboxes:
        inbox.close()


def _of_60(row: int) -> Image:
    if not 0 <= row < 60:
        raise IndexError(f"row {row} is not in the data")
    return Image(np.full((2, 3, 1), row, np.uint8))
