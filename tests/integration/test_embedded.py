"""The embedded server: one for a folder, however many start it, and out of reach of the network.

Every test runs with each package that brings a server and is installed.
"""

import json
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
from typer.testing import CliRunner

from domain.errors import MissingExtra
from infrastructure.database import postgres_releases, server_provider
from infrastructure.database.embedded import EmbeddedServer, EmbeddedServerFailed
from infrastructure.database.server_provider import NoServerForData, ServerProvider, installed_providers
from tests.support.command_line import app
from tests.support.concurrently import processes_at_once

WITH_PROVIDER = """
import sys
from pathlib import Path
from infrastructure.database import server_provider
from infrastructure.database.embedded import EmbeddedServer
server_provider.PROVIDERS = [one for one in server_provider.PROVIDERS if one.package == sys.argv[2]]
"""
START = f"""{WITH_PROVIDER}
print("ready", flush=True)
sys.stdin.readline()
print(EmbeddedServer(Path(sys.argv[1])).start())
"""
STOP = f"""{WITH_PROVIDER}
print(EmbeddedServer(Path(sys.argv[1])).stop())
"""
INSTALLED = installed_providers()


@pytest.fixture(params=INSTALLED, ids=lambda installed: installed.package)
def provider(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ServerProvider:
    """A provider that is installed, as the only one."""
    chosen: ServerProvider = request.param
    monkeypatch.setattr(server_provider, "PROVIDERS", [chosen])
    return chosen


@pytest.fixture
def home(provider: ServerProvider) -> Iterator[Path]:
    """An empty SOJOURN_HOME; a server that runs there is stopped in the end."""
    with tempfile.TemporaryDirectory(prefix="sojourn-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
        stop_in_another_process(Path(folder), provider)


def stop_in_another_process(home: Path, provider: ServerProvider) -> None:
    command = [sys.executable, "-c", STOP, str(home), provider.package]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def start_at_once(home: Path, providers: list[ServerProvider]) -> str:
    """Return the one DSN that processes get, one for each provider, which start a server at the same time."""
    printed = processes_at_once(START, [[str(home), provider.package] for provider in providers])
    (dsn,) = {line.strip() for line in printed}
    return dsn


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


def test_processes_that_start_it_at_once_get_one_server_which_outlives_them(
    home: Path, provider: ServerProvider
) -> None:
    dsn = start_at_once(home, [provider] * 3)

    assert dsn == EmbeddedServer(home).running_dsn()
    assert ask(dsn, "SELECT 1") == 1


@pytest.mark.skipif(len(INSTALLED) < 2, reason="needs two packages that bring a server")
def test_they_do_so_when_each_has_another_package(home: Path) -> None:
    dsn = start_at_once(home, INSTALLED * 2)

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


def test_one_that_another_process_has_stopped_starts_again(
    server: EmbeddedServer, home: Path, provider: ServerProvider
) -> None:
    server.start()
    stop_in_another_process(home, provider)
    assert server.status() == "stopped"

    assert ask(server.start(), "SELECT 1") == 1


def test_a_home_that_cannot_be_one_is_named(home: Path) -> None:
    (home / "file").write_text("")

    with pytest.raises(EmbeddedServerFailed, match=rf"the embedded PostgreSQL in {home}/file did not start"):
        EmbeddedServer(home / "file").start()


class TestTheDataFolder:
    def test_is_not_opened_by_another_major_version(self, server: EmbeddedServer, provider: ServerProvider) -> None:
        server.data.mkdir()
        (server.data / "PG_VERSION").write_text("16\n")
        major = provider.server_version() // 10_000

        with pytest.raises(NoServerForData) as raised:
            server.start()

        assert str(raised.value) == (
            f"{server.data} is not data that an installed server can open: PostgreSQL 16 made it, and "
            f"{provider.package} brings {major}; "
            "install a package with PostgreSQL 16, or set SOJOURN_HOME to another folder"
        )
        assert [path.name for path in server.data.iterdir()] == ["PG_VERSION"]
        assert (server.status(), server.version()) == ("stopped", None)

    def test_is_opened_by_another_package_with_the_same_major_version(
        self, server: EmbeddedServer, provider: ServerProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        others = [other for other in INSTALLED if other is not provider]
        ask(server.start(), "CREATE TABLE kept (one) AS VALUES (1)")
        server.stop()

        for other in (*others, provider):
            monkeypatch.setattr(server_provider, "PROVIDERS", [other])
            assert ask(server.start(), "SELECT one FROM kept") == 1
            assert server.version() == other.server_version()
            server.stop()


def test_the_newest_server_is_started(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_provider, "PROVIDERS", INSTALLED)
    server = EmbeddedServer(home)

    server.start()

    assert server.version() == max(installed.server_version() for installed in INSTALLED)


def test_without_any_package_the_extra_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_provider, "PROVIDERS", [])

    with pytest.raises(MissingExtra) as raised:
        EmbeddedServer(home).start()

    assert raised.value.extra == "embedded"
    assert str(raised.value) == (
        "the embedded PostgreSQL needs packages that are not installed; "
        "run: pip install 'sojourn[embedded]', or name a database with SOJOURN_DSN"
    )


def test_one_that_runs_is_found_without_any_package(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = server.start()
    monkeypatch.setattr(server_provider, "PROVIDERS", [])

    assert (server.start(), server.status()) == (dsn, "running")


@pytest.mark.parametrize("is_older", [True, False])
def test_the_command_prints_the_version_and_warns_of_an_old_one(
    server: EmbeddedServer, provider: ServerProvider, monkeypatch: pytest.MonkeyPatch, *, is_older: bool
) -> None:
    major, minor = divmod(provider.server_version(), 10_000)
    newest = minor + 1 if is_older else minor
    monkeypatch.setitem(postgres_releases.NEWEST_MINOR_RELEASES, major, newest)
    monkeypatch.setenv("SOJOURN_HOME", str(server.home))
    warning = f"PostgreSQL {major}.{minor} lacks the fixes of {major}.{newest}; "

    for expected, start in (("absent", False), ("running", True)):
        if start:
            server.start()
        done = CliRunner().invoke(app, ["db", "status", "--json"])
        document = json.loads(done.stdout)

        assert done.exit_code == 0, done
        assert (document["status"], document["version"]) == (expected, f"{major}.{minor}")
        assert (document["warning"] or "").startswith(warning) == is_older
        assert (f"sojourn: {warning}" in done.stderr) == is_older
