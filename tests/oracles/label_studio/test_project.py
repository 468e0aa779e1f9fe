"""A run has one project, which is found again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oracles.label_studio import StudioError, Unreachable

from .conftest import Open
from .fake import Fake


def test_a_project_is_made_once_and_found_again(open_project: Open, fake: Fake) -> None:
    first = open_project()

    assert open_project() == first
    assert open_project().labelling.endswith(f"/projects/{first.id}/data?labeling=1")
    [made] = fake.projects.values()
    assert (made["title"], made["maximum_annotations"], made["skip_queue"]) == ("a run", 1, "IGNORE_SKIPPED")
    assert made["description"] == f"activeloop run {first.run}"


@pytest.mark.parametrize("fault", ["before", "after", 500])
@pytest.mark.parametrize("request_number", range(3))
def test_a_crash_at_any_request_leaves_one_project(
    open_project: Open, fake: Fake, request_number: int, fault: str | int
) -> None:
    fake.faults = {request_number: fault}
    try:
        open_project()
        assert fake.faults  # opening took fewer requests than that
    except Unreachable:
        pass
    open_project()

    assert len(fake.projects) == 1


def test_what_is_wished_anew_is_set(open_project: Open, fake: Fake) -> None:
    open_project()
    before = len(fake.requests)
    open_project()
    assert not [each for each in fake.requests[before:] if each.startswith("PATCH")]

    open_project(panel=3, guesses=True)

    [project] = fake.projects.values()
    assert (project["maximum_annotations"], project["show_collab_predictions"]) == (3, True)


def test_a_description_that_its_owner_rewrote_is_no_matter(open_project: Open, fake: Fake) -> None:
    first = open_project()
    fake.projects[first.id]["description"] = "label the digits, please"

    assert open_project().id == first.id


def test_another_run_of_the_same_configuration_is_asked_about(open_project: Open, fake: Fake, tmp_path: Path) -> None:
    first = open_project()
    (tmp_path / "other").mkdir()

    with pytest.raises(
        StudioError, match=rf"has project {first.id} .* by --project {first.id}, or make another by --project new"
    ):
        open_project(folder=tmp_path / "other")
    with pytest.raises(
        StudioError, match=f"--project is '77'; projects of this run's configuration on .*: {first.id}; or new"
    ):
        open_project("77", folder=tmp_path / "other")
    assert open_project(str(first.id), folder=tmp_path / "other") == first
    assert open_project(folder=tmp_path / "other") == first
    (tmp_path / "third").mkdir()
    assert open_project("new", folder=tmp_path / "third").run != first.run
    assert len(fake.projects) == 2


def test_a_deleted_project_is_said_and_not_replaced_by_itself(open_project: Open, fake: Fake, tmp_path: Path) -> None:
    first = open_project()
    fake.projects.clear()

    with pytest.raises(
        StudioError, match=rf"project {first.id} of this run is not on .* or delete .*label_studio.json for a new"
    ):
        open_project()
    (tmp_path / "label_studio.json").unlink()
    assert open_project().id != first.id


def test_a_project_on_a_server_that_moved_is_found_by_the_runs_id(
    open_project: Open, fake: Fake, tmp_path: Path
) -> None:
    first = open_project()
    file = tmp_path / "label_studio.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "url": "http://old.example", "project": first.id + 50}))

    assert open_project().id == first.id


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run": "x"}'])
def test_a_torn_record_is_said(open_project: Open, tmp_path: Path, text: str) -> None:
    (tmp_path / "label_studio.json").write_text(text)
    with pytest.raises(StudioError, match="label_studio.json is torn, or no record of a project: delete it"):
        open_project()


def test_a_page_that_its_owner_broke_is_refused_with_what_to_put_back(open_project: Open, fake: Fake) -> None:
    project = fake.projects[open_project().id]
    control = project["parsed_label_config"]["label"]

    with pytest.raises(StudioError, match="shows image, and this command would show it texts: give the same --show"):
        open_project(kind="text")
    control["labels"].remove("3")
    with pytest.raises(
        StudioError, match="lacks 1 of the 10 classes, first '3'. Under Settings, .* put this back:\n<View"
    ):
        open_project()
    control["type"] = "Rating"
    with pytest.raises(StudioError, match="has no Choices called 'label' about 'item' any more"):
        open_project()
