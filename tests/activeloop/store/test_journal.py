from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from activeloop.errors import StoreError
from activeloop.store.journal import Journal, encode, read

FIRST, SECOND = {"event": "told", "answers": {"1": 2}}, {"event": "closed", "query": "q0001"}


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.append(FIRST)
        journal.append(SECOND)

    assert list(read(tmp_path / "journal.jsonl")) == [FIRST, SECOND]


def test_a_torn_tail_is_passed_over_by_readers_and_cut_by_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(encode(FIRST) + encode(SECOND)[:-5])

    assert list(read(path)) == [FIRST]
    with Journal(tmp_path) as journal:
        journal.append(SECOND)
    assert path.read_bytes() == encode(FIRST) + encode(SECOND)


def test_a_broken_line_in_the_middle_is_refused_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(encode(FIRST) + b"{oops\n" + encode(SECOND))

    with pytest.raises(StoreError, match="line 2 of the journal is not an event"):
        Journal(tmp_path)


def test_a_second_writer_is_refused_with_host_and_pid(tmp_path: Path) -> None:
    with (
        Journal(tmp_path),
        pytest.raises(StoreError, match=rf"written by pid {os.getpid()} on \S+; a run has one writer"),
    ):
        Journal(tmp_path)
    Journal(tmp_path).close()  # free again


def test_a_killed_writer_leaves_no_lock_behind(tmp_path: Path) -> None:
    script = "import os, sys; from pathlib import Path; from activeloop.store.journal import Journal\n"
    script += "Journal(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, timeout=60)

    assert (tmp_path / "lock").exists()
    Journal(tmp_path).close()


def test_a_full_disk_is_said_and_the_journal_ends_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path) as journal:
        journal.append(FIRST)
        write = os.pwrite

        def full_after_ten_bytes(handle: int, content: bytes, at: int) -> int:
            if len(content) > 10:
                return write(handle, content[:10], at)
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", full_after_ten_bytes)
            with pytest.raises(StoreError, match="disk is full.*free some space"):
                journal.append(SECOND)
        assert (tmp_path / "journal.jsonl").read_bytes() == encode(FIRST)
        journal.append(SECOND)  # space again: goes on

    assert list(read(tmp_path / "journal.jsonl")) == [FIRST, SECOND]


def test_nan_cannot_enter_the_journal() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode({"event": "measured", "metrics": {"loss": float("nan")}})


def test_every_event_is_synced_before_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    write, sync = os.pwrite, os.fsync
    with Journal(tmp_path) as journal:
        monkeypatch.setattr(os, "pwrite", lambda *given: (calls.append("write"), write(*given))[1])
        monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("sync"), sync(handle))[1])
        journal.append(FIRST)

    assert calls == ["write", "sync"]


def test_a_missing_journal_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="activeloop run"):
        list(read(tmp_path / "none" / "journal.jsonl"))
