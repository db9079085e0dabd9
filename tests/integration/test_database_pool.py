"""The pool of databases that the tests borrow: an emptied database is like a new one."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from application.array_service import ArrayService
from application.maintain.tokens import Scope, create_token
from application.transition_service import TaskSpec, TransitionService
from tests.support.agreement import Row, rows
from tests.support.attempts import attempt, register
from tests.support.catalog import catalog
from tests.support.databases import DatabasePool, SchemaChanged, Server

ADDITIONS = """
    CREATE TABLE public.counted (position bigint PRIMARY KEY);
    CREATE VIEW public.seen AS SELECT task_id FROM sojourn.current_task;
    CREATE TYPE public.mood AS ENUM ('good');
    CREATE FUNCTION public.fail(mood public.mood) RETURNS void LANGUAGE sql AS '';
    CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER fail AFTER INSERT ON sojourn.stored_event FOR EACH STATEMENT EXECUTE FUNCTION public.fail();
    CREATE SCHEMA "other's" CREATE TABLE things (thing text);
"""
CHANGES = [
    "DROP VIEW sojourn.orphan CASCADE",
    "ALTER TABLE sojourn.task ADD COLUMN mine text",
    "ALTER TABLE sojourn.task ALTER COLUMN template SET DEFAULT 'none'",
    "ALTER TABLE sojourn.task SET (fillfactor = 77)",
    "ALTER TABLE sojourn.stored_event DISABLE TRIGGER refuse_to_rewrite",
    "ALTER TABLE sojourn.task DROP CONSTRAINT task_max_attempts_check",
    "CREATE INDEX ON sojourn.task (status)",
    "CREATE TABLE sojourn.mine ()",
    "ALTER SEQUENCE sojourn.array_number INCREMENT 2",
    "ALTER FUNCTION sojourn.refuse_to_rewrite SET lock_timeout = '1s'",
    "GRANT SELECT ON sojourn.task TO PUBLIC",
    "GRANT USAGE ON SCHEMA sojourn TO PUBLIC",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA sojourn GRANT SELECT ON TABLES TO PUBLIC",
    "DELETE FROM sojourn.migration WHERE name = (SELECT max(name) FROM sojourn.migration)",
    "DROP SCHEMA sojourn CASCADE",
]

WRITTEN = {f"rows of {table}" for table in ("lifecycle", "stored_event_1", "task", "task_instance", "token", "array")}
QUERIES = {
    "sequence event_position": "SELECT last_value, is_called FROM sojourn.event_position",
    "sequence array_number": "SELECT last_value, is_called FROM sojourn.array_number",
    "objects": "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
    "WHERE n.nspname NOT IN ('pg_toast', 'pg_catalog') ORDER BY 1",
    "functions": "SELECT proname FROM pg_proc WHERE oid >= 16384 ORDER BY 1",
    "schemas": "SELECT nspname, nspacl FROM pg_namespace ORDER BY 1",
    "settings": "SELECT setconfig FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase "
    "WHERE d.datname = current_database()",
    "sessions": "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "statistics": "SELECT relname, relpages, reltuples, relallvisible FROM pg_class "
    "WHERE relnamespace = 'sojourn'::regnamespace ORDER BY 1",
    "columns' statistics": "SELECT count(*) AS n FROM pg_statistic WHERE starelid >= 16384",
}


@pytest.fixture
def pool(server: Server) -> Iterator[DatabasePool]:
    """Yield a pool of its own: nobody else has used its databases."""
    pool = DatabasePool(server, f"{server.template}_own")
    yield pool
    pool.close()


def test_an_emptied_database_equals_a_fresh_one(pool: DatabasePool) -> None:
    with pool.borrowed() as dsn, suppress(psycopg.OperationalError), psycopg.connect(dsn) as left_over:
        use(dsn)
        left_over.execute("LOCK TABLE sojourn.stored_event IN SHARE MODE")
        used = state(dsn)
        yielded = dsn
    with pool.borrowed() as emptied, pool.fresh() as fresh:
        assert emptied == yielded
        expected = state(fresh)
        assert state(emptied) == expected
    assert {kind for kind in {*QUERIES, "schema", *WRITTEN} if used[kind] == expected[kind]} == set()


def test_an_emptied_database_answers_as_a_fresh_one(pool: DatabasePool) -> None:
    def report(dsn: str) -> list[Row]:
        with TransitionService.connect(dsn) as service, psycopg.connect(dsn) as connection:
            register(service, "t1")
            attempt(service, "t1", until="RUNNING")
            return rows(connection, "SELECT position, stream, version, name FROM sojourn.event ORDER BY position")

    with pool.borrowed() as dsn:
        first = report(dsn)
    with pool.borrowed() as dsn:
        assert report(dsn) == first


def test_the_log_of_an_emptied_database_is_append_only(pool: DatabasePool) -> None:
    with pool.borrowed() as dsn:
        use(dsn)
    with pool.borrowed() as dsn, TransitionService.connect(dsn) as service, psycopg.connect(dsn) as connection:
        register(service, "t1")
        with pytest.raises(psycopg.DatabaseError, match="append-only") as refused:
            connection.execute("DELETE FROM sojourn.event")
        assert refused.value.sqlstate == "SJ002"


@pytest.mark.parametrize("change", CHANGES)
def test_a_database_whose_schema_was_changed_is_dropped(pool: DatabasePool, change: str) -> None:
    with pytest.raises(SchemaChanged, match="fresh_database"), pool.borrowed() as dsn:
        execute(dsn, change)

    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(dsn)
    with pool.borrowed() as other:
        assert other != dsn


def use(dsn: str) -> None:
    """Write rows, few and many, and leave everything that a test can leave but a changed schema."""
    with TransitionService.connect(dsn) as service:
        service.register_tasks("w", [TaskSpec(f"t{number}") for number in range(2000)])
        attempt(service, "t1", "t2", until="RUNNING")
        ArrayService(service.store).bind("w", "tv", 1)
        create_token(service.store, "a", Scope.READ)
    name = conninfo_to_dict(dsn)["dbname"]
    execute(dsn, f"ALTER DATABASE {name} SET sojourn.as_of = '2000-01-01'")
    execute(dsn, f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET TimeZone = 'Europe/Berlin'")
    execute(dsn, ADDITIONS)
    execute(dsn, "ANALYZE")


def state(dsn: str) -> dict[str, Any]:
    """Return all that can differ between two databases with the schema."""
    tables = "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'sojourn'::regnamespace AND c.relkind = 'r'"
    with psycopg.connect(dsn) as connection:
        found = {
            f"rows of {row['relname']}": rows(connection, f"SELECT * FROM sojourn.{row['relname']}")
            for row in rows(connection, tables)
        }
        others = {name: rows(connection, query) for name, query in QUERIES.items()}
        return found | others | {"schema": catalog(connection)}


def execute(dsn: str, statements: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statements.encode())
