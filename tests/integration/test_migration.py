"""The schema: set up once, at first use, and distinguished from those of other versions."""

import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.shared.store import schema
from application.transition_service import TransitionService
from infrastructure.database.migration import (
    MigrationEdited,
    SchemaNewer,
    SchemaOutdated,
    Script,
    SetupForbidden,
    ensure_current,
    migrate,
)
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
        tomorrow = type(now)((*now.migrations, broken), now.objects)
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

    def test_a_migration_that_was_edited_after_it_ran(self, dsn: str, connection: psycopg.Connection[Any]) -> None:
        first = schema().migrations[0].name
        connection.execute("UPDATE sojourn.migration SET checksum = 'x' WHERE name = %s", [first])

        with pytest.raises(MigrationEdited, match=f"migration {first} was applied with another content"):
            TransitionService.connect(dsn)
