"""Owner, writer and readers: what each may do, what none may, and how a database gets them."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege, ObjectNotInPrerequisiteState, RaiseException
from psycopg.sql import SQL, Identifier

from application.maintain.rebuild import TABLES, RebuildForbidden, rebuild_projections
from application.maintain.slots import list_slots
from application.maintain.tokens import Scope, create_token, list_tokens, revoke_token
from application.replay.verify import verify_log
from application.transition_service import TransitionService
from infrastructure.log.subscription import Subscription
from infrastructure.schema.schema_errors import ReadingForbidden, SetupForbidden
from infrastructure.sql import query
from interfaces.http.app import create_app
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, register, status
from tests.support.command_line import run_on
from tests.support.databases import Server
from tests.support.every_command import READING, arguments
from tests.support.importing import imported
from tests.support.roles import login_role, without_role
from tests.support.writing_calls import CALLS, begin

pytestmark = [pytest.mark.fresh_database, pytest.mark.security]

PSQL = shutil.which("psql")
LINE = '{"entity":"task","id":"i1","event":"registered","at":"2026-01-01T00:00:00Z","workflow":"v","template":"a"}\n'
OWNERS = """
    SELECT DISTINCT pg_get_userbyid(o.owner) AS owner
    FROM (
        SELECT c.relowner FROM pg_class AS c WHERE c.relnamespace = 'sojourn'::regnamespace
        UNION ALL
        SELECT p.proowner FROM pg_proc AS p WHERE p.pronamespace = 'sojourn'::regnamespace
        UNION ALL
        SELECT t.typowner FROM pg_type AS t WHERE t.typnamespace = 'sojourn'::regnamespace
        UNION ALL
        SELECT n.nspowner FROM pg_namespace AS n WHERE n.nspname = 'sojourn'
    ) AS o (owner)
    ORDER BY 1
"""
GRANTS = """
    SELECT c.relname AS name, c.relowner::regrole::text AS owner, array_agg(a::text ORDER BY a::text) AS grants
    FROM pg_class AS c LEFT JOIN unnest(c.relacl) AS a ON true
    WHERE c.relnamespace = 'sojourn'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') AND NOT c.relispartition
    GROUP BY c.relname, c.relowner
    ORDER BY 1
