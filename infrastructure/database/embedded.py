"""The embedded PostgreSQL: a server on a folder, which processes share and which listens on a socket only.

Nobody may connect but the user of the operating system who owns the folder, and root (`server_access`).
"""

import hashlib
import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import psycopg

from domain.errors import MissingExtra, SojournError
from infrastructure.database.private_folder import private_folder
from infrastructure.database.server_access import is_restricted, restrict_access
from infrastructure.database.server_account import ServerAccount, data_owner, find_account
from infrastructure.database.server_programs import PORT, START_SECONDS, WORKING_FOLDER, ServerPrograms
from infrastructure.database.server_provider import NoServerForData, ServerProvider, data_version, find_provider
from infrastructure.database.start_lock import start_lock

if TYPE_CHECKING:
    import psutil

NO_PROCESS = str(2**30)
"""A process id that is larger than any that a system gives."""

MAX_SOCKET_PATH = 103
"""The longest path of a socket, in bytes; Linux has 107, macOS 103."""

POLL_SECONDS = 0.05
ENDING_SECONDS = 5.0
"""How long processes of a server that died may take to end before they are killed."""

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
    """The PostgreSQL server of one SOJOURN_HOME. It runs until it is stopped, also when this process ends."""

    def __init__(self, home: Path) -> None:
        self.home = home.expanduser().absolute()
        self.data = self.home / "postgres"

    def start(self) -> str:
        """Start the server unless it runs, and return its DSN. Processes that start it at once get the same one.

        Raises:
            MissingExtra: no package with a server is installed.
            NoServerForData: the installed servers are of another major version than the data.
            PrivateFolderTaken: its path is too long for a socket, and the folder for one in /tmp is somebody else's.
            EmbeddedServerFailed: the server did not start.
        """
        running = self.running_dsn()
        if running and is_restricted(self.data, data_owner(self.data)):
            return running
        try:
            provider = find_provider(self.data) if not running else None
            self.home.mkdir(parents=True, exist_ok=True)
            with start_lock(self.home):
                return self._running_restricted() or self._start(provider or find_provider(self.data))
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
        ServerPrograms(find_provider(self.data), data_owner(self.data), self.data).stop()
        return True

    def status(self) -> Status:
        """Return whether the server runs, has data but does not run, or was never started."""
        if self.running_dsn():
            return "running"
        return "absent" if data_version(self.data) is None else "stopped"

    def running_dsn(self) -> str | None:
        """Return the DSN of the server if it answers. The pid file has it, which costs a command nothing."""
        dsn = self._stated_dsn()
        return dsn if dsn and _answering_version(dsn) else None

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

    def _running_restricted(self) -> str | None:
        """Return the DSN of a server that runs, and shut others out that an older version has let in."""
        dsn = self.running_dsn()
        if dsn and not is_restricted(self.data, data_owner(self.data)):
            owner = data_owner(self.data)
            restrict_access(self.data, owner)
            sockets = self._socket_folder_in_use()
            if sockets != self.data and sockets.stat().st_uid in (owner.uid, os.geteuid()):
                os.chown(sockets, owner.uid, owner.gid)
                sockets.chmod(0o700)
            os.kill(int(self._pid_file()[0]), signal.SIGHUP)
        return dsn

    def _start(self, provider: ServerProvider) -> str:
        while (postmaster := self._postmaster()) is not None:
            dsn = self._stated_dsn()
            if dsn and self._has_socket():
                return dsn  # it runs and does not answer, for example because all its connections are in use
            self._wait_or_end(postmaster)
        self._end_left_processes()
        self._disown_stale_pid_file()
        account = find_account(self.data)
        if data_version(self.data) is None:
            self._create(provider, account)
        account.own(self.data)
        restrict_access(self.data, account)
        sockets = self._socket_folder(account)
        # It names a process too, which may be somebody else's by now, or a killed one that nobody has waited for.
        (sockets / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        ServerPrograms(provider, account, self.data).start(sockets)
        dsn = self._stated_dsn()
        assert dsn is not None
        return dsn

    def _create(self, provider: ServerProvider, account: ServerAccount) -> None:
        """Make the data in a folder of another name, so that no start finds it half made."""
        made = self.data if self.data.exists() else self.home / "postgres.new"
        if made != self.data and made.exists():
            shutil.rmtree(made)
        made.mkdir(mode=0o700, exist_ok=True)
        os.chown(made, account.uid, account.gid)
        ServerPrograms(provider, account, made).create()
        made.rename(self.data)

    def _socket_folder(self, account: ServerAccount) -> Path:
        """Return the data folder, or another one where libpq cannot name it: too long, or with the comma of a list."""
        path = os.fsencode(self.data / f".s.PGSQL.{PORT}")
        if len(path) <= MAX_SOCKET_PATH and b"," not in path:
            return self.data
        name = hashlib.sha256(os.fsencode(self.data.resolve())).hexdigest()[:16]
        return private_folder(account.uid, account.gid, name)

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _stated_dsn(self) -> str | None:
        """Return the DSN that the pid file states, if the server has begun to accept connections."""
        lines = self._pid_file()
        if len(lines) < 8 or lines[7].strip() != "ready":
            return None
        host = quote(str(self._socket_folder_in_use()))
        return f"postgresql://postgres:@/postgres?host={host}&port={lines[3].strip()}"

    def _socket_folder_in_use(self) -> Path:
        stated = self._pid_file()[4].strip()
        return self.data if stated == WORKING_FOLDER else Path(stated)

    def _has_socket(self) -> bool:
        return (self._socket_folder_in_use() / f".s.PGSQL.{self._pid_file()[3].strip()}").exists()

    def _postmaster(self) -> "psutil.Process | None":
        """Return the process of the pid file if it is this server, and not another program with its process id."""
        import psutil  # noqa: PLC0415 - of an extra

        try:
            process = psutil.Process(int(self._pid_file()[0]))
            return process if _works_in(process, self.data) else None
        except (IndexError, ValueError, psutil.NoSuchProcess):
            return None

    def _wait_or_end(self, postmaster: "psutil.Process") -> None:
        """Wait until a server that starts or stops has done so; end one whose socket was removed."""
        deadline = time.monotonic() + START_SECONDS
        while postmaster.is_running() and time.monotonic() < deadline:
            if self._stated_dsn():
                if self._has_socket():
                    return
                postmaster.send_signal(signal.SIGINT)
                postmaster.wait(START_SECONDS)
            time.sleep(POLL_SECONDS)

    def _end_left_processes(self) -> None:
        """End the processes of a server that was killed: a new one does not start while they go on."""
        import psutil  # noqa: PLC0415 - of an extra

        left = [process for process in psutil.process_iter() if _works_in(process, self.data)]
        for process in left:
            process.send_signal(signal.SIGQUIT)
        _, alive = psutil.wait_procs(left, ENDING_SECONDS)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, ENDING_SECONDS)

    def _disown_stale_pid_file(self) -> None:
        # Another program may have its process id by now, and would be taken for the server. The other lines stay,
        # because PostgreSQL checks by their shared memory that nothing of the old server is left.
        lines, file = self._pid_file(), self.data / "postmaster.pid"
        if len(lines) < 7:
            file.unlink(missing_ok=True)
        else:
            file.write_text("\n".join([NO_PROCESS, *lines[1:7], "gone"]) + "\n")


def _works_in(process: "psutil.Process", data: Path) -> bool:
    """Return whether a process is one of the server on a data folder, which is the working folder of all of them."""
    import psutil  # noqa: PLC0415 - of an extra

    try:
        return bool(process.name() == "postgres" and process.cwd() == str(data.resolve()))
    except psutil.Error:
        return False


def _answering_version(dsn: str) -> int | None:
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            return connection.info.server_version
    except psycopg.OperationalError:
        return None
