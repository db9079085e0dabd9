"""No role gains rights through what Sojourn creates: the catalog is checked, and the real attack is tried."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from application.transition_service import TransitionService
from tests.support.agreement import rows
from tests.support.attempts import attempt, register
from tests.support.roles import login_role

pytestmark = pytest.mark.fresh_database

FUNCTIONS = """
    SELECT
        p.oid::regprocedure::text AS name, p.prosecdef AS is_definer, p.provolatile = 'v' AS writes,
        p.prorettype = 'trigger'::regtype AS is_trigger, coalesce(p.proconfig, '{}') AS settings,
        EXISTS (
            SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE a.grantee = 0
        ) AS by_everybody,
        has_function_privilege('sojourn_reader', p.oid, 'EXECUTE') AS by_readers,
        has_function_privilege('sojourn_writer', p.oid, 'EXECUTE') AS by_writers
    FROM pg_proc AS p
    WHERE p.pronamespace = 'sojourn'::regnamespace
    ORDER BY 1
"""
SAFE = "search_path=pg_catalog, pg_temp"
ADMINISTRATIVE = {
    "sojourn.grant_roles()", "sojourn.grant_reader()", "sojourn.remove_archived(jsonb,text,text)",
    "sojourn.begin_erasing(sojourn.erasure)", "sojourn.erase_events(integer,bigint[])",
    "sojourn.erase_archived(integer)",
}  # fmt: skip

# The attacker's objects. Each of its functions stores who ran it, in a table that everybody may write.
LOOT = """
    CREATE SCHEMA loot;
    CREATE TABLE loot.runs (what text, who text);
    GRANT USAGE ON SCHEMA loot TO PUBLIC;
    GRANT SELECT, INSERT ON loot.runs TO PUBLIC;
    GRANT CREATE ON SCHEMA public TO PUBLIC;
"""
SHADOW_TYPE = """
    CREATE FUNCTION pg_temp.trap_{0}(value pg_catalog.{0}) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO loot.runs VALUES ('type {0}', current_user);
        RETURN true;
    END $$;
    CREATE DOMAIN pg_temp.{0} AS pg_catalog.{0} CHECK (pg_temp.trap_{0}(VALUE));
"""
TYPES = ("timestamptz", "text", "jsonb", "int4", "int8", "bool", "float8", "interval", "tstzrange", "tstzmultirange")
RELATIONS = ("transition", "event", "lease", "task", "task_instance", "pg_class", "pg_proc", "pg_roles", "pg_namespace")
SHADOW_RELATION = "CREATE TEMPORARY TABLE {} (LIKE {})"
SHADOW_FUNCTION = """
    CREATE FUNCTION {0}.{1} LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO loot.runs VALUES ('function {1}', current_user);
        RETURN {2};
    END $$
"""
OVERLOADS = (
    ("format(text, text, text) RETURNS text", "'x'"),
    ("format(text, text) RETURNS text", "'x'"),
    ("coalesce(text, text) RETURNS text", "'x'"),
    ("current_setting(text, boolean) RETURNS text", "NULL"),
    ("range_agg(tstzrange) RETURNS tstzmultirange", "NULL"),
    ("tstzrange(timestamptz, timestamptz) RETURNS tstzrange", "NULL"),
    ("split_part(text, text, integer) RETURNS text", "'x'"),
    ("to_char(timestamp, text) RETURNS text", "'x'"),
    ("starts_with(text, text) RETURNS boolean", "true"),
)
SHADOW_OPERATOR = """
    CREATE FUNCTION public.equal_trap(text, text) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO loot.runs VALUES ('operator', current_user);
        RETURN true;
    END $$;
    CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.equal_trap);
    CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = public.equal_trap);
