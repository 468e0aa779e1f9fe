"""Against the real client and its own stores: a SQLite file, and the older folder of files, which keeps doubles."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from activeloop.errors import ConfigError
from activeloop.report.conditions import conditions
from activeloop.report.study import study
from activeloop.report.tracker import Tracked, track

WriteRun = Callable[..., Path]
WriteTimings = Callable[..., None]
CURVE = {10: 0.5, 20: 0.7, 30: 0.8}


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's client, quiet, and with no word to its makers."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("mlflow", reason="mlflow is not installed: pip install 'activeloop[mlflow]'")


@pytest.fixture(params=["sqlite", "file"])
def uri(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: None) -> str:
    if request.param == "file":
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        return f"file://{tmp_path / 'store'}"
    pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed: pip install 'activeloop[mlflow]'")
    pytest.importorskip("alembic", reason="alembic is not installed: pip install 'activeloop[mlflow]'")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def send(out: Path, uri: str, goal: float = 0.75, **more: Any) -> Tracked:
    found = conditions([out])
    return track(found, [each.summary for each in study(found, target=goal).conditions], uri, **more)


def runs(uri: str, experiment: str = "activeloop") -> dict[str, Any]:
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    id = client.get_experiment_by_name(experiment).experiment_id
    return {run.info.run_name: run for run in client.search_runs([id])}


def history(uri: str, run: Any, metric: str) -> list[tuple[int, float]]:
    from mlflow import MlflowClient

    return [(m.step, m.value) for m in MlflowClient(uri).get_metric_history(run.info.run_id, metric)]


def end(run: Path, why: str = "the budget is spent") -> None:
    with (run / "journal.jsonl").open("a") as lines:
        lines.write(json.dumps({"event": "stopped", "why": why}) + "\n")


def test_a_run_is_told_with_its_settings_curve_and_end(
    write_journal: WriteRun, write_timings: WriteTimings, tmp_path: Path, uri: str
) -> None:
    run = write_journal("bald", 3, CURVE)
    write_timings(run, [{"round": 0, "labels": 10, "fit_s": 1.5, "peak_mb": 412}, {"labels": 20, "fit_s": 2.0}])
    end(run)

    assert send(tmp_path, uri) == Tracked(new=1, changed=0, same=0)

    (found,) = runs(uri).values()
    assert (found.info.run_name, found.info.status) == ("bald, seed 3", "FINISHED")
    assert found.info.end_time - found.info.start_time == 3500
    assert found.data.params["acquire.strategy"] == "bald"
    assert (found.data.params["oracle.noise"], found.data.params["learner.options.epochs"]) == ("none", "5")
    assert {key: found.data.tags[key] for key in ("strategy", "seed", "condition", "fingerprint", "folder")} == {
        "strategy": "bald", "seed": "3", "condition": "none", "fingerprint": "f", "folder": str(run)
    }  # fmt: skip
    assert history(uri, found, "accuracy") == list(CURVE.items())
    assert history(uri, found, "area") == [(20, pytest.approx(0.6)), (30, pytest.approx(0.675))]
    assert history(uri, found, "labels_to_accuracy_0.75") == [(0, pytest.approx(25))]
    assert history(uri, found, "fit_s") == [(10, 1.5), (20, 2.0)]
    assert (found.data.metrics["accuracy"], found.data.metrics["peak_mb"]) == (0.8, 412)


def test_each_goal_that_was_reached_has_its_own_metric(write_journal: WriteRun, tmp_path: Path, uri: str) -> None:
    write_journal("bald", 0, CURVE)

    for goal in (0.6, 0.75, 0.9):
        send(tmp_path, uri, goal=goal)

    (found,) = runs(uri).values()
    goals = {key: value for key, value in found.data.metrics.items() if key.startswith("labels_to")}
    assert goals == {"labels_to_accuracy_0.6": pytest.approx(15), "labels_to_accuracy_0.75": pytest.approx(25)}


def test_a_second_time_adds_nothing(write_journal: WriteRun, tmp_path: Path, uri: str) -> None:
    for seed in range(3):
        end(write_journal("bald", seed, CURVE))
    send(tmp_path, uri)
    before = {name: run.to_dictionary() for name, run in runs(uri).items()}

    assert send(tmp_path, uri) == Tracked(new=0, changed=0, same=3)
    assert {name: run.to_dictionary() for name, run in runs(uri).items()} == before
    assert len(history(uri, runs(uri)["bald, seed 0"], "accuracy")) == 3


def test_a_run_that_goes_on_is_added_to_and_ends_in_its_status(
    write_journal: WriteRun, tmp_path: Path, uri: str
) -> None:
    run = write_journal("bald", 0, {10: 0.5})
    send(tmp_path, uri)
    assert [run.info.status for run in runs(uri).values()] == ["RUNNING"]

    (run / "failure.txt").write_text("no memory")
    write_journal("bald", 0, CURVE)
    assert send(tmp_path, uri) == Tracked(new=0, changed=1, same=0)
    (found,) = runs(uri).values()
    assert (found.info.status, history(uri, found, "accuracy")) == ("FAILED", list(CURVE.items()))

    (run / "failure.txt").unlink()
    assert send(tmp_path, uri) == Tracked(new=0, changed=1, same=0)
    assert [run.info.status for run in runs(uri).values()] == ["RUNNING"]
    end(run)
    send(tmp_path, uri)
    assert [run.info.status for run in runs(uri).values()] == ["FINISHED"]


def test_conditions_are_tags_and_a_run_is_renamed_as_they_come(
    write_journal: WriteRun, tmp_path: Path, uri: str
) -> None:
    write_journal("bald", 0, CURVE)
    send(tmp_path, uri)

    write_journal("bald", 0, CURVE, name="another", start="k-center")
    assert send(tmp_path, uri) == Tracked(new=1, changed=1, same=0)

    assert {name: run.data.tags["condition"] for name, run in runs(uri).items()} == {
        "bald, seed 0, start random": "start random", "bald, seed 0, start k-center": "start k-center"
    }  # fmt: skip


def test_a_measure_taken_again_after_an_audit_is_the_last_word(
    write_journal: WriteRun, tmp_path: Path, uri: str
) -> None:
    run = write_journal("bald", 0, {10: 0.5, 20: 0.7})
    send(tmp_path, uri)

    with (run / "journal.jsonl").open("a") as lines:
        again = {"event": "measured", "round": 1, "labels": 20, "metrics": {"accuracy": 0.6, "loss": 0.4}}
        lines.write(json.dumps(again) + "\n")
    send(tmp_path, uri, now=lambda: 0.0)  # by a clock that is behind

    (found,) = runs(uri).values()
    assert found.data.metrics["accuracy"] == 0.6
    assert send(tmp_path, uri) == Tracked(new=0, changed=0, same=1)
    assert sorted(history(uri, found, "accuracy")) == [(10, 0.5), (20, 0.6), (20, 0.7)]


def test_killed_between_any_two_requests_the_next_call_makes_it_whole(
    write_journal: WriteRun, tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    end(write_journal("bald", 0, CURVE))
    for request, at in (("log_batch", 0), ("log_batch", 1), ("log_batch", 2), ("set_terminated", 0)):
        name = f"killed at {request} {at}"
        with monkeypatch.context() as patched:
            patched.setattr(MlflowClient, request, _dies_at(at, getattr(MlflowClient, request)))
            with pytest.raises(KeyboardInterrupt):
                send(tmp_path, uri, experiment=name)

        send(tmp_path, uri, experiment=name)

        (found,) = runs(uri, name).values()
        assert (found.info.status, history(uri, found, "accuracy")) == ("FINISHED", list(CURVE.items()))
        assert found.data.params["acquire.strategy"] == "bald"


def _dies_at(n: int, method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, which is interrupted before its n-th call, from 0."""
    calls = iter(range(n + 1))

    def dying(*arguments: Any, **more: Any) -> Any:
        if next(calls) == n:
            raise KeyboardInterrupt
        return method(*arguments, **more)

    return dying


