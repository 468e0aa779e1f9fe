"""Runs in MLflow, by its public client: one run there per run here, brought up to date as often as one likes.

A run is known again by a tag of its fingerprint and its folder, and only what is not there yet is sent. So this may be
called while runs go on, and a call that was killed is made good by the next one.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Literal

from activeloop.errors import ConfigError
from activeloop.report.cards import MAIN
from activeloop.report.conditions import Condition
from activeloop.report.curves import Record
from activeloop.report.files import read_lines
from activeloop.report.statistics import area
from activeloop.report.summary import Summary
from activeloop.store.failure import reason
from activeloop.store.journal import FILE
from activeloop.types import JSON, flat

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

EXPERIMENT = "activeloop"
RUN, SENT = "activeloop.run", "activeloop.sent"  # tags: which run it is, and a digest of the points that are there
MOST_PARAMS, MOST_METRICS = 100, 500  # a request; MLflow takes 100 and 1,000, and 1 MB in all
LONGEST_KEY, LONGEST_VALUE = 250, 500  # letters; older servers take values of 500, newer ones of 6,000
TIMEOUT_S = 10.0  # until a server counts as unreachable; the client itself tries for minutes
NONE = "none"  # an empty setting
SECONDS = "_s"  # how names of timings end

Status = Literal["RUNNING", "FINISHED", "FAILED"]
Done = Literal["new", "changed", "same"]


@dataclass(frozen=True)
class Tracked:
    """How many runs were not there before, had something new to tell, or nothing."""

    new: int
    changed: int
    same: int


@dataclass(frozen=True)
class _Wanted:
    """What MLflow should say of a run. points: (metric, labels told) -> value.    began, ended: ms since 1970."""

    key: str
    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    points: Mapping[tuple[str, int], float]
    status: Status
    began: int
    ended: int


def track(
    conditions: Sequence[Condition],
    summaries: Sequence[Summary],
    uri: str,
    experiment: str = EXPERIMENT,
    now: Callable[[], float] = time.time,
) -> Tracked:
    """Bring an experiment in MLflow up to what the journals say by now. The step of every metric is labels told.

    Per run: its settings as parameters; strategy, seed, condition, fingerprint and folder as tags; what was measured,
    area so far, seconds and memory as metrics, of which MLflow shows the last as the run's own, and labels to each goal that
    was ever reported on, at step 0.
    summaries: one per condition, for the labels to the goal; those over cost have none.
    uri: a server, or sqlite:///FILE.db.
    raises: ConfigError without the package, for a server that does not answer, or what MLflow refuses.
    """
    client = _client(uri)
    wanted = []
    for condition, summary in zip(conditions, summaries, strict=True):
        reached = summary.labels_to_target if summary.x == "labels" else {}
        goal = _key(f"labels_to_{summary.metric}_{summary.target:g}")
        for record in condition.records:
            labels = reached.get((record.strategy, record.seed))
            wanted.append(_wanted(record, condition.name, {} if labels is None else {(goal, 0): labels}))
    with _refusals_told(uri):
        id = _experiment(client, experiment)
        there = _runs(client, id)
        done = [_send(client, id, each, there.get(each.key), int(now() * 1000)) for each in wanted]
    return Tracked(done.count("new"), done.count("changed"), done.count("same"))


# what a run says


def _wanted(record: Record, condition: str, goals: Mapping[tuple[str, int], float]) -> _Wanted:
    state = record.state
    points = _points(record)
    spent = sum(value for (name, _), value in points.items() if name.endswith(SECONDS))
    ended = int((record.folder / FILE).stat().st_mtime * 1000)
    tags = {
        "strategy": record.strategy,
        "seed": str(record.seed),
        "condition": condition or NONE,
        "fingerprint": state.fingerprint,
        "folder": str(record.folder.resolve()),
    }
    failed: Status = "RUNNING" if reason(record.folder) is None else "FAILED"
    return _Wanted(
        key=f"{state.fingerprint} {record.folder.resolve()}",
        name=f"{record.strategy}, seed {record.seed}{f', {condition}' if condition else ''}",
        params={_key(name): _text(value) for name, value in flat(state.config).items()},
        tags=tags,
        points={**points, **goals},
        status="FINISHED" if state.stopped is not None else failed,
        began=ended - int(spent * 1000),
        ended=ended,
    )


def _points(record: Record) -> dict[tuple[str, int], float]:
    points = {(_key(point.metric), int(point.labels)): point.value for point in record.points()}
    curve = {labels: value for (metric, labels), value in points.items() if metric == MAIN}
    steps = sorted(curve)
    for end in range(2, len(steps) + 1):
        height = area(steps[:end], [curve[step] for step in steps[:end]])
        if height is not None:
            points["area", steps[end - 1]] = height
    for line in read_lines(record.folder / "timings.jsonl"):
        labels = line.get("labels")
        for name, value in line.items():
            if isinstance(labels, int) and isinstance(value, int | float) and (name.endswith((SECONDS, "_mb"))):
                points[_key(name), labels] = float(value)
    return points


def _key(name: str) -> str:
    """A name of the letters that MLflow takes."""
    return re.sub(r"[^\w\-. /]", "_", name)[:LONGEST_KEY]


def _text(value: JSON) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = NONE if text in ("", "null") else text
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


# what is sent


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        created: str = client.create_experiment(name)
        return created
    if found.lifecycle_stage != "active":
        raise ConfigError(
            f"the experiment {name!r} was deleted in MLflow: restore it there, or choose another --experiment."
        )
    id: str = found.experiment_id
    return id


def _runs(client: MlflowClient, experiment: str) -> dict[str, Run]:
    """By the tag that names our run."""
    found: dict[str, Run] = {}
    token = None
    while True:
        page = client.search_runs([experiment], filter_string=f"tags.`{RUN}` != ''", page_token=token)
        found |= {run.data.tags[RUN]: run for run in page}
        token = page.token
        if not token:
            return found


def _send(client: MlflowClient, experiment: str, wanted: _Wanted, there: Run | None, now_ms: int) -> Done:
    """Parameters and metrics first, then the tag that says that they are there, then the status."""
    from mlflow.entities import Param, RunTag

    run = there
    if run is None:
        run = client.create_run(experiment, wanted.began, {RUN: wanted.key}, wanted.name)
    id = run.info.run_id
    params = [Param(key, value) for key, value in wanted.params.items() if key not in run.data.params]
    digest = hashlib.sha256(repr(sorted(wanted.points.items())).encode()).hexdigest()[:16]
    metrics = [] if run.data.tags.get(SENT) == digest else _news(client, run, wanted, now_ms)
    tags = [RunTag(*each) for each in {**wanted.tags, SENT: digest}.items() if run.data.tags.get(each[0]) != each[1]]
    for at in range(0, len(params), MOST_PARAMS):
        client.log_batch(id, params=params[at : at + MOST_PARAMS])
    for at in range(0, len(metrics), MOST_METRICS):
        client.log_batch(id, metrics=metrics[at : at + MOST_METRICS])
    if tags:
        client.log_batch(id, tags=tags)
    is_renamed, is_other = run.info.run_name != wanted.name, run.info.status != wanted.status
    if is_renamed:
        client.update_run(id, name=wanted.name)
    if is_other and wanted.status == "RUNNING":
        client.update_run(id, status=wanted.status)
    elif is_other:
        with redirect_stdout(StringIO()):  # it prints two lines a run
            client.set_terminated(id, wanted.status, wanted.ended)
    if there is None:
        return "new"
    return "changed" if params or metrics or tags or is_renamed or is_other else "same"


def _news(client: MlflowClient, run: Run, wanted: _Wanted, now_ms: int) -> list[Metric]:
    """Points that are not there, or were others. MLflow forgets none, and shows the last that came for a step."""
    from mlflow.entities import Metric

    latest: dict[tuple[str, int], tuple[int, float]] = {}
    for key in {key for key, _ in wanted.points} & run.data.metrics.keys():
        for metric in client.get_metric_history(run.info.run_id, key):
            at = (key, metric.step)
            latest[at] = max(latest.get(at, (0, -math.inf)), (metric.timestamp, metric.value))
    return [
        Metric(key, value, max(now_ms, latest[key, step][0] + 1) if (key, step) in latest else now_ms, step)
        for (key, step), value in sorted(wanted.points.items(), key=lambda each: each[0][1])
        if (key, step) not in latest or latest[key, step][1] != value
    ]


# the way there


def _client(uri: str) -> MlflowClient:
    try:
        from mlflow import MlflowClient
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"MLflow's client needs the package {error.name!r}, which is not installed: pip install 'activeloop[mlflow]'."
        ) from None
    _check_answers(uri)
    with _refusals_told(uri):
        return MlflowClient(uri)


def _check_answers(uri: str) -> None:
    if not uri.startswith(("http://", "https://")):
        return
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=TIMEOUT_S).close()
    except urllib.error.HTTPError:
        return  # it answers; whether it lets us in is for the client to say
    except (OSError, ValueError) as error:
        why = error.reason if isinstance(error, urllib.error.URLError) else error
        raise ConfigError(
            f"no MLflow server answers at {_shown(uri)}: {why}. Start one (`mlflow server`), or name a file:"
            " sqlite:///mlflow.db."
        ) from None


@contextmanager
def _refusals_told(uri: str) -> Iterator[None]:
    """raises: ConfigError for what MLflow, or the database behind it, refuses."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, ImportError) as error:
        first = str(error).strip().partition("\n")[0].rstrip(".")
        raise ConfigError(
            f"MLflow at {_shown(uri)}: {first}. A server is named as http://HOST:5000, a file as sqlite:///mlflow.db. Runs that"
            " were sent stay, and the same command goes on."
        ) from None


def _shown(uri: str) -> str:
    """Without a password."""
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:…@", uri)
