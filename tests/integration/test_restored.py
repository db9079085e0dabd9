"""The database goes back, by a restore, while a service goes on: what the service remembers is decided on no more."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from application.transition_service import TaskSpec, TransitionService
from sojourn.errors import ConnectionLost
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, log, register, status
from tests.support.own_server import OwnServer, own_server
from tests.support.waiting import wait_for

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

OWN = """
name = "own"
version = 1
[task]
initial = "NEW"
terminal = ["C", "D"]
[task.transitions]
NEW = ["A", "B"]
A = ["C"]
B = ["D"]
C = []
D = []
"""

Restore = Callable[[], None]


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


@pytest.fixture
def dsn(server: OwnServer) -> Iterator[str]:
    """Yield the DSN of an empty database of the server."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored")
        yield make_conninfo(server.dsn, dbname="restored")
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE restored WITH (FORCE)")


class Backups:
    """Ways to take a backup and to put it back, as people do it."""

    @staticmethod
    def data_folder(server: OwnServer, dsn: str) -> Restore:
        """Copy the folder of the data while the server is stopped."""
        copy = server.folder / "copy"

        def replace(source: Path, target: Path) -> None:
            server.stop()
            shutil.rmtree(target, ignore_errors=True)
            subprocess.run(["cp", "-a", str(source), str(target)], check=True)
            server.start()

        replace(server.data, copy)
        return lambda: replace(copy, server.data)

    @staticmethod
    def dump_into_a_new_database(server: OwnServer, dsn: str) -> Restore:
        """Dump the database, drop it, and restore the dump into one of the same name."""
        dumped = _dump(server, dsn)

        def restore() -> None:
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                connection.execute("DROP DATABASE restored WITH (FORCE)")
                connection.execute("CREATE DATABASE restored")
            _load(dsn, dumped)

        return restore

    @staticmethod
    def dump_into_the_same_database(server: OwnServer, dsn: str) -> Restore:
        """Dump the database, and replace the schema in it, while connections stay open."""
        dumped = _dump(server, dsn)

        def restore() -> None:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute("DROP SCHEMA sojourn CASCADE")
            _load(dsn, dumped)

        return restore


BACKUPS = [Backups.data_folder, Backups.dump_into_a_new_database, Backups.dump_into_the_same_database]
every_backup = pytest.mark.parametrize(
    "back_up",
    [pytest.param(way, id=way.__name__, marks=[pytest.mark.stress] if way in BACKUPS[:2] else []) for way in BACKUPS],
)
"""Every way, of which the slow ones are tried with the long tests."""


def _dump(server: OwnServer, dsn: str) -> Path:
    if shutil.which("pg_dump") is None or shutil.which("psql") is None:
        pytest.skip("pg_dump and psql are not installed")
    file = server.folder / "dump.sql"
    subprocess.run(["pg_dump", "--dbname", dsn, "--file", str(file)], check=True)
    return file


