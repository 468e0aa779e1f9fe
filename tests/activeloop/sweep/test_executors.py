from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from activeloop.errors import StoreError
from activeloop.sweep.executors import processes, serial


def doubled(number: int) -> int:
    return 2 * number


def killed_once(where: str) -> str:
    """Dies the first time that it is called with this file."""
    file = Path(where)
    if file.name == "dies" and not file.exists():
        file.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return file.name


def killed(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_serial_keeps_the_order_and_processes_give_each_result_once() -> None:
    assert list(serial(doubled, range(4))) == [0, 2, 4, 6]
    assert sorted(processes(doubled, range(4), 2)) == [0, 2, 4, 6]
    assert list(processes(doubled, [], 2)) == []


def test_what_a_killed_worker_had_not_finished_is_done_by_another(tmp_path: Path) -> None:
    work = [str(tmp_path / name) for name in ("a", "dies", "b", "c")]

    assert sorted(processes(killed_once, work, 2)) == ["a", "b", "c", "dies"]


def test_workers_that_are_killed_again_and_again_are_given_up_with_the_reason() -> None:
    with pytest.raises(StoreError, match="killed, 3 times in a row, most often because memory ran out at --jobs 2"):
        list(processes(killed, range(3), 2))
