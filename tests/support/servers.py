"""The PostgreSQL servers that the tests run on: the embedded one, one from the system's packages, and a chosen one."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infrastructure.database.embedded import EmbeddedServer

SYSTEM_COMMANDS = ("initdb", "pg_ctl", "postgres")


def kinds() -> list[str]:
    """The kinds of servers that there are here."""
    found = ["embedded"]
    if all(map(shutil.which, SYSTEM_COMMANDS)):
        found.append("system")
    if os.environ.get("SOJOURN_TEST_DSN"):
        found.append("chosen")
    return found


@contextmanager
def running(kind: str) -> Iterator[str]:
    """The DSN of a server of that kind, for the length of a block."""
    if kind == "chosen":
        yield os.environ["SOJOURN_TEST_DSN"]
        return
    # Not pytest's own temporary folder: its path is too long for a socket, and closed to other users.
    start = _embedded if kind == "embedded" else _system
    with (
        tempfile.TemporaryDirectory(prefix="sojourn-", ignore_cleanup_errors=True) as folder,
        start(Path(folder)) as dsn,
    ):
        yield dsn


@contextmanager
def _embedded(folder: Path) -> Iterator[str]:
    server = EmbeddedServer(folder)
    try:
        yield server.start()
    finally:
        server.stop()


@contextmanager
def _system(folder: Path) -> Iterator[str]:
    user = _other_user() if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    _run(user, "initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
    _run(user, "pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        _run(user, "pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


def _run(user: str | None, *command: str) -> None:
    # Files, not pipes: the server that pg_ctl starts would hold a pipe open for ever.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, user=user, cwd="/", stdout=output, stderr=output, check=False)
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{command[0]}: {output.read().decode()}")


def _other_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "pgserver", "nobody") if name in names)