def _load(dsn: str, file: Path) -> None:
    command = ["psql", "--quiet", "--dbname", dsn, "--set", "ON_ERROR_STOP=1", "--file", str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def reconnect(service: TransitionService) -> None:
    """Make one call, which may learn that the connections are gone."""
    try:
        service.list_workflows()
    except (ConnectionLost, psycopg.OperationalError):
        service.list_workflows()


def has_replayed(primary: OwnServer, standby: OwnServer) -> bool:
    """Return whether the standby has everything that the primary has written."""
    with psycopg.connect(primary.dsn) as ahead, psycopg.connect(standby.dsn) as behind:
        (written,) = rows(ahead, "SELECT pg_current_wal_lsn()::text AS lsn")
        return bool(rows(behind, "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn AS done", written["lsn"])[0]["done"])


class TestWhatTheServiceRemembers:
    """The same number of events happens twice: versions, positions and reported times are the same, statuses differ."""

    @pytest.mark.parametrize("back_up", BACKUPS, ids=lambda way: way.__name__)
    def test_of_an_instance_is_not_decided_on(
        self, server: OwnServer, dsn: str, back_up: Callable[[OwnServer, str], Restore]
    ) -> None:
        with TransitionService.connect(dsn) as service:
            register(service, "t1")
            attempt(service, "t1")
            restore = back_up(server, dsn)
            reconnect(service)
            service.transition_task_instance("t1/1", "TRIAGING", occurred_at=NOON)
            restore()
            with TransitionService.connect(dsn) as another:
                another.transition_task_instance("t1/1", "KILL_SELF", occurred_at=NOON)
            reconnect(service)

            answer = service.transition_task_instance("t1/1", "RUNNING", occurred_at=NOON)

            assert answer["error"] == "invalid_ti_transition"
            assert log(service, "task_instance:t1/1")[-2:] == [
                "task_instance.transitioned KILL_SELF", "task_instance.refused KILL_SELF",
            ]  # fmt: skip
        with psycopg.connect(dsn) as connection:
            assert_agreement(connection)

    @every_backup
    def test_of_a_task_is_not_decided_on(
        self, server: OwnServer, dsn: str, tmp_path: Path, back_up: Callable[[OwnServer, str], Restore]
    ) -> None:
        (tmp_path / "own.toml").write_text(OWN)
        with TransitionService.connect(dsn) as service:
            service.register_tasks("w", [TaskSpec("t1")], lifecycle=str(tmp_path / "own.toml"), occurred_at=NOON)
            restore = back_up(server, dsn)
            reconnect(service)
            service.transition_task("t1", "A", occurred_at=NOON)
            restore()
            with TransitionService.connect(dsn) as another:
                another.transition_task("t1", "B", occurred_at=NOON)
            reconnect(service)

            answer = service.transition_task("t1", "C", occurred_at=NOON)

            assert (answer["status"], answer["rule"]) == ("B", "invalid-transition")
            assert status(service, "task:t1") == ["B"]
        with psycopg.connect(dsn) as connection:
            assert_agreement(connection)

    @every_backup
    def test_of_another_registration_is_not_decided_on(
        self, server: OwnServer, dsn: str, tmp_path: Path, back_up: Callable[[OwnServer, str], Restore]
    ) -> None:
        """Given a task that is registered again, under another lifecycle with statuses of the same names."""
        (tmp_path / "own.toml").write_text(OWN)
        (tmp_path / "other.toml").write_text(
            OWN.replace('"own"', '"other"').replace('A = ["C"]', 'A = ["D"]').replace('B = ["D"]', 'B = ["C"]')
        )
        with TransitionService.connect(dsn) as service:
            restore = back_up(server, dsn)
            reconnect(service)
            service.register_tasks("w", [TaskSpec("t1")], lifecycle=str(tmp_path / "own.toml"), occurred_at=NOON)
            service.transition_task("t1", "A", occurred_at=NOON)
            restore()
            with TransitionService.connect(dsn) as another:
                another.register_tasks("w", [TaskSpec("t1")], lifecycle=str(tmp_path / "other.toml"), occurred_at=NOON)
                another.transition_task("t1", "A", occurred_at=NOON)
            reconnect(service)

            assert service.transition_task("t1", "C", occurred_at=NOON)["rule"] == "invalid-transition"
        with psycopg.connect(dsn) as connection:
            assert_agreement(connection)

    @every_backup
    def test_and_no_longer_exists_is_not_found(
        self, server: OwnServer, dsn: str, back_up: Callable[[OwnServer, str], Restore]
    ) -> None:
        with TransitionService.connect(dsn) as service:
            restore = back_up(server, dsn)
            reconnect(service)
            register(service, "t1")
            attempt(service, "t1")
            restore()
            reconnect(service)

            assert service.transition_task_instance("t1/1", "DONE")["error"] == "not_found"


def test_after_a_failover_to_a_standby_that_lacked_the_last_commits_it_is_not_decided_on() -> None:
    """Given an asynchronous standby that was away for a while, and a DSN that names both servers."""
    with own_server() as primary, primary.standby() as standby:
        dsn = f"postgresql://postgres@/postgres?host={primary.folder},{standby.folder}&target_session_attrs=read-write"
        with TransitionService.connect(dsn) as service:
            register(service, "t1")
            attempt(service, "t1")
            wait_for(lambda: has_replayed(primary, standby))
            standby.stop()
            service.transition_task_instance("t1/1", "TRIAGING", occurred_at=NOON)
            primary.stop("immediate")
            standby.start()
            standby.promote()
            with TransitionService.connect(dsn) as another:
                another.transition_task_instance("t1/1", "KILL_SELF", occurred_at=NOON)
            reconnect(service)

            answer = service.transition_task_instance("t1/1", "RUNNING", occurred_at=NOON)

            assert answer["error"] == "invalid_ti_transition"
        with psycopg.connect(standby.dsn) as connection:
            assert_agreement(connection)


@pytest.mark.parametrize("back_up", [Backups.dump_into_a_new_database])
class TestALifecycle:
    def test_that_was_changed_is_decided_under(
        self, server: OwnServer, dsn: str, tmp_path: Path, back_up: Callable[[OwnServer, str], Restore]
    ) -> None:
        """Given another definition under the same name and version, which only a database that went back can have."""
        own, changed = tmp_path / "own.toml", tmp_path / "changed.toml"
        own.write_text(OWN)
        changed.write_text(OWN.replace('A = ["C"]', 'A = ["D"]'))
        with TransitionService.connect(dsn) as service:
            restore = back_up(server, dsn)
            reconnect(service)
            service.register_tasks("w", [TaskSpec("t1")], lifecycle=str(own), occurred_at=NOON)
            service.transition_task("t1", "A", occurred_at=NOON)
            restore()
            with TransitionService.connect(dsn) as another:
                another.register_tasks("w", [TaskSpec("t1")], lifecycle=str(changed), occurred_at=NOON)
                another.transition_task("t1", "A", occurred_at=NOON)
            reconnect(service)

            assert service.transition_task("t1", "C", occurred_at=NOON)["rule"] == "invalid-transition"
            assert service.transition_task("t1", "D", occurred_at=NOON)["error"] is None
        with psycopg.connect(dsn) as connection:
            assert_agreement(connection)

    def test_that_is_registered_again_is_stored_again(
        self, server: OwnServer, dsn: str, tmp_path: Path, back_up: Callable[[OwnServer, str], Restore]
    ) -> None:
        (tmp_path / "own.toml").write_text(OWN)
        with TransitionService.connect(dsn) as service:
            restore = back_up(server, dsn)
            reconnect(service)
            service.register_tasks("w", [TaskSpec("t1")], lifecycle=str(tmp_path / "own.toml"))
            restore()
            reconnect(service)
            service.register_tasks("w", [TaskSpec("t1")], lifecycle=str(tmp_path / "own.toml"))
        with psycopg.connect(dsn) as connection:
            assert rows(connection, "SELECT name FROM sojourn.lifecycle WHERE name = 'own'") == [{"name": "own"}]