"""


@pytest.fixture
def worked(service: TransitionService) -> TransitionService:
    """A service whose log has a task, an instance and a runner."""
    register(service, "t1", "t2")
    attempt(service, "t1")
    service.heartbeat("runner", 60)
    return service


@pytest.fixture
def attacker(worked: TransitionService, connection: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """A login role that is a reader and nothing else, with everything shadowed that it can shadow."""
    connection.execute(LOOT)
    with login_role(worked.dsn, "sojourn_reader") as dsn, psycopg.connect(dsn, autocommit=True) as session:
        for relation in RELATIONS:
            source = relation if relation.startswith("pg_") else f"sojourn.{relation}"
            session.execute(SHADOW_RELATION.format(relation, source).encode())
        for shadowed in TYPES:
            session.execute(SHADOW_TYPE.format(shadowed).encode())
        session.execute("SET search_path = public, pg_catalog")
        for schema in ("pg_temp", "public"):
            for signature, answer in OVERLOADS:
                session.execute(SHADOW_FUNCTION.format(schema, signature, answer).encode())
        session.execute(SHADOW_OPERATOR)
        yield session


class TestTheCatalog:
    def test_no_function_runs_with_the_rights_of_its_owner(self, connection: psycopg.Connection[Any]) -> None:
        """One that ever must finds its names where nobody else can put any: pg_temp comes last."""
        found = rows(connection, FUNCTIONS)

        assert len(found) > 30
        assert [f["name"] for f in found if f["is_definer"]] == []
        assert [f["name"] for f in found if f["is_definer"] and SAFE not in f["settings"]] == []

    def test_a_search_path_never_begins_with_what_others_may_fill(self, connection: psycopg.Connection[Any]) -> None:
        paths = [
            setting
            for f in rows(connection, FUNCTIONS)
            for setting in f["settings"]
            if setting.startswith("search_path")
        ]

        assert paths
        assert set(paths) == {SAFE}

    def test_only_writers_may_execute_what_writes(self, connection: psycopg.Connection[Any]) -> None:
        for function in rows(connection, FUNCTIONS):
            called = not function["is_trigger"] and function["name"] not in ADMINISTRATIVE
            rights = [function[by] for by in ("by_everybody", "by_readers", "by_writers")]

            assert rights == ([False, False, called] if function["writes"] else [True, True, True]), function["name"]

    def test_the_writer_may_append_to_every_table_but_the_ledger(self, connection: psycopg.Connection[Any]) -> None:
        """A new table belongs into sojourn.missing_grant, where its rights are stated. Only the owner erases."""
        found = rows(
            connection,
            "SELECT c.relname AS name FROM pg_class AS c WHERE c.relnamespace = 'sojourn'::regnamespace "
            "AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
            "AND NOT has_table_privilege('sojourn_writer', c.oid, 'INSERT') ORDER BY 1",
        )

        assert [table["name"] for table in found] == [
            "archived_entity", "archived_leaf", "archived_workflow", "erased_field", "erasure", "log_identity",
            "migration", "seal_salt",
        ]  # fmt: skip

    def test_no_default_gives_rights_to_everybody(self, connection: psycopg.Connection[Any]) -> None:
        found = rows(
            connection,
            "SELECT c.relname AS name FROM pg_class AS c CROSS JOIN aclexplode(c.relacl) AS a "
            "WHERE c.relnamespace = 'sojourn'::regnamespace AND a.grantee = 0",
        )

        assert found == []


class TestTheAttack:
    def test_code_of_a_reader_runs_as_the_reader_alone(
        self, attacker: psycopg.Connection[Any], connection: psycopg.Connection[Any]
    ) -> None:
        """The reader uses every view and function, while its own types, tables and functions shadow what they name."""
        for call in [*views(connection), *calls(connection)]:
            with suppress(psycopg.ProgrammingError, psycopg.DataError):  # a trap may break the reader's own query
                attacker.execute(f"SELECT * FROM {call}".encode())

        found = rows(connection, "SELECT DISTINCT who FROM loot.runs")
        assert found == [{"who": attacker.info.user}]

    def test_the_traps_are_real(self, attacker: psycopg.Connection[Any], connection: psycopg.Connection[Any]) -> None:
        """A function that runs with the rights of its owner, and finds names where the caller says, gives them away."""
        connection.execute(
            "CREATE FUNCTION public.weak() RETURNS pg_catalog.timestamptz LANGUAGE sql SECURITY DEFINER "
            "SET search_path = pg_catalog AS $$ SELECT 'infinity'::timestamptz $$"
        )

        attacker.execute("SELECT public.weak()")

        assert {"who": "postgres"} in rows(connection, "SELECT DISTINCT who FROM loot.runs")

    @pytest.mark.parametrize(
        "statement",
        [
            """SELECT sojourn.append('{"task_id": "t1", "task_version": 1, "events": []}')""",
            "SELECT sojourn.take_slots('run', '{tag}')",
            "SELECT sojourn.lock_array('a')",
            "SELECT sojourn.grant_roles()",
            "SELECT sojourn.remove_archived('{}', 'f', 'f')",
            "DELETE FROM sojourn.archived_workflow",
            "SELECT sojourn.erase_events(1, '{1}')",
            "UPDATE sojourn.erasure SET actor = 'ann'",
            "SELECT sojourn.grant_reader()",
            "INSERT INTO sojourn.event DEFAULT VALUES",
            "UPDATE sojourn.task SET status = 'DONE'",
            "SELECT sha256 FROM sojourn.token",
            "SELECT * FROM sojourn.token",
            "SELECT response FROM sojourn.command",
            "CREATE TABLE sojourn.mine ()",
            "ALTER TABLE sojourn.stored_event DISABLE TRIGGER refuse_to_rewrite",
            "SET ROLE sojourn_writer",
            "SET session_replication_role = replica",
        ],
    )
    def test_a_reader_cannot_help_itself(self, worked: TransitionService, statement: str) -> None:
        with (
            login_role(worked.dsn, "sojourn_reader") as dsn,
            psycopg.connect(dsn, autocommit=True) as session,
            pytest.raises(InsufficientPrivilege),
        ):
            session.execute(statement.encode())


def views(connection: psycopg.Connection[Any]) -> list[str]:
    found = rows(
        connection,
        "SELECT c.oid::regclass::text AS name FROM pg_class AS c "
        "WHERE c.relnamespace = 'sojourn'::regnamespace AND c.relkind = 'v' ORDER BY 1",
    )
    return [row["name"] for row in found]


def calls(connection: psycopg.Connection[Any]) -> list[str]:
    """Return a call of every function that a reader may execute, with its defaults or else arguments of their types."""
    found = rows(
        connection,
        """
        SELECT p.oid::regproc::text AS name, ARRAY(
            SELECT format_type(a.type, NULL)
            FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, number)
            WHERE a.number <= p.pronargs - p.pronargdefaults
            ORDER BY a.number
        ) AS types
        FROM pg_proc AS p
        WHERE
            p.pronamespace = 'sojourn'::regnamespace AND p.prorettype <> 'trigger'::regtype
            AND has_function_privilege('sojourn_reader', p.oid, 'EXECUTE')
        ORDER BY 1
        """,
    )
    return [f"{row['name']}({', '.join(map(argument, row['types']))})" for row in found]


def argument(type_name: str) -> str:
    texts = {
        "text": "'task'", "text[]": "'{RUNNING}'", "interval": "'1 minute'", "jsonb": "'[]'", "bigint": "1",
        "double precision": "0.5", "timestamp with time zone": "'2026-01-01'", "integer": "1",
    }  # fmt: skip
    return f"{texts[type_name]}::{type_name}" if type_name in texts else f"NULL::{type_name}"
