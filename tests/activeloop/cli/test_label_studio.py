"""`label --with label-studio`: the loop goes round by itself while people annotate, against a server of a few lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from activeloop.cli import label_studio
from activeloop.cli.label_studio import PAUSE_S, Studio, label
from activeloop.cli.people import Wanted
from oracles.rule import Rule

from ...oracles.label_studio.fake import LEGACY, Fake, serving
from .conftest import CLASSES, Said, Team
from .test_label import events


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def url(fake: Fake) -> Iterator[str]:
    with serving(fake) as url:
        yield url


@pytest.fixture
def annotate(team: Team, fake: Fake, url: str) -> Callable[..., int]:
    """Runs the command; in every pause somebody annotates up to `at_once` tasks rightly, or does what `meanwhile` says."""

    def run(meanwhile: Callable[[int], None] | None = None, at_once: int = 3, **wanted: object) -> int:
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            fake.now += seconds
            pauses.append(seconds)
            assert len(pauses) < 2000, "it waits for ever"
            if meanwhile is not None:
                meanwhile(len(pauses))
            else:
                answer(fake, at_once)

        return label(team.folder / "r", Wanted(**wanted), Studio(url, LEGACY), pause)  # type: ignore[arg-type]

    return run


def answer(fake: Fake, count: int, by: str = "ada@example.com") -> None:
    waiting = [
        task for task in fake.tasks.values() if not any(by in said["created_username"] for said in task["annotations"])
    ]
    for task in waiting[:count]:
        fake.annotate(task["data"]["row"], task["data"]["name"].partition("-")[0], by)


def test_the_loop_goes_round_until_the_run_is_done(
    team: Team, fake: Fake, annotate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    team.run()
    capsys.readouterr()

    assert annotate() == 0

    said = capsys.readouterr().out
    [project] = fake.projects
    assert f"/projects/{project}/data?labeling=1\na key chooses a class" in said
    assert "q0000: 0 of 3 rows answered\nq0000: 3 of 3 rows answered\nq0001: 0 of 6 rows answered" in said
    assert "r: done (budget), 16 labels told" in said
    files = sorted(path.name for path in (team.folder / "images").iterdir())
    told = {int(row): name for told in events(team, "told") for row, name in told["answers"].items()}  # type: ignore[attr-defined]
    assert len(told) == 16
    assert all(files[row].startswith(CLASSES[name]) for row, name in told.items())
    assert fake.projects[project]["title"] == "activeloop r"
    notes = [note for noted in events(team, "noted") for note in noted["notes"].values()]  # type: ignore[attr-defined]
    assert {(note["annotator"], note["seconds"]) for note in notes} == {("ada@example.com", 2.5)}


def test_rounds_end_it_and_the_same_command_goes_on(team: Team, fake: Fake, annotate: Callable[..., int]) -> None:
    team.run()

    assert [annotate(rounds=1) for _ in range(2)] == [3, 3]
    assert [len(told["answers"]) for told in events(team, "told")] == [3, 6]  # type: ignore[arg-type]
    assert len(fake.projects) == 1


def test_a_panel_wants_several_and_a_skip_gives_no_vote(team: Team, fake: Fake, annotate: Callable[..., int]) -> None:
    team.run()

    def meanwhile(pauses: int) -> None:
        if pauses == 1:
            answer(fake, 3, "ada@example.com")
            assert events(team, "told") == []
        if pauses == 2:
            answer(fake, 2, "bob@example.com")
            fake.annotate(list(fake.rows())[2], None, "bob@example.com")
        if pauses == 3:
            fake.annotate(list(fake.rows())[2], None, "cid@example.com")
            answer(fake, 3, "cid@example.com")

    annotate(meanwhile, rounds=1, rule=Rule(least=3, cap=3))

    [told] = events(team, "told")
    assert list(told["answers"].values())[2] >= 0, "what ada said, where the others skipped"  # type: ignore[attr-defined]
    assert fake.projects[1]["maximum_annotations"] == 3


def test_the_last_answer_may_be_changed_for_a_pause(team: Team, fake: Fake, annotate: Callable[..., int]) -> None:
    team.run()
    last: list[dict[str, object]] = []

    def meanwhile(pauses: int) -> None:
        rows = fake.rows()
        if pauses == 1:
            last.extend(fake.annotate(row, "red") for row in rows)
        if pauses == 2:
            last[0]["result"][0]["value"]["choices"] = ["blue"]  # type: ignore[index]
            fake.touch(next(iter(fake.tasks.values())))

    annotate(meanwhile, rounds=1)

    [told] = events(team, "told")
    assert list(told["answers"].values()) == [2, 0, 0]  # type: ignore[attr-defined]


def test_before_a_query_is_told_all_of_it_is_looked_at_whatever_dates_the_server_gives(
    team: Team, fake: Fake, annotate: Callable[..., int]
) -> None:
    team.run()

    def meanwhile(pauses: int) -> None:
        tasks = list(fake.tasks.values())
        if pauses == 1:
            answer(fake, 3)
        if pauses == 2:  # as by a bulk action on a server whose clock is in another zone
            tasks[0] |= {"annotations": [], "updated_at": "2020-01-01T00:00:00.000000Z"}
        if pauses == 5:
            fake.annotate(tasks[0]["data"]["row"], "blue", "bob@example.com")

    annotate(meanwhile, rounds=1)

    [noted] = events(team, "noted")
    assert [note["annotator"][:3] for note in noted["notes"].values()].count("bob") == 1  # type: ignore[attr-defined]


def test_a_server_that_goes_away_is_waited_for(
    team: Team, fake: Fake, annotate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    team.run()

    def meanwhile(pauses: int) -> None:
        if pauses == 2:
            fake.faults = {len(fake.requests) + at: 503 for at in range(5)}
        if pauses == 9:
            answer(fake, 3)

    assert annotate(meanwhile, rounds=1) == 3

    said = capsys.readouterr().err
    assert said.count("Trying on for 30 minutes") == 1
    assert said.count("note: Label Studio is back.") == 1


def test_a_server_that_stays_away_ends_it_with_what_is_safe(
    team: Team, fake: Fake, annotate: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    team.run()
    monkeypatch.setattr(label_studio, "PATIENCE_S", 3 * PAUSE_S)

    def meanwhile(pauses: int) -> None:
        fake.faults = {len(fake.requests) + at: "before" for at in range(99)}

    with pytest.raises(
        label_studio.StudioError, match="what people answered there is kept there, and the same command"
    ):
        annotate(meanwhile)


def test_tasks_that_somebody_deleted_are_asked_again(
    team: Team, fake: Fake, annotate: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    team.run()
    monkeypatch.setattr(label_studio, "WHOLE_S", 4 * PAUSE_S)

    def meanwhile(pauses: int) -> None:
        if pauses == 2:
            fake.tasks.clear()
        if pauses == 6:
            answer(fake, 3)

    assert annotate(meanwhile, rounds=1) == 3
    assert len(events(team, "told")) == 1


def test_what_the_loop_gave_up_on_is_taken_back(team: Team, fake: Fake, annotate: Callable[..., int]) -> None:
    team.run()

    def stop(pauses: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        annotate(stop)
    given_up = set(fake.tasks)
    fake.annotate(fake.rows()[0], "red")
    team.cli("close", "r", "q0000")
    with pytest.raises(KeyboardInterrupt):
        annotate(stop)

    assert len(given_up & fake.tasks.keys()) == 1
    assert {task["data"]["ticket"] for task in fake.tasks.values()} == {"q0000", "q0001"}


def test_what_was_told_by_files_until_the_run_was_done_is_taken_back(
    team: Team, fake: Fake, annotate: Callable[..., int]
) -> None:
    team.run()

    def stop(pauses: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        annotate(stop)
    assert len(fake.tasks) == 3
    team.finish()

    assert annotate() == 0
    assert fake.tasks == {}


def test_guesses_are_predictions_of_the_queries_that_a_model_picked(
    team: Team, fake: Fake, annotate: Callable[..., int]
) -> None:
    team.run()
    annotate(guesses=True, rounds=3)

    with_guess = {task["data"]["ticket"] for task in fake.tasks.values() if task["predictions"]}
    assert with_guess == {"q0002"}
    assert fake.projects[1]["show_collab_predictions"]
    notes = [note for noted in events(team, "noted") for note in noted["notes"].values()]  # type: ignore[attr-defined]
    assert sum("shown" in note for note in notes) == 4


def test_texts_are_asked_as_texts(team: Team, fake: Fake, annotate: Callable[..., int]) -> None:
    team.run()
    files = sorted(path.name for path in (team.folder / "images").iterdir())
    (team.folder / "t.csv").write_text("file,words\n" + "".join(f"{name},about {name}\n" for name in files))

    annotate(rounds=1, table=team.folder / "t.csv")

    assert all(task["data"]["text"] == f"about {task['data']['name']}" for task in fake.tasks.values())


def said_by(team: Team, *words: object) -> Said:
    team.run()
    return team.cli("label", "r", "--with", "label-studio", *words)


def test_the_token_comes_from_the_environment_too(team: Team, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_URL", url)
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    said = said_by(team)
    assert said.code == 2
    assert "no token is given. Yours is in Label Studio: Account & Settings" in said.err

    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "wrong")
    said = said_by(team)
    assert said.code == 2
    assert f"{url} refuses the token: Invalid token." in said.err


def test_a_project_that_was_deleted_is_said(team: Team, fake: Fake, url: str, annotate: Callable[..., int]) -> None:
    team.run()
    annotate(rounds=1)
    fake.projects.clear()
    said = said_by(team, "--url", url, "--token", LEGACY)

    assert said.code == 2
    assert "project 1 of this run is not on" in said.err
    state = json.loads(Path(team.folder / "r/label_studio.json").read_text())
    assert state["project"] == 1


def test_no_address_at_all_is_said(team: Team) -> None:
    said = said_by(team, "--url", "labels.example", "--token", LEGACY)

    assert said.code == 2
    assert "--url is 'labels.example'; it is the address at which Label Studio is open in a browser" in said.err