"""
REWRITES = (
    "UPDATE sojourn.event SET data = '{}'",
    "UPDATE sojourn.event SET recorded_at = now() WHERE false",
    "DELETE FROM sojourn.event",
    "TRUNCATE sojourn.stored_event",
    "TRUNCATE sojourn.stored_event CASCADE",
    "UPDATE sojourn.stored_event SET rest = '{}'",
    "UPDATE sojourn.stored_event SET recorded_at = now() WHERE false",
    "DELETE FROM sojourn.stored_event",
    "INSERT INTO sojourn.stored_event (position) VALUES (1) ON CONFLICT (position) DO UPDATE SET rest = '{}'",
    "MERGE INTO sojourn.stored_event AS e USING (SELECT 1) AS o ON true WHEN MATCHED THEN DELETE",
    "SELECT * FROM sojourn.stored_event FOR UPDATE",
    "ALTER TABLE sojourn.stored_event DISABLE TRIGGER refuse_to_rewrite",
    "ALTER TABLE sojourn.stored_event DISABLE TRIGGER ALL",
    "ALTER TABLE sojourn.stored_event ADD COLUMN mine integer",
    "ALTER TABLE sojourn.stored_event RENAME TO gone",
    "ALTER TABLE sojourn.stored_event SET SCHEMA public",
    "ALTER TABLE sojourn.stored_event OWNER TO CURRENT_USER",
    "DROP TRIGGER refuse_to_rewrite ON sojourn.stored_event",
    "CREATE TRIGGER mine BEFORE INSERT ON sojourn.stored_event EXECUTE FUNCTION sojourn.own_transaction_id()",
    "CREATE RULE mine AS ON INSERT TO sojourn.stored_event DO INSTEAD NOTHING",
    "DROP TRIGGER refuse_to_rewrite ON sojourn.event",
    "CREATE OR REPLACE VIEW sojourn.event AS SELECT * FROM sojourn.stored_event",
    "CREATE OR REPLACE FUNCTION sojourn.refuse_to_rewrite() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "DROP FUNCTION sojourn.refuse_to_rewrite() CASCADE",
    "DROP TABLE sojourn.stored_event CASCADE",
    "DROP VIEW sojourn.event CASCADE",
    "DROP SCHEMA sojourn CASCADE",
    "SET session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', false)",
    "SELECT setval('sojourn.event_position', 1)",
    "UPDATE sojourn.command SET response = '{}'",
    "DELETE FROM sojourn.command",
    "DELETE FROM sojourn.lifecycle",
    "UPDATE sojourn.transition SET status = 'DONE'",
    "DELETE FROM sojourn.transition",
    "DELETE FROM sojourn.task",
    "DELETE FROM sojourn.token",
    "UPDATE sojourn.migration SET checksum = 'x'",
    "SET ROLE sojourn_owner",
    "COPY sojourn.stored_event TO PROGRAM 'cat'",
)


@pytest.fixture
def owned(server: Server, dsn: str) -> Iterator[str]:
    """A database whose schema belongs to sojourn_owner, as the printed roles leave it."""
    with roles_of_the_server(server, dsn):
        carry_out_roles(dsn)
        yield dsn


@pytest.fixture
def writer(owned: str) -> Iterator[str]:
    """The DSN of a login role that is a member of sojourn_writer alone."""
    with login_role(owned, "sojourn_writer") as dsn:
        yield dsn


@pytest.fixture
def reader(owned: str) -> Iterator[str]:
    """The DSN of a login role that is a member of sojourn_reader alone."""
    with login_role(owned, "sojourn_reader") as dsn:
        yield dsn


class TestTheWriter:
    def test_it_does_everything_that_the_service_does(self, writer: str) -> None:
        with TransitionService.connect(writer) as service:
            begin(service)
            for name, call in CALLS.items():
                assert call(service, command_id=name) == call(service, command_id=name)
            service.limit_concurrency("tag", 2)
            service.limit_concurrency("tag", None)
            assert service.recover()["skipped"] == []
            assert list_slots(service.store) == []
            assert imported(service, "jsonl", LINE)["tasks"] == 1
            assert verify_log(service.store)["mismatches"] == []
        with psycopg.connect(writer) as connection:
            assert_agreement(connection)

    def test_it_takes_slots_and_makes_tokens(self, writer: str) -> None:
        with TransitionService.connect(writer) as service:
            secret = create_token(service.store, "laptop", Scope.WRITE)
            assert secret.startswith("sojourn_")
            assert revoke_token(service.store, "laptop")["name"] == "laptop"
            assert [token["name"] for token in list_tokens(service.store)] == ["laptop"]
        with psycopg.connect(writer) as connection:
            assert rows(connection, "SELECT sojourn.take_slots('run', '{tag}') AS without") == [{"without": None}]

    def test_it_follows_the_log(self, writer: str) -> None:
        received: list[int] = []
        with TransitionService.connect(writer) as service:
            register(service, "t1")
            subscription = Subscription(writer, "mail", lambda _, events: received.extend(e.position for e in events))
            subscription.catch_up()
        assert len(received) == 1

    def test_it_serves_http(self, writer: str) -> None:
        with (
            TransitionService.connect(writer) as service,
            TestClient(create_app(service), "http://127.0.0.1") as client,
        ):
            register(service, "t1")
            assert client.get("/readyz").json() == {"status": "ready"}
            assert client.get("/api/v3/status/task:t1").json()["status"] == "REGISTERING"
            assert "sojourn_append_seconds" in client.get("/metrics").text

    def test_it_cannot_change_the_log(self, writer: str) -> None:
        with TransitionService.connect(writer) as service:
            register(service, "t1")
        with psycopg.connect(writer, autocommit=True) as connection:
            before = rows(connection, "SELECT * FROM sojourn.event")
            for statement in REWRITES:
                with pytest.raises((InsufficientPrivilege, RaiseException, ObjectNotInPrerequisiteState)):
                    connection.execute(statement.encode())
                assert rows(connection, "SELECT * FROM sojourn.event") == before, statement

    def test_it_sets_nothing_up_and_rebuilds_nothing(self, writer: str, empty_dsn: str) -> None:
        user = psycopg.conninfo.conninfo_to_dict(writer)["user"]
        with pytest.raises(SetupForbidden, match="let its owner run `sojourn setup`"):
            TransitionService.connect(make_conninfo(empty_dsn, user=user))
        with TransitionService.connect(writer) as service:
            register(service, "t1")
            with pytest.raises(RebuildForbidden, match="let the owner of the schema run `sojourn rebuild`"):
                rebuild_projections(service.store, lambda step: None)
            assert status(service, "task:t1") == ["REGISTERING"]


class TestTheReader:
    def test_it_runs_every_command_that_only_reads(self, owned: str, reader: str, tmp_path: Path) -> None:
        (tmp_path / "sla.toml").write_text('[[limit]]\nstatus = "RUNNING"\nmax_duration = "2h"\n')
        with TransitionService.connect(owned) as service:
            begin(service)
        for name in READING:
            done = run_on(reader, *arguments(READING, name, tmp_path))

            assert done.status == 0, done
            assert "permission denied" not in done.stderr, done

    def test_it_connects_and_reports_nothing(self, owned: str, reader: str) -> None:
        with TransitionService.connect(owned) as service:
            register(service, "t1")
        with TransitionService.connect(reader) as service:
            assert status(service, "task:t1") == ["REGISTERING"]
            with pytest.raises(InsufficientPrivilege):
                service.gate_tasks_for_queueing(["t1"])

    def test_who_is_no_reader_gets_a_sentence(self, owned: str) -> None:
        with login_role(owned) as stranger:
            user = psycopg.conninfo.conninfo_to_dict(stranger)["user"]
            with pytest.raises(ReadingForbidden, match=f'GRANT sojourn_reader TO "{user}"'):
                TransitionService.connect(stranger)
            done = run_on(stranger, "status", "task:t1")
            assert (done.status, done.stdout) == (2, "")
            assert f'GRANT sojourn_reader TO "{user}"; a service that reports needs sojourn_writer' in done.stderr


class TestPrintedRoles:
    def test_they_come_before_setup_or_after_it_and_again(self, server: Server, empty_dsn: str) -> None:
        with roles_of_the_server(server, empty_dsn):
            for _ in range(2):
                carry_out_roles(empty_dsn)
            with login_role(empty_dsn, "sojourn_owner") as operator:
                assert run_on(operator, "setup").status == 0
                with psycopg.connect(empty_dsn, autocommit=True) as connection:
                    assert rows(connection, OWNERS) == [{"owner": "sojourn_owner"}]
                    carry_out_roles(empty_dsn)
                    assert rows(connection, OWNERS) == [{"owner": "sojourn_owner"}]
                    assert run_on(operator, "setup").stdout == "The schema is up to date.\n"

    def test_a_schema_that_exists_is_handed_over(self, owned: str) -> None:
        with psycopg.connect(owned) as connection:
            assert rows(connection, OWNERS) == [{"owner": "sojourn_owner"}]

    def test_an_upgrade_by_a_superuser_keeps_the_owner(self, owned: str, connection: Connection[Any]) -> None:
        connection.execute("UPDATE sojourn.migration SET checksum = 'older' WHERE name = 'objects'")
        connection.execute("DROP VIEW sojourn.task_status_audit CASCADE")

        assert run_on(owned, "setup").status == 0

        assert rows(connection, OWNERS) == [{"owner": "sojourn_owner"}]

    def test_a_role_that_may_create_roles_and_owns_the_database_can_run_them(
        self, server: Server, empty_dsn: str
    ) -> None:
        database = str(psycopg.conninfo.conninfo_to_dict(empty_dsn)["dbname"])
        with (
            without_group_roles(server),
            roles_of_the_server(server, empty_dsn),
            login_role(empty_dsn, options="CREATEROLE") as administrator,
        ):
            user = str(psycopg.conninfo.conninfo_to_dict(administrator)["user"])
            server.execute("ALTER DATABASE {} OWNER TO {}", database, user)
            assert run_on(administrator, "setup").status == 0
            carry_out_roles(administrator)
            with psycopg.connect(empty_dsn) as connection:
                assert rows(connection, OWNERS) == [{"owner": "sojourn_owner"}]
            server.execute("ALTER DATABASE {} OWNER TO CURRENT_USER", database)

    @pytest.mark.skipif(PSQL is None, reason="psql is not installed")
    def test_psql_runs_what_the_command_prints(self, server: Server, dsn: str) -> None:
        with roles_of_the_server(server, dsn):
            printed = run_on(dsn, "setup", "--print-roles")
            assert printed.status == 0
            assert PSQL is not None
            command = [PSQL, "-X", "-q", "-v", "ON_ERROR_STOP=1", dsn]
            done = subprocess.run(command, input=printed.stdout, capture_output=True, text=True, check=False)

            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
            with psycopg.connect(dsn) as connection:
                assert rows(connection, OWNERS) == [{"owner": "sojourn_owner"}]


class TestSetup:
    @pytest.mark.parametrize("role", ["sojourn_reader", "sojourn_writer"])
    def test_it_creates_a_role_that_is_missing_after_a_restore(self, server: Server, dsn: str, role: str) -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            before = rows(connection, GRANTS)
            with without_role(server, role):
                connection.execute(SQL("DROP OWNED BY {}").format(Identifier(f"{role}_aside")))
                assert rows(connection, GRANTS) != before

                done = run_on(dsn, "setup")

                assert done.stdout == f"Created {role}, with the rights that the schema has for it.\n"
                assert rows(connection, GRANTS) == before
                assert run_on(dsn, "setup").stdout == "The schema is up to date.\n"

    def test_it_grants_again_what_was_taken_away(self, dsn: str) -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            before = rows(connection, GRANTS)
            connection.execute("REVOKE ALL ON ALL TABLES IN SCHEMA sojourn FROM sojourn_reader, sojourn_writer")
            connection.execute("REVOKE ALL ON SCHEMA sojourn FROM sojourn_reader, sojourn_writer")

            assert run_on(dsn, "setup").stdout == "Granted the roles what they lacked.\n"

            assert rows(connection, GRANTS) == before


class TestRebuild:
    def test_by_a_superuser_keeps_owner_and_grants(self, owned: str, connection: Connection[Any], writer: str) -> None:
        connection.execute("GRANT SELECT (task_id) ON sojourn.task TO PUBLIC")
        with TransitionService.connect(owned) as service:
            begin(service)
            before = rows(connection, GRANTS)

            rebuild_projections(service.store, lambda step: None)

            assert rows(connection, GRANTS) == before
            assert rows(connection, OWNERS) == [{"owner": "sojourn_owner"}]
        with TransitionService.connect(writer) as service:
            assert status(service, "task:t1") == ["RUNNING"]
            attempt(service, "t2")
            assert verify_log(service.store)["mismatches"] == []

    def test_by_a_member_of_the_owner(self, owned: str, connection: Connection[Any]) -> None:
        with login_role(owned, "sojourn_owner") as operator, TransitionService.connect(operator) as service:
            register(service, "t1")
            before = rows(connection, GRANTS)

            rebuild_projections(service.store, lambda step: None)

            assert rows(connection, GRANTS) == before
            assert rows(connection, OWNERS) == [{"owner": "sojourn_owner"}]

    def test_a_server_that_quotes_every_name(self, service: TransitionService, connection: Connection[Any]) -> None:
        """Each connection turns the quotes off, and the statements that the catalog is asked for hold with them too."""
        begin(service)
        connection.execute(
            SQL("ALTER DATABASE {} SET quote_all_identifiers = on").format(Identifier(connection.info.dbname))
        )
        with TransitionService.connect(service.dsn) as quoting:
            rebuild_projections(quoting.store, lambda step: None)
            assert verify_log(quoting.store)["mismatches"] == []
        with psycopg.connect(service.dsn) as quoted:
            assert rows(quoted, "SHOW quote_all_identifiers") == [{"quote_all_identifiers": "on"}]
            quoted.execute(query("projections", "rebuild/begin"))
            for name in ("rebuild/options", "rebuild/indexes", "rebuild/grants"):
                for table in TABLES:
                    found = quoted.execute(query("projections", name), {"table": f"sojourn.{table}"}).fetchall()
                    for (statement,) in found:
                        quoted.execute(statement)
            assert indexes(quoted, "sojourn_rebuild") == indexes(quoted, "sojourn")
            quoted.rollback()


def indexes(connection: Connection[Any], schema: str) -> list[dict[str, Any]]:
    """Return the indexes of the tables that a rebuild replaces."""
    return rows(
        connection,
        "SELECT tablename, indexname FROM pg_indexes WHERE schemaname = %s AND tablename = ANY (%s) ORDER BY 1, 2",
        schema,
        list(TABLES),
    )


def carry_out_roles(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(query("infrastructure", "schema/roles"))


@contextmanager
def roles_of_the_server(server: Server, dsn: str) -> Iterator[None]:
    """Take sojourn_owner, which is a role of the whole server, away again after the block."""
    try:
        yield
    finally:
        with psycopg.connect(dsn, autocommit=True) as connection:
            found = rows(connection, "SELECT FROM pg_roles WHERE rolname = 'sojourn_owner'")
            if found:
                connection.execute("REASSIGN OWNED BY sojourn_owner TO CURRENT_USER; DROP OWNED BY sojourn_owner")
                server.execute("DROP ROLE sojourn_owner")


@contextmanager
def without_group_roles(server: Server) -> Iterator[None]:
    with without_role(server, "sojourn_reader"), without_role(server, "sojourn_writer"):
        yield
