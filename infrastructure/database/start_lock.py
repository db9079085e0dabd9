"""The lock that lets one thread of one process at a time start or change the server of a home."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from infrastructure.database.private_folder import private_folder

_starting = Lock()


@contextmanager
def start_lock(home: Path) -> Iterator[None]:
    """Hold the lock of a home for the length of a block.

    The lock is on the folder itself, so that no lock file belongs to the user who came first. Some file systems of
    clusters cannot lock a folder: there it is on a file in the user's own folder on this machine.
    """
    with _starting:
        descriptor = os.open(home, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            os.close(descriptor)
            descriptor = _lock_file(home)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(descriptor)


def _lock_file(home: Path) -> int:
    name = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:16]
    folder = private_folder(os.geteuid(), os.getegid())
    return os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
