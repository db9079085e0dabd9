"""`sojourn doctor`: each check finds what is really wrong, and says what to do."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from pwd import getpwnam
from typing import Any

import psycopg
import pytest
from freezegun import freeze_time
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from application.doctor.examination import Limits
from application.doctor.examine import examine_database
from application.doctor.finding import Finding
from application.maintain.tokens import Scope, create_token, revoke_token
from application.transition_service import TransitionService
from infrastructure.database.postgres_releases import NEWEST_MINOR_RELEASES
from infrastructure.database.server_provider import installed_providers
from infrastructure.log.subscription import Subscription
from tests.support.agreement import rows
from tests.support.attempts import register
from tests.support.command_line import SOJOURN, run_on
from tests.support.databases import Server
from tests.support.disks import small_disk
from tests.support.own_server import OwnServer, own_server
from tests.support.roles import login_role, without_role
from tests.support.servers import server_user

pytestmark = pytest.mark.fresh_database

BAD_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "default_transaction_read_only": "on",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "15",
}
OLD_EVENT = """
    INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, entered_at, data)
    VALUES (%s, 1, 'task.registered.v1', 'w', now() - interval '1 hour', now(), jsonb_build_object(
        'status', 'REGISTERING', 'num_attempts', 0, 'max_attempts', 3, 'lifecycle', 'jobmon', 'lifecycle_version', 1
    ))
"""


def assert_old_releases_are_wrong(dsn: str, found: Finding) -> None:
    """A server that lacks one release gets advice; one that lacks several is wrong."""
    with psycopg.connect(dsn) as connection:
        major, minor = divmod(connection.info.server_version, 10_000)
    lacking = NEWEST_MINOR_RELEASES.get(major, minor) - minor
    assert (found["value"], found["ok"]) == (f"{major}.{minor}", lacking <= 1)
    assert (found["advice"] is not None) == (lacking > 0)


def find(dsn: str, check: str, limits: Limits | None = None) -> Finding:
    """Return what one check finds."""
    (found,) = [finding for finding in examine_database(dsn, limits) if finding["check"] == check]
    return found


def wrong(dsn: str, check: str, limits: Limits | None = None) -> str:
    """Return what a check finds that must find something wrong, and must say what to do."""
    found = find(dsn, check, limits)
    assert not found["ok"], found
    assert found["advice"]
    return found["value"] or ""


class TestTheCommand:
    def test_an_embedded_database_is_set_up_by_a_reading_command_and_is_well(self) -> None:
        """It is Sojourn's own, also where its address is given by name."""
        with home() as environment:
            assert sojourn(environment, "audit", "--json").stdout == "[]\n"

            done = sojourn(environment, "doctor", "--json")

            found = json.loads(done.stdout)
            assert [finding for finding in found if not finding["ok"]] == []
            assert done.returncode == 0
            assert {frozenset(finding) for finding in found} == {frozenset({"check", "ok", "value", "advice"})}
            assert sojourn(environment, "doctor").stdout.splitlines()[-1] == "All is well."

            url = sojourn(environment, "db", "url").stdout.strip()
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("SET client_min_messages = error; DROP SCHEMA sojourn CASCADE")
            assert sojourn(environment, "audit", "--json", "--dsn", url).stdout == "[]\n"

    def test_a_server_that_does_not_answer(self) -> None:
        done = run_on("postgresql://ann:secret@127.0.0.1:1/jobs", "doctor", "--json")

        (found,) = json.loads(done.stdout)
        assert (done.status, found["check"], found["ok"]) == (1, "connection", False)
        assert "check --dsn or SOJOURN_DSN" in found["advice"]
        assert "secret" not in done.stdout + done.stderr

    def test_a_database_without_the_schema(self, empty_dsn: str) -> None:
        done = run_on(empty_dsn, "doctor")

        assert done.status == 1
        assert "WRONG  schema " in done.stdout
        assert "run `sojourn setup`" in done.stdout
        with psycopg.connect(empty_dsn) as connection:
            assert rows(connection, "SELECT FROM pg_namespace WHERE nspname = 'sojourn'") == []

    def test_it_changes_nothing(self, service: TransitionService, connection: Connection[Any]) -> None:
        register(service, "t1")
        connection.execute(
            SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(Identifier(connection.info.dbname))
        )

        found = {finding["check"]: finding for finding in examine_database(service.dsn)}

        assert [name for name, finding in found.items() if finding["value"] is None] == []
        assert found["schema"]["ok"]


