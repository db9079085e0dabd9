"""Help tests to servers of their own: a test may stop, break and reconfigure one, and give it a standby.

with own_server("max_prepared_transactions=2") as server:
    with server.standby() as standby:                       # made by pg_basebackup; it only reads
        standby.promote()
    server.stop("immediate")
    server.start()
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from tests.support.servers import UNHURRIED, run_command, server_user, system_commands


@dataclass(frozen=True)
class OwnServer:
    """A PostgreSQL of the system's packages, with its data and its socket in a folder of its own."""

    folder: Path
    options: tuple[str, ...]

    @property
    def data(self) -> Path:
        """Return the folder of the data."""
        return self.folder / "data"

    @property
    def dsn(self) -> str:
        """Return the DSN of its database `postgres`."""
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def run(self, name: str, *arguments: str) -> None:
        """Run one of PostgreSQL's commands as the user of the server."""
        run_command(server_user(), name, *arguments)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        settings = ("listen_addresses=''", f"unix_socket_directories='{self.folder}'", *UNHURRIED, *self.options)
        options = " ".join(f"-c {setting.replace(' ', '')}" for setting in settings)
        self.run("pg_ctl", "-D", str(self.data), "-o", options, "-l", str(self.folder / "log"), "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: `fast` ends sessions, `immediate` is a crash."""
        self.run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")

    def promote(self) -> None:
        """Make a standby a primary, and wait until it is one."""
        self.run("pg_ctl", "-D", str(self.data), "-w", "promote")

    @contextmanager
    def standby(self, *options: str) -> Iterator[Self]:
        """Yield a running standby, which follows this server by streaming."""
        with _folder() as folder:
            copy = type(self)(folder, (*self.options, *options))
            self.run("pg_basebackup", "-D", str(copy.data), "-R", "-d", self.dsn, "-c", "fast", "--no-sync")
            with copy._running():
                yield copy

    @contextmanager
    def _running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            if (self.data / "postmaster.pid").exists():
                self.stop("immediate")


@contextmanager
def own_server(*options: str) -> Iterator[OwnServer]:
    """Yield a new server with the given settings; skip the test where this machine has no PostgreSQL of its own."""
    if system_commands() is None:
        pytest.skip("the commands of a PostgreSQL are not installed")
    with _folder() as folder:
        server = OwnServer(folder, options)
        server.run("initdb", "-D", str(server.data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
        with server._running():
            yield server


@contextmanager
def _folder() -> Iterator[Path]:
    # Not pytest's own temporary folder: its path is too long for a socket, and closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="sojourn-own-"))
    try:
        user = server_user()
        if user:
            shutil.chown(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
