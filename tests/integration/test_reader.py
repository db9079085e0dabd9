"""The role `sojourn_reader`: it may read everything but secrets, call what only reads, and write nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege
from typer.testing import CliRunner

from application.shared.store import schema
from application.transition_service import TaskSpec, TransitionService
from infrastructure.schema.migration import migrate
from tests.support.agreement import rows
from tests.support.attempts import attempt, register
from tests.support.command_line import app
from tests.support.concurrently import at_once
from tests.support.databases import Server
from tests.support.roles import without_role

pytestmark = pytest.mark.security

RELATIONS = """
    SELECT c.relname AS name FROM pg_class AS c
    WHERE
        c.relnamespace = 'sojourn'::regnamespace AND replace(c.relkind::text, 'p', 'r') = ANY (%s)
        AND NOT c.relispartition
    ORDER BY 1
"""
UNTOLD = """
    SELECT c.oid::regclass::text AS name FROM pg_class AS c
    WHERE c.relnamespace = 'sojourn'::regnamespace AND c.relkind = 'v' AND obj_description(c.oid, 'pg_class') IS NULL
    UNION ALL
    SELECT p.oid::regprocedure::text FROM pg_proc AS p
    WHERE
        p.pronamespace = 'sojourn'::regnamespace AND p.provolatile <> 'v'
        AND obj_description(p.oid, 'pg_proc') IS NULL
"""
READING = (
    "time_in_status()",
    "time_in_status_histogram(by => 'day')",
    "concurrency('task', 'RUNNING', by => 'template')",
    "concurrency_by_bucket('task', 'RUNNING', '1 minute')",
    "attempts(by => 'workflow')",
    """breaches('[{"entity_kind": "task", "status": "REGISTERING", "seconds": 0}]')""",
    "variants('task_instance')",
    "directly_follows()",
    "queue_wait('user', 'week')",
    "blocked()",
    "first_causes()",
    "upstream_roots()",
    "blocked_tasks('{above}')",
    "blocked_upstream()",
    "workflow_intervals('w')",
    "workflow_span('w')",
    "compare_workflows('w', 'w', entity_kind => 'task_instance')",
    "critical_paths('w', 'w', at_b => 'epoch')",
)
WRITING = (
    "DELETE FROM sojourn.{}",
    "TRUNCATE sojourn.{}",
    "INSERT INTO sojourn.{} SELECT",
    "DROP TABLE sojourn.{}",
    "SELECT FROM sojourn.{} FOR UPDATE",
    "COPY sojourn.{} FROM STDIN",
)
APPEND = """SELECT sojourn.append('{"task_id": "t", "task_version": 1, "events": []}')"""


@pytest.fixture
def reader(service: TransitionService, connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A connection as the reader, to a log with something in it."""
    register(service, "t")
    attempt(service, "t")
    service.heartbeat("runner")
    service.register_tasks("w", [TaskSpec("above"), TaskSpec("below", upstream=["above"])], "fetch_ml")
    service.transition_task("above", "cancelled")
    connection.execute("SET ROLE sojourn_reader")
    return connection


def test_it_reads_every_view(reader: psycopg.Connection[Any]) -> None:
    views = names(reader, "v")

    assert {"task_status_audit", "task_instance_status_audit", "current_task", "current_task_instance"} <= set(views)
    for as_of in ("", "2026-01-01T00:00:00Z"):
        reader.execute("SELECT set_config('sojourn.as_of', %s, false)", [as_of])
        for view in views:
            rows(reader, f"SELECT * FROM sojourn.{view}")
    reader.execute("RESET sojourn.as_of")
    assert len(rows(reader, "SELECT * FROM sojourn.attempt")) == 1


@pytest.mark.parametrize("call", READING)
def test_it_calls_what_only_reads(reader: psycopg.Connection[Any], call: str) -> None:
    assert rows(reader, f"SELECT * FROM sojourn.{call}")


def test_all_that_it_may_use_says_what_it_is(reader: psycopg.Connection[Any]) -> None:
    assert rows(reader, UNTOLD) == []


