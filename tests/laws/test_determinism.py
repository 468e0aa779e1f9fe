"""Equal configuration and seed, equal bytes: on real data, through the real net, killed or not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from activeloop import catalogue
from activeloop.config import Config, load
from activeloop.fold import fold
from activeloop.store.journal import read
from activeloop.types import Loaded

Configure = Callable[..., Config]
Finish = Callable[[Path, Config, Loaded], Path]
NET = (
    "budget=50",
    "start.size=20",
    "query=10",
    "learner.options.steps=40",
    "learner.options.looks=5",
    "evidence.early.models=2",
)


@pytest.mark.parametrize("strategy", ["entropy", "bald", "forgetting", "el2n", "k-means"])
def test_the_same_run_has_the_same_bytes(tmp_path: Path, finish: Finish, digits: Loaded, strategy: str) -> None:
    config = load(None, [*NET, f"acquire.strategy={strategy}"])
    first, again = (finish(tmp_path / name, config, digits).read_bytes() for name in ("first", "again"))

    assert first == again


PSEUDO = (
    "{where}.reference.heads=2", "{where}.reference.epochs=3", "{where}.difficulty.epochs=3", "{where}.difficulty.window=2",
)  # fmt: skip


@pytest.mark.parametrize("name", catalogue.SELECTORS)
def test_every_selector_starts_a_run_and_picks_in_its_rounds_the_same_each_time(
    tmp_path: Path, quick: Configure, finish: Finish, digits: Loaded, name: str
) -> None:
    sets = [f"start.strategy={name}", f"acquire.strategy={name}"]
    if catalogue.PRESETS.get(name, catalogue.Preset()).bind.get("difficulty") == "proxy":
        small = ["{where}.difficulty.net=mlp", "{where}.reference.batch=512", "{where}.difficulty.batch=64"]
        sets += [each.format(where=where) for each in (*PSEUDO, *small) for where in ("evidence", "start.evidence")]
        sets += ["start.bind.cutoff=prior", "acquire.bind.cutoff=prior"]
    caches = [f"data.cache={tmp_path / each}" for each in ("one", "two")]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # DBSCAN says that it finds one cluster
        first = finish(tmp_path / "first", quick(*sets, caches[0]), digits).read_bytes()
        again = finish(tmp_path / "again", quick(*sets, caches[1]), digits).read_bytes()

    lines = [line for line in first.splitlines()[1:] if b'"asked"' in line]
    assert lines == [line for line in again.splitlines()[1:] if b'"asked"' in line]
    rows = [row for line in lines for row in json.loads(line)["rows"]]
    assert len(set(rows)) == len(rows) == 40


@pytest.mark.parametrize("strategy", ["margin", "forgetting"])
@pytest.mark.parametrize("start", ["scratch", "warm"])
def test_a_run_cut_after_every_event_ends_the_same(
    tmp_path: Path, finish: Finish, digits: Loaded, strategy: str, start: str
) -> None:
    """Older models, for a warm start and for `previous`, are trained again from the journal."""
    config = load(None, [*NET, f"acquire.strategy={strategy}", f"learner.options.start={start}"])
    whole = finish(tmp_path / "whole", config, digits).read_bytes()
    lines = whole.splitlines(keepends=True)

    for count in range(1, len(lines), 3):
        folder = tmp_path / f"cut-{count}"
        folder.mkdir()
        (folder / "journal.jsonl").write_bytes(b"".join(lines[:count]))
        assert finish(folder, config, digits).read_bytes() == whole


def test_a_journal_cut_at_every_byte_resumes_to_the_same_end(
    tmp_path: Path, quick: Configure, finish: Finish, digits: Loaded
) -> None:
    config = quick("budget=12", "start.size=8", "query=2", "stop.target=2.0")
    whole = finish(tmp_path / "whole", config, digits).read_bytes()
    head = whole.index(b"\n") + 1  # cut inside the first line, the run starts anew: a few cuts stand for all

    cut = tmp_path / "cut"
    cut.mkdir()
    for length in [0, 1, head // 2, head - 1, *range(head, len(whole))]:
        (cut / "journal.jsonl").write_bytes(whole[:length])
        assert finish(cut, config, digits).read_bytes() == whole, f"cut at byte {length}"


def test_paired_seeds_share_split_start_and_initial_weights(tmp_path: Path, finish: Finish, digits: Loaded) -> None:
    firsts = []
    for strategy in ("random", "margin", "el2n"):
        config = load(None, [*NET, "start.strategy=k-center", f"acquire.strategy={strategy}"])
        state = fold(read(finish(tmp_path / strategy, config, digits)))
        assert state is not None
        firsts.append((state.queries[0].rows, state.queries[0].answers, state.measures[0].metrics))

    assert firsts[0] == firsts[1] == firsts[2]


def test_another_seed_is_another_run(tmp_path: Path, quick: Configure, finish: Finish, digits: Loaded) -> None:
    starts = []
    for seed in (0, 1):
        state = fold(read(finish(tmp_path / str(seed), quick(f"seed={seed}"), digits)))
        assert state is not None
        starts.append(state.queries[0].rows)

    assert starts[0] != starts[1]


def test_the_journal_holds_no_clock(tmp_path: Path, quick: Configure, finish: Finish, digits: Loaded) -> None:
    journal = finish(tmp_path, quick(), digits)

    for line in journal.read_text().splitlines():
        assert not {"time", "date", "seconds", "at"} & set(json.loads(line))
    assert "fit_s" in (tmp_path / "timings.jsonl").read_text()


@pytest.mark.slow
def test_a_run_killed_at_random_moments_loses_nothing_and_ends_the_same(tmp_path: Path) -> None:
    """Twenty kills or more, each followed by the same command, against one undisturbed run."""

    def command(out: Path) -> list[str]:
        sets = [part for entry in (*NET, "learner.options.steps=150", "budget=170") for part in ("--set", entry)]
        return [sys.executable, "-m", "activeloop.cli.main", "run", "--strategy", "forgetting", "--noise", "pair:0.1",
                "--out", str(out), *sets]  # fmt: skip

    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True, timeout=300)
    whole = (tmp_path / "whole/journal.jsonl").read_bytes()
    chance, kills, seen = random.Random(0), 0, b""
    for _ in range(400):
        journal = tmp_path / "killed/journal.jsonl"
        process = subprocess.Popen(command(tmp_path / "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _wait_for_growth(journal, len(seen), process)
        time.sleep(chance.uniform(0, 0.3))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
        now = journal.read_bytes() if journal.exists() else b""
        assert now.startswith(seen[: seen.rfind(b"\n") + 1]), "an event that was on disk is gone"
        seen = now
        if seen == whole:
            break

    assert seen == whole
    assert kills >= 20


def _wait_for_growth(journal: Path, size: int, process: subprocess.Popen[bytes]) -> None:
    """Until the journal has grown, so that every life gets a little further; at most a minute."""
    for _ in range(3000):
        if process.poll() is not None or (journal.exists() and journal.stat().st_size > size):
            return
        time.sleep(0.02)
