"""Ctrl-C at a terminal reaches every process of a command; whatever it hits, the same command goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from activeloop.cli.main import INTERRUPTED, main

from .conftest import QUICK, environment
from .test_compare import journals

PATIENCE_S = 180  # until the runs have begun, and until the command has ended; a busy machine needs some seconds


def command(out: Path, jobs: int) -> list[str]:
    words = ("compare", *QUICK, "--strategies", "random,margin", "--seeds", 2, "--budget", 200, "--query", 10,
             "--jobs", jobs, "--out", out)  # fmt: skip
    return [str(word) for word in words]


def interrupted_midway(words: list[str], out: Path) -> tuple[int, str]:
    """Starts the command and presses Ctrl-C once a run has been told something; gives exit code and standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "activeloop.cli.main", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment(),
        # a shell starts its background jobs deaf to the interrupt, and their children are too
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    give_up = time.monotonic() + PATIENCE_S
    while not any(journal.count(b'"told"') > 2 for journal in journals(out).values()):
        assert process.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, err


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The journals of a comparison that nobody interrupted."""
    out = tmp_path_factory.mktemp("whole")
    main(command(out, 1))
    return journals(out)


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_stops_cleanly_and_the_same_command_ends_as_if_it_had_not_been(
    tmp_path: Path, jobs: int, whole: dict[str, bytes]
) -> None:
    code, err = interrupted_midway(command(tmp_path, jobs), tmp_path)
    cut = journals(tmp_path)
    main(command(tmp_path, 1))

    assert code == INTERRUPTED
    assert "the same command goes on from there:\n  activeloop compare" in err
    assert "Traceback" not in err
    assert any(whole[name] != journal for name, journal in cut.items()), "it was interrupted midway"
    assert len(whole) == 4
    assert journals(tmp_path) == whole
