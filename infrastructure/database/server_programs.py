"""The programs that make, start and stop the embedded server, run as its user."""

import os
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infrastructure.database.server_account import ServerAccount
from infrastructure.database.server_provider import ServerProvider

WORKING_FOLDER = "/proc/self/cwd"
"""The data folder as a server calls it that may not pass the folders above: it is started inside."""

CACHE = Path("/var/cache/sojourn")
"""Where root puts copies of programs that the server's user cannot reach."""

START_SECONDS = 300
"""How long a start may take; most of it is the recovery after a crash."""

PORT = 5432
"""The port that names the socket, stated everywhere because PGPORT would change it."""


class ProgramFailed(Exception):
    """A program ended with an error; its text is what it printed."""


@dataclass(frozen=True)
class ServerPrograms:
    """The programs of a provider on one data folder, run as the user that owns it."""

    provider: ServerProvider
    account: ServerAccount
    data: Path

    def create(self) -> None:
        """Make an empty data folder a cluster that only its user may connect to."""
        access = ("--auth-local=peer", "--auth-host=reject", "--username=postgres")
        self._run("initdb", "--encoding=UTF8", *access)

    def start(self, sockets: Path) -> None:
        """Start the server with its socket in a folder, and wait until it accepts connections."""
        folder = self._seen_by_server if sockets == self.data else str(sockets)
        quoted = folder.replace('"', '""')
        settings = {
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_directories": f'"{quoted}"',
            "unix_socket_permissions": "0700",
        }
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
        log = f"{self._seen_by_server}/log"
        self._run("pg_ctl", "-w", "-t", str(START_SECONDS), "-o", options, "-l", log, "start")

    def stop(self) -> None:
        """Stop the server, and wait until it has ended."""
        self._run("pg_ctl", "-m", "fast", "-w", "-t", str(START_SECONDS), "stop")

    @property
    def _seen_by_server(self) -> str:
        if self.account.can_reach(self.data):
            return str(self.data)
        if not Path(WORKING_FOLDER).exists():
            raise ProgramFailed(
                f"the user {self.account.name} cannot reach it, and PostgreSQL refuses to run as root; "
                "set SOJOURN_HOME to a folder whose parents others may pass"
            )
        return WORKING_FOLDER

    def _run(self, name: str, *arguments: str) -> None:
        command = [str(reachable_programs(self.provider, self.account) / name), "-D", self._seen_by_server, *arguments]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        # A file, not a pipe, because the server that pg_ctl starts would hold a pipe open.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(  # noqa: S603 - the package's own program
                command, cwd=self.data, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                check=False, **self.account.process_options,
            )  # fmt: skip
            if done.returncode:
                output.seek(0)
                printed = output.read().decode(errors="replace").split("\n\n")[-1]
                raise ProgramFailed(f"{name}: {' '.join(printed.split())}")


def reachable_programs(provider: ServerProvider, account: ServerAccount) -> Path:
    """Return the folder of a provider's programs, or of a copy where the user cannot reach them.

    Root's own environment is often below a folder that is closed to others, and stays closed.
    """
    site = provider.site
    if not account.can_reach(site / provider.module / provider.server):
        site = _copy(provider)
    return site / provider.module / provider.server / "bin"


def _copy(provider: ServerProvider) -> Path:
    copy = CACHE / f"{provider.package}-{provider.server_version()}"
    if not copy.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        CACHE.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            whole = Path(folder) / "whole"
            for name in provider.folders:
                if (provider.site / name).exists():
                    shutil.copytree(provider.site / name, whole / name, symlinks=True)
            for path in (whole, *whole.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755)
            _rename(whole, copy)
    return copy


def _rename(whole: Path, copy: Path) -> None:
    try:
        whole.rename(copy)
    except OSError:
        if not copy.exists():  # another process may have been faster
            raise
