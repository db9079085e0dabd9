"""The schema: set up once, at first use, and distinguished from those of other versions."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.maintain.rebuild import rebuild_projections
from application.shared.store import schema
from application.transition_service import TransitionService
from infrastructure.schema.migration import Schema, Script, ensure_current, migrate
from infrastructure.schema.schema_errors import MigrationEdited, SchemaNewer, SchemaOutdated, SetupForbidden
from tests.support.agreement import rows
from tests.support.attempts import register, status
from tests.support.catalog import catalog
from tests.support.concurrently import processes_at_once

pytestmark = pytest.mark.fresh_database

SCHEMA_TEXT = Path(__file__).with_name("schema.txt")

USE_IT = """
import sys
from application.transition_service import TransitionService, TaskSpec
print("ready", flush=True)
sys.stdin.readline()
with TransitionService.connect(sys.argv[1]) as service:
    print(service.register_tasks("w", [TaskSpec(sys.argv[2])]))
"""


NEWER_FUNCTION = Script(
    "newer",
    "CREATE OR REPLACE FUNCTION sojourn.as_of_or_now() RETURNS timestamptz LANGUAGE sql "
    "STABLE PARALLEL SAFE AS $$ SELECT coalesce(sojourn.as_of(), statement_timestamp()) /* newer */ $$;",
)


def tomorrow() -> Schema:
    """The next version: the same migrations, and a function that has changed."""
    now = schema()
    return replace(now, objects=(*now.objects, NEWER_FUNCTION), objects_version=now.objects_version + 1)


def has_newer_function(connection: psycopg.Connection[Any]) -> bool:
    found = rows(connection, "SELECT prosrc FROM pg_proc WHERE oid = 'sojourn.as_of_or_now()'::regprocedure")
    return "newer" in found[0]["prosrc"]


def ledger(connection: psycopg.Connection[Any]) -> list[str]:
    return [row["name"] for row in rows(connection, "SELECT name FROM sojourn.migration ORDER BY name")]


def test_the_schema_is_what_its_text_says(connection: psycopg.Connection[Any]) -> None:
    """Run with SOJOURN_WRITE_SCHEMA=1 to write the text again, and read what has changed."""
    if os.environ.get("SOJOURN_WRITE_SCHEMA"):
        SCHEMA_TEXT.write_text(catalog(connection), "utf-8")

    assert catalog(connection) == SCHEMA_TEXT.read_text("utf-8")


class TestFirstUse:
    def test_an_empty_database_is_set_up(self, empty_dsn: str) -> None:
        with TransitionService.connect(empty_dsn) as service:
            register(service, "t1")
            assert status(service, "task:t1") == ["REGISTERING"]

        with psycopg.connect(empty_dsn) as connection:
            assert ledger(connection) == sorted([*(script.name for script in schema().migrations), "objects"])
            assert catalog(connection) == SCHEMA_TEXT.read_text("utf-8")

    def test_processes_that_use_it_at_once_set_it_up_once(self, empty_dsn: str) -> None:
        printed = processes_at_once(USE_IT, [[empty_dsn, f"t{number}"] for number in range(3)])

        assert printed == ["{'registered': 1, 'existing': 0}\n"] * 3
        with psycopg.connect(empty_dsn) as connection:
            assert len(ledger(connection)) == len(schema().migrations) + 1
            assert catalog(connection) == SCHEMA_TEXT.read_text("utf-8")

    def test_a_role_that_may_not_create_it_gets_a_sentence(self, empty_dsn: str) -> None:
        with psycopg.connect(empty_dsn, autocommit=True) as connection:
            connection.execute("DROP ROLE IF EXISTS sojourn_test_reader")
            connection.execute("CREATE ROLE sojourn_test_reader")
            connection.execute("SET ROLE sojourn_test_reader")
            try:
                with pytest.raises(SetupForbidden, match="let its owner run `sojourn setup`"):
                    migrate(connection, schema())
            finally:
                connection.execute("RESET ROLE")
                connection.execute("DROP ROLE sojourn_test_reader")


class TestSetup:
    def test_on_a_current_database_nothing_changes(self, connection: psycopg.Connection[Any]) -> None:
        before = rows(connection, "SELECT * FROM sojourn.migration")

        assert migrate(connection, schema()) == []

        assert rows(connection, "SELECT * FROM sojourn.migration") == before

    def test_it_makes_views_and_functions_anew_where_they_are_another_versions(
        self, connection: psycopg.Connection[Any]
    ) -> None:
        connection.execute("UPDATE sojourn.migration SET checksum = 'older' WHERE name = 'objects'")
        connection.execute("DROP VIEW sojourn.task_status_audit CASCADE")

        migrate(connection, schema())

        ensure_current(connection, schema())
        assert catalog(connection) == SCHEMA_TEXT.read_text("utf-8")

    def test_a_migration_that_fails_leaves_nothing_behind(self, connection: psycopg.Connection[Any]) -> None:
        now = schema()
        broken = Script("9999_broken", "CREATE TABLE sojourn.half (); SELECT 1 / 0;")
        tomorrow = replace(now, migrations=(*now.migrations, broken))
        before = ledger(connection)

        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(connection, tomorrow)

        assert ledger(connection) == before
        assert catalog(connection) == SCHEMA_TEXT.read_text("utf-8")


class TestOtherVersions:
    def test_an_older_schema_says_what_to_run(self, dsn: str, connection: psycopg.Connection[Any]) -> None:
        last = schema().migrations[-1].name
        connection.execute("DELETE FROM sojourn.migration WHERE name = %s", [last])

        with pytest.raises(SchemaOutdated, match=f"lacks {last}; run `sojourn setup`"):
            TransitionService.connect(dsn)

    def test_older_views_and_functions_too(self, dsn: str, connection: psycopg.Connection[Any]) -> None:
        connection.execute("UPDATE sojourn.migration SET checksum = 'older' WHERE name = 'objects'")

        with pytest.raises(SchemaOutdated, match="run `sojourn setup`"):
            TransitionService.connect(dsn)

    def test_and_where_they_were_never_recorded(self, dsn: str, connection: psycopg.Connection[Any]) -> None:
        connection.execute("DELETE FROM sojourn.migration WHERE name = 'objects'")

        with pytest.raises(SchemaOutdated, match="run `sojourn setup`"):
            TransitionService.connect(dsn)

    def test_a_newer_schema_says_to_update_sojourn(self, dsn: str, connection: psycopg.Connection[Any]) -> None:
        connection.execute("INSERT INTO sojourn.migration (name, checksum) VALUES ('9999_tomorrow', 'x')")

        with pytest.raises(SchemaNewer, match="has 9999_tomorrow, which this Sojourn does not know; update Sojourn"):
            TransitionService.connect(dsn)
        with pytest.raises(SchemaNewer):
            migrate(connection, schema())

    def test_newer_views_and_functions_say_to_update_sojourn_and_stay(
        self, dsn: str, connection: psycopg.Connection[Any]
    ) -> None:
        version = schema().objects_version + 1
        assert migrate(connection, tomorrow()) == []
        assert has_newer_function(connection)

        for use in (lambda: TransitionService.connect(dsn), lambda: migrate(connection, schema())):
            with pytest.raises(SchemaNewer, match=f"version {version} of the views and functions, .*; update Sojourn"):
                use()

        assert has_newer_function(connection)
        migrate(connection, tomorrow())
        ensure_current(connection, tomorrow())

    def test_a_service_that_was_connected_before_does_not_put_its_objects_back(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "t1")
        migrate(connection, tomorrow())
        before = catalog(connection)

        with pytest.raises(SchemaNewer):
            rebuild_projections(service.store, lambda step: None)

        assert has_newer_function(connection)
        assert catalog(connection) == before
        assert status(service, "task:t1") == ["REGISTERING"]

    def test_code_from_before_their_versions_refuses_the_database_too(
        self, connection: psycopg.Connection[Any]
    ) -> None:
        """Such code knows the names of migrations alone, so a migration introduced the versions."""
        now = schema()
        older = tuple(script for script in now.migrations if script.name < "0014")

        with pytest.raises(SchemaNewer, match="has 0014_object_version"):
            migrate(connection, replace(now, migrations=older))

    def test_a_database_from_before_their_versions_gets_one(
        self, dsn: str, connection: psycopg.Connection[Any]
    ) -> None:
        connection.execute("DELETE FROM sojourn.migration WHERE name = '0014_object_version'")
        connection.execute("ALTER TABLE sojourn.migration DROP COLUMN version")
        connection.execute("UPDATE sojourn.migration SET checksum = 'older' WHERE name = 'objects'")
        connection.execute("DROP VIEW sojourn.task_status_audit CASCADE")
        with pytest.raises(SchemaOutdated, match="lacks 0014_object_version; run `sojourn setup`"):
            TransitionService.connect(dsn)

        assert migrate(connection, schema()) == ["0014_object_version"]

        assert rows(connection, "SELECT version FROM sojourn.migration WHERE name = 'objects'") == [
            {"version": schema().objects_version}
        ]
        assert catalog(connection) == SCHEMA_TEXT.read_text("utf-8")

    def test_a_migration_that_was_edited_after_it_ran(self, dsn: str, connection: psycopg.Connection[Any]) -> None:
        first = schema().migrations[0].name
        connection.execute("UPDATE sojourn.migration SET checksum = 'x' WHERE name = %s", [first])

        with pytest.raises(MigrationEdited, match=f"migration {first} was applied with another content"):
            TransitionService.connect(dsn)
