"""Help tests to servers: the embedded PostgreSQL, one from the system's packages, and one named by the environment."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from infrastructure.database.embedded import EmbeddedServer

SYSTEM_COMMANDS = ("initdb", "pg_ctl", "postgres")
UNHURRIED = ("fsync = off", "full_page_writes = off", "autovacuum = off", "jit = off")
"""Options for a server that nobody keeps; without autovacuum, plans do not depend on when it last ran."""


def kinds(*, every: bool) -> list[str]:
    """Return the kinds of servers to test on: the embedded one, or `every` one that this machine has."""
    found = ["embedded"]
    if every and system_commands() is not None:
        found.append("system")
    if os.environ.get("SOJOURN_TEST_DSN"):
        found.append("chosen")
    return found


def system_commands() -> Path | None:
    """Return the folder with the commands of the system's PostgreSQL: on the PATH, or the newest that Debian has."""
    newest_first = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True
    )
    on_path = shutil.which("initdb")
    candidates = [*([Path(on_path).resolve().parent] if on_path else []), *newest_first]
    return next((folder for folder in candidates if all((folder / name).exists() for name in SYSTEM_COMMANDS)), None)


@contextmanager
def running(kind: str) -> Iterator[str]:
    """Yield the DSN of a server of that kind, and stop it afterwards."""
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
        dsn = server.start()
        with psycopg.connect(dsn, autocommit=True) as connection:
            for option in UNHURRIED:
                connection.execute(f"ALTER SYSTEM SET {option}".encode())
            connection.execute("SELECT pg_reload_conf()")
        yield dsn
    finally:
        server.stop()


@contextmanager
def _system(folder: Path) -> Iterator[str]:
    user = server_user()
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
    options += "".join(f" -c {option.replace(' ', '')}" for option in UNHURRIED)
    run_command(user, "initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
    run_command(user, "pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        run_command(user, "pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


def run_command(user: str | None, name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's commands as another user, or as this one."""
    folder = system_commands()
    assert folder is not None
    # Files, not pipes: the server that pg_ctl starts would hold a pipe open.
    with tempfile.TemporaryFile() as output:
        command = [str(folder / name), *arguments]
        done = subprocess.run(command, user=user, cwd="/", stdout=output, stderr=output, check=False)
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{name}: {output.read().decode()}")


def server_user() -> str | None:
    """Return the user that a server runs as, because PostgreSQL refuses root; None: this one."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "pgserver", "nobody") if name in names)
