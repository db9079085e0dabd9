"""The lock that lets one thread of one process at a time start or change the server of a home."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from infrastructure.database.private_folder import private_folder
from infrastructure.errors import LockTimeout
from infrastructure.lock_holders import LockHolder

WAIT_SECONDS = 300.0
"""How long a process waits for another one that starts the same server; creating its data takes some seconds."""

PAUSE_SECONDS = 0.05

_starting = Lock()


@contextmanager
def start_lock(home: Path, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock of a home for the length of a block.

    The lock is on the folder itself, so that no lock file belongs to the user who came first. Some file systems of
    clusters cannot lock a folder: there it is on a file in the user's own folder on this machine.

    Raises:
        LockTimeout: another process has held it for `wait_seconds`.
    """
    with _starting:
        descriptor = os.open(home, os.O_RDONLY)
        try:
            try:
                _wait_for(descriptor, home, wait_seconds)
            except OSError:
                os.close(descriptor)
                descriptor = _lock_file(home)
                _wait_for(descriptor, home, wait_seconds)
            yield
        finally:
            os.close(descriptor)


def _wait_for(descriptor: int, home: Path, seconds: float) -> None:
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited = time.monotonic() - began
            if waited >= seconds:
                holders = _find_holders(descriptor)
                raise LockTimeout(f"the embedded server of {str(home)!r}", waited, holders) from None
        time.sleep(PAUSE_SECONDS)


def _find_holders(descriptor: int) -> list[LockHolder]:
    """Return the process that holds the lock, where the system shows it."""
    inode = str(os.fstat(descriptor).st_ino)
    try:
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return []
    return [
        LockHolder(int(lock[4]))
        for lock in locks
        if len(lock) > 5 and lock[1] == "FLOCK" and lock[5].rpartition(":")[2] == inode
    ]


def _lock_file(home: Path) -> int:
    name = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:16]
    folder = private_folder(os.geteuid(), os.getegid())
    return os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
