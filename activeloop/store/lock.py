"""One writer per run."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from activeloop.errors import StoreError


class Lock:
    """An flock held by this process; the kernel lets go of it when the process dies, however it dies.

    The file names host and pid, for the message that a second writer gets; its presence alone means nothing.
    raises: StoreError where another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._handle, 200, 0).decode(errors="replace").strip() or "another process"
            os.close(self._handle)
            raise StoreError(
                f"{path.parent} is being written by {holder}; a run has one writer. Wait for it, or stop it:"
                " nothing is lost, and the same command goes on where it stood."
            ) from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"pid {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._handle)
