"""Journals as a finished comparison leaves them, without training anything."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from activeloop.store.journal import Journal

Curve = Mapping[int, float]  # labels told -> accuracy
WriteRun = Callable[..., Path]


def config(strategy: str, seed: int, start: str = "random") -> dict[str, object]:
    return {
        "seed": seed,
        "budget": 100,
        "query": 10,
        "start": {"strategy": start, "size": 10},
        "acquire": {"strategy": strategy, "pick": "top"},
        "learner": {"name": "supervised", "options": {"epochs": 5}},
        "oracle": {"name": "simulated", "noise": ""},
    }


def events(
    strategy: str, seed: int, curve: Curve, start: str = "random", classes: Sequence[str] = ("cat", "dog")
) -> list[dict[str, object]]:
    """Rows 0, 1, 2, … are asked in turn and told as class 0 and 1 alternately; then each model is measured."""
    opened = {"event": "opened", "config": config(strategy, seed, start), "fingerprint": "f", "data": "d", "rows": 1000}
    found: list[dict[str, object]] = [{**opened, "classes": list(classes)}]
    told = 0
    for round, (labels, accuracy) in enumerate(curve.items()):
        query, rows = f"q{round:04d}", list(range(told, labels))
        found.append({"event": "asked", "query": query, "use": "acquire" if round else "start", "rows": rows})
        found.append({"event": "told", "query": query, "answers": {str(row): row % 2 for row in rows}})
        metrics = {"accuracy": accuracy, "loss": 1 - accuracy}
        found.append({"event": "measured", "round": round, "labels": labels, "metrics": metrics})
        told = labels
    return found


@pytest.fixture
def write_journal(tmp_path: Path) -> WriteRun:
    """Give a run of tmp_path/runs more events: all that it does not have yet."""

    def write(strategy: str, seed: int, curve: Curve, name: str | None = None, **more: str) -> Path:
        folder = tmp_path / "runs" / (name or f"{strategy}-{seed}")
        with Journal(folder) as journal:
            for event in events(strategy, seed, curve, **more)[len(journal.events) :]:
                journal.append(event)  # type: ignore[arg-type]
        return folder

    return write


@pytest.fixture
def write_timings() -> Callable[[Path, Sequence[Mapping[str, float]]], None]:
    def write(run: Path, lines: Sequence[Mapping[str, float]]) -> None:
        (run / "timings.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    return write


@contextmanager
def tensorboard(logdir: Path, path: str = "data/runs", has_read: Callable[[bytes], bool] = bool) -> Iterator[str]:
    """The address of a TensorBoard, once what it says at `path` shows that it has read all."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--port", str(port)]
    server = subprocess.Popen([*command, "--host", "127.0.0.1"], stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            time.sleep(0.5)
            try:
                if has_read(urllib.request.urlopen(f"{address}/{path}", timeout=5).read()):
                    break
            except OSError:
                continue
        yield address
    finally:
        server.terminate()
        server.wait()
