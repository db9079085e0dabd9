"""The embedded server: one for a folder, however many start it, and out of reach of the network."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from infrastructure.database.embedded import EmbeddedServer, EmbeddedServerFailed

START = """
import sys
from pathlib import Path
from infrastructure.database.embedded import EmbeddedServer
print("ready", flush=True)
sys.stdin.readline()
print(EmbeddedServer(Path(sys.argv[1])).start())
"""
STOP = """
import sys
from pathlib import Path
from infrastructure.database.embedded import EmbeddedServer
print(EmbeddedServer(Path(sys.argv[1])).stop())
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty SOJOURN_HOME; whatever runs there is stopped in the end."""
    with tempfile.TemporaryDirectory(prefix="sojourn-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
        subprocess.run([sys.executable, "-c", STOP, folder], check=True, capture_output=True, timeout=60)


@pytest.fixture
def server(home: Path) -> EmbeddedServer:
    return EmbeddedServer(home)


def ask(dsn: str, statement: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def postmaster(server: EmbeddedServer) -> int:
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def test_from_absent_to_running_to_stopped_and_back(server: EmbeddedServer) -> None:
    assert (server.status(), server.running_dsn(), server.stop()) == ("absent", None, False)

    dsn = server.start()
    assert (server.status(), server.running_dsn()) == ("running", dsn)
    ask(dsn, "CREATE TABLE kept (one) AS VALUES (1)")

    assert server.stop()
    assert (server.status(), server.running_dsn(), server.stop()) == ("stopped", None, False)

    assert ask(server.start(), "SELECT one FROM kept") == 1


def test_who_starts_it_again_gets_the_one_that_runs(server: EmbeddedServer, home: Path) -> None:
    dsn = server.start()
    pid = postmaster(server)

    assert (server.start(), EmbeddedServer(home).start()) == (dsn, dsn)
    assert postmaster(server) == pid


def test_processes_that_start_it_at_once_get_one_server_which_outlives_them(home: Path) -> None:
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(home)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for starter in starters:
        assert starter.stdout
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        assert starter.stdin
        starter.stdin.write("go\n")
        starter.stdin.flush()
    told = [starter.communicate(timeout=60) for starter in starters]

    assert [(starter.returncode, err) for starter, (_, err) in zip(starters, told, strict=True)] == [(0, "")] * 3
    (dsn,) = {out.strip() for out, _ in told}
    assert dsn == EmbeddedServer(home).running_dsn()
    assert ask(dsn, "SELECT 1") == 1


def test_it_listens_on_no_network_address(server: EmbeddedServer) -> None:
    dsn = server.start()

    assert ask(dsn, "SHOW listen_addresses") == ""
    assert ask(dsn, "SELECT inet_server_addr()") is None
    assert Path(str(conninfo_to_dict(dsn)["host"])).is_dir()


class TestAStalePidFile:
    def test_of_a_server_that_was_killed(self, server: EmbeddedServer) -> None:
        ask(server.start(), "CREATE TABLE kept (one) AS VALUES (1)")
        killed = psutil.Process(postmaster(server))
        killed.kill()
        killed.wait(timeout=30)

        assert (server.status(), server.running_dsn(), server.stop()) == ("stopped", None, False)

        assert ask(server.start(), "SELECT one FROM kept") == 1
        assert postmaster(server) != killed.pid

    def test_whose_process_id_is_somebody_elses_by_now(self, server: EmbeddedServer) -> None:
        server.start()
        pid_file = server.data / "postmaster.pid"
        _, *lines = pid_file.read_text().splitlines()
        server.stop()
        with subprocess.Popen(["sleep", "60"]) as other:
            pid_file.write_text("\n".join([str(other.pid), *lines]) + "\n")
            assert (server.status(), server.running_dsn()) == ("stopped", None)

            assert ask(server.start(), "SELECT 1") == 1

            assert other.poll() is None
            other.terminate()

    def test_that_was_cut_off(self, server: EmbeddedServer) -> None:
        server.start()
        pid_file = server.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        server.stop()
        for end in (0, 1, 5):
            pid_file.write_text("\n".join(lines[:end]))
            assert server.status() == "stopped"

            assert ask(server.start(), "SELECT 1") == 1
            server.stop()


def test_one_that_another_process_has_stopped_starts_again(server: EmbeddedServer, home: Path) -> None:
    server.start()
    subprocess.run([sys.executable, "-c", STOP, str(home)], check=True, capture_output=True, timeout=60)
    assert server.status() == "stopped"

    assert ask(server.start(), "SELECT 1") == 1


def test_a_home_that_cannot_be_one_is_named(home: Path) -> None:
    (home / "file").write_text("")

    with pytest.raises(EmbeddedServerFailed, match=rf"the embedded PostgreSQL in {home}/file did not start"):
        EmbeddedServer(home / "file").start()
