"""The embedded PostgreSQL: a server on a folder, which processes share and which listens on a socket only."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Literal

import psycopg
from platformdirs import user_runtime_path

from domain.errors import MissingExtra, SojournError
from infrastructure.database.server_provider import NoServerForData, ServerProvider, data_version, find_provider

NO_PROCESS = str(2**30)
"""A process id that is larger than any that a system gives."""

Status = Literal["running", "stopped", "absent"]

_starting = Lock()


class EmbeddedServerFailed(SojournError):
    """Raised when the embedded server does not start.

    Fix: read its log, or name another database with SOJOURN_DSN.
    """

    def __init__(self, home: Path, why: str) -> None:
        self.home = home
        super().__init__(
            f"the embedded PostgreSQL in {home} did not start ({why}); "
            f"look at {home / 'postgres' / 'log'}, or name another database with SOJOURN_DSN"
        )


class EmbeddedServer:
    """The PostgreSQL server of one SOJOURN_HOME. It runs until it is stopped, also when this process ends."""

    def __init__(self, home: Path) -> None:
        self.home = home.expanduser().absolute()
        self.data = self.home / "postgres"

    def start(self) -> str:
        """Start the server unless it runs, and return its DSN. Processes that start it at once get the same one.

        Raises:
            MissingExtra: no package with a server is installed.
            NoServerForData: the installed servers are of another major version than the data.
            EmbeddedServerFailed: the server did not start.
        """
        running = self.running_dsn()
        if running:
            return running
        try:
            provider = find_provider(self.data)
            self.home.mkdir(parents=True, exist_ok=True)
            with self._alone():
                return self.running_dsn() or self._start(provider)
        except SojournError:
            raise
        except Exception as error:
            raise EmbeddedServerFailed(self.home, str(error)) from error

    def stop(self) -> bool:
        """Stop the server, and return whether it ran.

        Raises:
            MissingExtra: no package with a server is installed.
        """
        if self.running_dsn() is None:
            return False
        find_provider(self.data).stop(self.data)
        return True

    def status(self) -> Status:
        """Return whether the server runs, has data but does not run, or was never started."""
        if self.running_dsn():
            return "running"
        return "absent" if data_version(self.data) is None else "stopped"

    def running_dsn(self) -> str | None:
        """Return the DSN of the server if it answers. The pid file has it, which costs a command nothing."""
        lines = self._pid_file()
        if len(lines) < 8 or lines[7].strip() != "ready":
            return None
        dsn = f"postgresql://postgres:@/postgres?host={lines[4].strip()}"
        return dsn if _answering_version(dsn) else None

    def version(self) -> int | None:
        """Return the version of the server that runs, or else of the one that would be started.

        None: no installed package can start one.
        """
        dsn = self.running_dsn()
        if dsn:
            return _answering_version(dsn)
        try:
            return find_provider(self.data).server_version()
        except (MissingExtra, NoServerForData):
            return None

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _start(self, provider: ServerProvider) -> str:
        self._disown_stale_pid_file()
        return provider.start(self.data)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one thread of one process at a time start a server on this data, whichever package each of them uses.

        The lock is not in `home`, because the file systems of clusters do not all support locks.
        """
        from fasteners import InterProcessLock  # noqa: PLC0415 - of an extra

        name = hashlib.sha256(str(self.data.resolve()).encode()).hexdigest()[:16]
        with _starting, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as in the library: platformdirs warns where it takes another folder
            with InterProcessLock(user_runtime_path("sojourn") / f"{name}.lock"):
                yield

    def _disown_stale_pid_file(self) -> None:
        # Another program may have its process id by now, and would be taken for the server. The other lines stay,
        # because PostgreSQL checks by their shared memory that nothing of the old server is left.
        lines, file = self._pid_file(), self.data / "postmaster.pid"
        if len(lines) < 7:
            file.unlink(missing_ok=True)
        elif not self._is_postmaster(lines[0]):
            file.write_text("\n".join([NO_PROCESS, *lines[1:7], "gone"]) + "\n")

    def _is_postmaster(self, process_id: str) -> bool:
        import psutil  # noqa: PLC0415 - of an extra

        try:
            return str(self.data.resolve()) in psutil.Process(int(process_id)).cmdline()
        except (ValueError, psutil.NoSuchProcess):
            return False
        except psutil.AccessDenied:
            return True


def _answering_version(dsn: str) -> int | None:
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            return connection.info.server_version
    except psycopg.OperationalError:
        return None