def test_it_reads_every_table_but_the_answers_of_commands_and_the_hashes_of_tokens(
    reader: psycopg.Connection[Any],
) -> None:
    for table in set(names(reader, "r")) - {"command", "token"}:
        rows(reader, f"SELECT * FROM sojourn.{table}")
    assert rows(reader, "SELECT name, scope, created_at, revoked_at FROM sojourn.token") == []
    for hidden in ("response FROM sojourn.command", "command_id FROM sojourn.command", "sha256 FROM sojourn.token"):
        with pytest.raises(InsufficientPrivilege):
            rows(reader, f"SELECT {hidden}")


def test_it_writes_no_table_and_draws_no_number(reader: psycopg.Connection[Any]) -> None:
    tables = names(reader, "r")

    assert {"stored_event", "command", "task", "lifecycle"} <= set(tables)
    for table in tables:
        for statement in WRITING:
            with pytest.raises(InsufficientPrivilege):
                reader.execute(statement.format(table).encode())
    for view in names(reader, "v"):
        with pytest.raises((InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
            reader.execute(f"DELETE FROM sojourn.{view}".encode())
    for sequence in names(reader, "S"):
        with pytest.raises(InsufficientPrivilege):
            reader.execute(f"SELECT nextval('sojourn.{sequence}')".encode())


@pytest.mark.parametrize("statement", [APPEND, "CREATE TABLE sojourn.mine ()", "SET ROLE pg_read_all_data"])
def test_it_cannot_help_itself(reader: psycopg.Connection[Any], statement: str) -> None:
    reader.execute("RESET ROLE")
    reader.execute("SET SESSION AUTHORIZATION sojourn_reader")

    with pytest.raises(InsufficientPrivilege):
        reader.execute(statement.encode())


def test_it_cannot_log_in(connection: psycopg.Connection[Any]) -> None:
    assert rows(connection, "SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = 'sojourn_reader'") == [
        {"rolcanlogin": False, "rolsuper": False}
    ]


def test_databases_that_are_set_up_at_once_share_it(server: Server, empty_dsn: str) -> None:
    with without_role(server, "sojourn_reader"), another_database(server) as other:
        assert at_once([lambda: set_up(empty_dsn), lambda: set_up(other)]) == [[], []]
        for dsn in (empty_dsn, other):
            with psycopg.connect(dsn) as connection:
                connection.execute("SET ROLE sojourn_reader")
                assert rows(connection, "SELECT * FROM sojourn.task_status_audit") == []


def test_who_may_not_create_it_is_told_what_to_run(server: Server, empty_dsn: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(empty_dsn)["dbname"]
    with without_role(server, "sojourn_reader"), an_owner(server, str(name)) as owner:
        done = CliRunner().invoke(app, ["setup", "--dsn", make_conninfo(empty_dsn, options=f"-c role={owner}")])
        assert done.exit_code == 0, done
        with psycopg.connect(empty_dsn, autocommit=True) as connection:
            _, _, statements = done.stderr.partition("run here: ")
            connection.execute(statements.encode())
            connection.execute("SET ROLE sojourn_reader")
            assert rows(connection, "SELECT * FROM sojourn.task_status_audit") == []


def names(connection: psycopg.Connection[Any], kind: str) -> list[str]:
    return [row["name"] for row in rows(connection, RELATIONS, [kind])]


def set_up(dsn: str) -> list[str]:
    """Create the schema; the answer is what the database warns of."""
    notices: list[str] = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        migrate(connection, schema())
    return [text for text in notices if "sojourn_reader" in text]


@contextmanager
def another_database(server: Server) -> Iterator[str]:
    server.execute("CREATE DATABASE sojourn_test_other")
    try:
        yield server.database("sojourn_test_other")
    finally:
        server.execute("DROP DATABASE sojourn_test_other WITH (FORCE)")


@contextmanager
def an_owner(server: Server, database: str) -> Iterator[str]:
    """A role that owns a database and may create no roles."""
    server.execute("CREATE ROLE sojourn_test_owner")
    server.execute("ALTER DATABASE {} OWNER TO sojourn_test_owner", database)
    try:
        yield "sojourn_test_owner"
    finally:
        with psycopg.connect(server.database(database), autocommit=True) as connection:
            connection.execute("DROP OWNED BY sojourn_test_owner CASCADE")
        server.execute("ALTER DATABASE {} OWNER TO CURRENT_USER", database)
        server.execute("DROP ROLE sojourn_test_owner")
