"""Help tests to PgBouncer, a pooler in front of a server, where it is installed."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.support.servers import server_user
from tests.support.waiting import wait_for

PROGRAM = shutil.which("pgbouncer", path="/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin:/opt/homebrew/bin")

CONFIGURATION = """
[databases]
* = host={host}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
{more}
"""


@contextmanager
def pooled(dsn: str, mode: str, *more: str) -> Iterator[str]:
    """Yield a DSN that goes through a PgBouncer in that `pool_mode`; skip the test where it is not installed."""
    if PROGRAM is None:
        pytest.skip("PgBouncer is not installed")
    place = conninfo_to_dict(dsn)
    with tempfile.TemporaryDirectory(prefix="sojourn-") as folder:
        port = _free_port()
        texts = {
            "users": f'"{place["user"]}" ""\n',
            "pgbouncer.ini": CONFIGURATION.format(
                host=place["host"], port=port, folder=folder, mode=mode, more="\n".join(more)
            ),
        }
        for name, text in texts.items():
            (Path(folder) / name).write_text(text)
        Path(folder).chmod(0o755)
        through = make_conninfo(dsn, host="127.0.0.1", port=port)
        log = (Path(folder) / "log").open("w")
        with log, subprocess.Popen(
            [PROGRAM, f"{folder}/pgbouncer.ini"], user=server_user(), stdout=log, stderr=log, cwd="/"
        ) as process:  # fmt: skip
            try:
                wait_for(lambda: _answers(through))
                yield through
            finally:
                process.terminate()


def _answers(dsn: str) -> bool:
    try:
        with psycopg.connect(dsn, connect_timeout=2) as connection:
            return not connection.closed
    except psycopg.OperationalError:
        return False


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])