class TestTheServer:
    def test_settings_that_lose_or_refuse_what_is_reported(self) -> None:
        with own_server(*(f"{name}={value}" for name, value in BAD_SETTINGS.items())) as server:
            found = {finding["check"]: finding for finding in examine_database(server.dsn)}

            assert_old_releases_are_wrong(server.dsn, found["server-version"])
            for name in ("fsync", "full_page_writes", "synchronous_commit"):
                assert (found[name]["ok"], found[name]["value"]) == (False, "off")
            assert found["default_transaction_read_only"]["value"] == "on"
            assert found["replication"]["value"] == "primary; wal_level minimal"
            assert found["connections"]["value"] == "12 allowed, 1 in use"
            wrong_ones = {name for name, finding in found.items() if not finding["ok"]}
            assert wrong_ones >= {"default_transaction_read_only", "replication", "connections"}

    def test_a_standby_and_a_synchronous_one_that_is_missing(self) -> None:
        with own_server() as server:
            assert find(server.dsn, "replication")["value"] == "primary; synchronous standbys: none"
            with server.standby() as standby:
                assert wrong(standby.dsn, "replication") == "standby"
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
                connection.execute("SELECT pg_reload_conf()")
            with psycopg.connect(server.dsn) as connection:  # a new session has the new value
                assert rows(connection, "SHOW synchronous_standby_names") == [{"synchronous_standby_names": "nobody"}]
            assert wrong(server.dsn, "replication") == "primary; waits for nobody"

    def test_an_encoding_that_lacks_characters(self, server: Server) -> None:
        server.execute(
            "CREATE DATABASE sojourn_test_latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
        try:
            (found,) = examine_database(server.database("sojourn_test_latin"))
            assert (found["check"], found["ok"]) == ("connection", False)
            assert "LATIN1" in (found["advice"] or "")
        finally:
            server.drop("sojourn_test_latin")

    def test_time_zones_that_cannot_be_read(self) -> None:
        with server_without_time_zones("timezone/Europe") as dsn:
            assert wrong(dsn, "time-zones") == "missing"

    @pytest.mark.stress
    def test_no_time_zone_at_all(self) -> None:
        with server_without_time_zones("timezone") as dsn:
            (found,) = examine_database(dsn)
            assert (found["check"], found["ok"]) == ("connection", False)
            assert 'invalid value for parameter "TimeZone"' in (found["advice"] or "")

    def test_too_few_connections(self, dsn: str) -> None:
        with login_role(dsn, "sojourn_reader", options="CONNECTION LIMIT 3") as reader:
            assert wrong(reader, "connections").startswith("3 allowed, ")

    def test_a_clock_that_is_wrong(self, dsn: str) -> None:
        with freeze_time(datetime.now(UTC) + timedelta(hours=1)):
            assert wrong(dsn, "clock").startswith("+3")
        assert find(dsn, "clock")["ok"]

    def test_a_disk_that_is_nearly_full(self) -> None:
        user = server_user()
        owner = getpwnam(user).pw_uid if user else os.getuid()
        with small_disk(owner, mebibytes=400) as disk, server_on(disk.folder) as dsn:
            assert " MiB free; the database has " in wrong(dsn, "disk")


class TestTheSchema:
    def test_of_another_version(self, dsn: str, connection: Connection[Any]) -> None:
        connection.execute("UPDATE sojourn.migration SET version = version + 1 WHERE name = 'objects'")
        assert wrong(dsn, "schema").startswith("not version ")
        connection.execute("UPDATE sojourn.migration SET version = 1 WHERE name = 'objects'")
        assert wrong(dsn, "schema").startswith("not version ")

    def test_of_somebody_elses(self, empty_dsn: str) -> None:
        with psycopg.connect(empty_dsn, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA sojourn; CREATE TABLE sojourn.event (id integer)")

        wrong(empty_dsn, "schema")

    def test_a_user_without_rights(self, dsn: str) -> None:
        with login_role(dsn) as stranger:
            assert wrong(stranger, "rights").endswith(": none")
            wrong(stranger, "schema")
        for group, rights in (("sojourn_reader", "may read"), ("sojourn_writer", "may append")):
            with login_role(dsn, group) as member:
                assert find(member, "rights")["value"] == f"{conninfo_to_dict(member)['user']}: {rights}"

    def test_what_a_user_may_not_see_is_unknown_and_not_wrong(self, dsn: str) -> None:
        with login_role(dsn, "sojourn_reader") as reader:
            found = find(reader, "disk")
        assert (found["ok"], found["value"]) == (True, None)
        assert "pg_monitor" in (found["advice"] or "")

    def test_roles_and_rights_that_are_missing(self, server: Server, dsn: str, connection: Connection[Any]) -> None:
        connection.execute("REVOKE SELECT ON sojourn.task FROM sojourn_reader")
        assert wrong(dsn, "roles") == "1 rights missing, like: GRANT SELECT ON sojourn.task TO sojourn_reader"
        with without_role(server, "sojourn_writer"):
            assert wrong(dsn, "roles") == "sojourn_writer missing"
            assert run_on(dsn, "setup").status == 0
            assert find(dsn, "roles")["ok"]

    def test_a_trigger_of_the_log_that_is_disabled_or_gone(self, dsn: str, connection: Connection[Any]) -> None:
        connection.execute("ALTER TABLE sojourn.stored_event DISABLE TRIGGER refuse_to_rewrite")
        connection.execute("DROP TRIGGER project_appended ON sojourn.stored_event")

        assert wrong(dsn, "triggers") == "project_appended, refuse_to_rewrite disabled or missing"

    def test_a_trigger_of_a_partition_that_is_gone(self, dsn: str, connection: Connection[Any]) -> None:
        connection.execute("DROP TRIGGER refuse_to_rewrite ON sojourn.stored_event_1")

        assert wrong(dsn, "triggers") == "refuse_to_rewrite disabled or missing"

    def test_a_log_whose_last_partition_has_become_large(self, dsn: str, connection: Connection[Any]) -> None:
        assert find(dsn, "partitions")["value"] == "1, the last with up to 0 events"
        connection.execute("SELECT setval('sojourn.event_position', 20000001)")

        assert wrong(dsn, "partitions") == "1, the last with up to 20,000,001 events"

        assert run_on(dsn, "maintain", "--once").status == 0
        assert find(dsn, "partitions")["value"] == "2, the last with up to 0 events"

    def test_an_end_of_a_partition_that_a_killed_process_has_left(self, dsn: str, connection: Connection[Any]) -> None:
        connection.execute(
            "ALTER TABLE sojourn.stored_event_1 ADD CONSTRAINT event_ends CHECK (position < 9) NOT VALID"
        )

        assert wrong(dsn, "partitions") == "1, the last with up to 0 events"

    def test_an_index_whose_creation_failed(self, service: TransitionService, connection: Connection[Any]) -> None:
        register(service, "t1", "t2")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY mine ON sojourn.task (workflow_id)")

        assert wrong(service.dsn, "indexes") == "sojourn.mine invalid"

    def test_tokens_that_are_all_revoked(self, service: TransitionService) -> None:
        assert find(service.dsn, "tokens")["value"] == "none"
        create_token(service.store, "laptop", Scope.WRITE)
        assert find(service.dsn, "tokens")["value"] == "1 valid"
        revoke_token(service.store, "laptop")

        assert wrong(service.dsn, "tokens") == "all revoked"


class TestWhatGoesOn:
    def test_a_transaction_that_stays_open(self, service: TransitionService) -> None:
        with psycopg.connect(service.dsn) as caller:
            register(service, "t1")
            service.gate_tasks_for_queueing(["t1"], connection=caller)
            assert find(service.dsn, "transactions")["ok"]

            found = wrong(service.dsn, "transactions", Limits(open_seconds=0))

            assert f"pid {caller.info.backend_pid}" in found

    def test_a_subscription_that_stands_still(self, service: TransitionService, connection: Connection[Any]) -> None:
        register(service, "t1")
        Subscription(service.dsn, "mail", lambda _, events: None).catch_up()
        assert find(service.dsn, "subscriptions")["value"] == "1, 0 events behind"
        connection.execute("UPDATE sojourn.checkpoint SET advanced_at = now() - interval '1 hour'")
        connection.execute(OLD_EVENT, ["task:old"])

        assert wrong(service.dsn, "subscriptions").startswith("mail: 1 event behind, no move for 3,6")

    def test_autovacuum_that_leaves_a_table_out(self) -> None:
        with own_server("autovacuum=on") as server:
            with TransitionService.connect(server.dsn):
                assert find(server.dsn, "autovacuum")["ok"]
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                connection.execute("ALTER TABLE sojourn.stored_event_1 SET (autovacuum_enabled = off)")
                assert wrong(server.dsn, "autovacuum") == "off for stored_event_1"
                connection.execute("ALTER SYSTEM SET track_counts = off")
                connection.execute("SELECT pg_reload_conf()")
            with psycopg.connect(server.dsn) as connection:
                assert rows(connection, "SHOW track_counts") == [{"track_counts": "off"}]
            assert wrong(server.dsn, "autovacuum") == "off"

    def test_dead_rows_and_a_planner_without_statistics(self, dsn: str, connection: Connection[Any]) -> None:
        connection.execute("INSERT INTO sojourn.slot_limit SELECT n::text, 1 FROM generate_series(1, 12000) AS n")
        connection.execute("UPDATE sojourn.slot_limit SET slots = 2")
        connection.execute("SELECT pg_stat_force_next_flush()")
        connection.execute("SELECT")

        assert wrong(dsn, "dead-rows") == "slot_limit: 12,000 of 24,000"
        assert wrong(dsn, "statistics") == "none of slot_limit"

        connection.execute("VACUUM (ANALYZE) sojourn.slot_limit")
        connection.execute("SELECT pg_stat_force_next_flush()")
        connection.execute("SELECT")
        assert find(dsn, "dead-rows")["ok"]
        assert find(dsn, "statistics")["ok"]


@contextmanager
def home() -> Iterator[dict[str, str]]:
    """Yield the environment of an embedded server that nobody has used, and stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="sojourn-home-") as folder:
        environment = {**os.environ, "SOJOURN_HOME": folder}
        environment.pop("SOJOURN_DSN", None)
        try:
            yield environment
        finally:
            sojourn(environment, "db", "stop")


def sojourn(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [SOJOURN, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@contextmanager
def server_on(folder: Path) -> Iterator[str]:
    """Yield the DSN of a server that has its data in a folder."""
    server = OwnServer(folder, ())
    server.run("initdb", "-D", str(server.data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
    server.start()
    try:
        yield server.dsn
    finally:
        server.stop("immediate")


@contextmanager
def server_without_time_zones(missing: str) -> Iterator[str]:
    """Yield the DSN of a server from a copy of an installed package that lacks a folder of its time zones."""
    provider = installed_providers()[0]
    with tempfile.TemporaryDirectory(prefix="sojourn-copy-", ignore_cleanup_errors=True) as place:
        copy = Path(place)
        copy.chmod(0o755)
        for name in provider.folders:
            shutil.copytree(provider.site / name, copy / name, symlinks=True)
        (zones,) = copy.rglob(missing)
        shutil.rmtree(zones)
        (program,) = copy.rglob("bin/pg_ctl")
        with server_of(program.parent, copy / "server") as dsn:
            yield dsn


@contextmanager
def server_of(programs: Path, folder: Path) -> Iterator[str]:
    """Yield the DSN of a server that a folder of programs runs, with its data in another folder."""
    folder.mkdir()
    user, data = server_user(), str(folder / "data")
    if user:
        shutil.chown(folder, user)

    def run(name: str, *arguments: str) -> None:
        with tempfile.TemporaryFile() as output:  # the server would hold a pipe open
            subprocess.run([programs / name, "-D", data, *arguments], user=user, cwd="/", stdout=output, check=True)

    run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
    run("pg_ctl", "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-m", "immediate", "-w", "stop")