def test_long_and_many_settings_are_taken(write_journal: WriteRun, tmp_path: Path, uri: str) -> None:
    run = write_journal("bald", 0, CURVE)
    lines = (run / "journal.jsonl").read_text().splitlines()
    opened = json.loads(lines[0])
    opened["config"]["evidence"] = {f"é {at}: {'x' * 300}": "y" * 9000 for at in range(120)}
    opened["config"]["oracle"]["stages"] = [{"kind": "tired", "rate": 50}]
    (run / "journal.jsonl").write_text("\n".join([json.dumps(opened), *lines[1:]]) + "\n")

    send(tmp_path, uri)

    (found,) = runs(uri).values()
    assert found.data.params["oracle.stages"] == '[{"kind": "tired", "rate": 50}]'
    long = [value for key, value in found.data.params.items() if key.startswith("evidence")]
    assert (len(long), max(map(len, long))) == (120, 500)


def test_a_deleted_experiment_is_not_written_into(write_journal: WriteRun, tmp_path: Path, uri: str) -> None:
    from mlflow import MlflowClient

    write_journal("bald", 0, CURVE)
    client = MlflowClient(uri)
    client.delete_experiment(client.create_experiment("old"))

    with pytest.raises(ConfigError, match="the experiment 'old' was deleted in MLflow"):
        send(tmp_path, uri, experiment="old")


def refusal(uri: str) -> str:
    with pytest.raises(ConfigError) as refused:
        track((), (), uri)
    return str(refused.value)


def test_without_the_package_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)

    assert "pip install 'activeloop[mlflow]'" in refusal("sqlite:///x.db")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("http://someone:secret@127.0.0.1:9", "no MLflow server answers at http://someone:…@127.0.0.1:9"),
        ("ftp://host/x", "MLflow at ftp://host/x: "),
        ("mlflow.db", "MLflow at mlflow.db: The filesystem tracking backend"),
    ],
)
@pytest.mark.usefixtures("client")
def test_an_address_that_leads_nowhere_is_refused_at_once(wrong: str, why: str) -> None:
    said = refusal(wrong)

    assert said.startswith(why)
    assert "sqlite:///mlflow.db" in said


class NotMlflow(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.usefixtures("client")
def test_a_server_that_is_no_mlflow_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    server = HTTPServer(("127.0.0.1", 0), NotMlflow)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert f"MLflow at http://127.0.0.1:{server.server_port}: " in refusal(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
