"""A database of an older version, with a log in it, is brought to this version's schema."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.array_service import ArrayService
from application.maintain.rebuild import rebuild_projections
from application.replay.verify import verify_log
from application.shared.store import schema
from application.transition_service import TransitionService
from infrastructure.database.migration import migrate
from infrastructure.sql import query, sql_object
from tests.support.agreement import rows
from tests.support.attempts import attempt, register
from tests.support.catalog import catalog

SCHEMA_TEXT = Path(__file__).with_name("schema.txt")
OLD_OBJECTS = Path(__file__).parent / "upgrade" / "objects_before_0013.sql"
PROJECTED = {
    table: f"SELECT to_jsonb(t) - 'parent_id' AS row FROM sojourn.{table} AS t ORDER BY 1"
    for table in ("task", "task_instance", "array", "transition")
}
EVENT = "position, stream, version, name, workflow_id, recorded_at, occurred_at, entered_at, data"


@pytest.fixture
def old(
    service: TransitionService, connection: psycopg.Connection[Any], empty_dsn: str
) -> Iterator[psycopg.Connection[Any]]:
    """A database as the version before migration 0013 had it, whose log its own trigger has projected."""
    register(service, "t1", "t2", "t3")
    arrays = ArrayService(service.store)
    arrays.queue_task_batch(arrays.bind("w", "12", 7)["array_id"], ["t1"])
    attempt(service, "t2")
    service.transition_task_instance("t2/1", "DONE")
    service.transition_task_instance("t2/1", "ERROR")
    with psycopg.connect(empty_dsn, autocommit=True) as there:
        there.execute("CREATE SCHEMA sojourn")
        there.execute(query("infrastructure", "schema/create_ledger"))
        for script in schema().migrations:
            if script.name < "0013":
                there.execute(script.text)
                there.execute("INSERT INTO sojourn.migration VALUES (%s, %s)", [script.name, script.checksum])
        there.execute(OLD_OBJECTS.read_text("utf-8").encode())
        _copy(connection, there, "lifecycle", "name, version, definition")
        _copy(connection, there, "event", EVENT)
        there.execute("SELECT setval('sojourn.event_position', (SELECT max(position) FROM sojourn.event))")
        yield there


def test_an_older_database_is_upgraded_with_its_log(
    service: TransitionService, connection: psycopg.Connection[Any], old: psycopg.Connection[Any], empty_dsn: str
) -> None:
    assert rows(old, "SELECT to_regprocedure('sojourn.decode(jsonb)') IS NULL AS gone") == [{"gone": False}]
    before = {table: rows(old, statement) for table, statement in PROJECTED.items()}
    assert all(before.values())

    assert migrate(old, schema()) == [script.name for script in schema().migrations if script.name >= "0013"]

    assert catalog(old) == SCHEMA_TEXT.read_text("utf-8")
    assert {table: rows(old, statement) for table, statement in PROJECTED.items()} == before
    assert rows(old, "SELECT * FROM sojourn.event ORDER BY 1") == rows(
        connection, "SELECT * FROM sojourn.event ORDER BY 1"
    )
    with TransitionService.connect(empty_dsn) as upgraded:
        attempt(upgraded, "t3")
        assert verify_log(upgraded.store)["mismatches"] == []
        rebuild_projections(upgraded.store, lambda step: None)
        assert verify_log(upgraded.store)["mismatches"] == []


def test_a_view_of_somebody_elses_on_a_retired_function_is_kept(old: psycopg.Connection[Any]) -> None:
    warnings: list[str | None] = []
    old.execute("SET client_min_messages = warning")
    old.add_notice_handler(lambda notice: warnings.append(notice.message_primary))
    old.execute("CREATE VIEW mine AS SELECT task_id, sojourn.told(entered_at) AS at FROM sojourn.current_task")
    old.execute("CREATE VIEW also_mine AS SELECT * FROM sojourn.entered('task', 't1', ARRAY['REGISTERING'])")
    old.execute("CREATE VIEW wasted AS SELECT wasted_seconds FROM sojourn.attempts('template')")
    old.execute("CREATE VIEW ours AS SELECT entity_id, seconds FROM sojourn.status_audit")

    migrate(old, schema())

    assert len(rows(old, "SELECT * FROM mine")) == 3
    assert len(rows(old, "SELECT * FROM ours")) > 3
    assert len(rows(old, "SELECT * FROM wasted")) == 1
    kept = rows(old, "SELECT prosecdef FROM pg_proc WHERE oid = 'sojourn.entered(text, text, text[])'::regprocedure")
    assert kept == [{"prosecdef": False}]
    assert warnings == [
        f"function sojourn.{name} is kept: a view that is not part of Sojourn uses it"
        for name in ("told(timestamptz)", "entered(text, text, text[])")
    ]


def test_functions_of_the_same_name_with_other_arguments_are_replaced(old: psycopg.Connection[Any]) -> None:
    retired = re.findall(r"'([a-z_]+\(.*?\))'", sql_object("projections", "views/drop_retired"))
    for function in retired:
        if not is_there(old, function):
            old.execute(f"CREATE FUNCTION sojourn.{function} RETURNS integer LANGUAGE sql AS 'SELECT 1'".encode())

    migrate(old, schema())

    assert len(retired) > 10
    assert [function for function in retired if is_there(old, function)] == []
    assert catalog(old) == SCHEMA_TEXT.read_text("utf-8")


def is_there(connection: psycopg.Connection[Any], function: str) -> bool:
    """Whether the schema has a function, by its name and the types of its arguments."""
    [found] = rows(connection, "SELECT to_regprocedure(%s) IS NOT NULL AS it", f"sojourn.{function}")
    return bool(found["it"])


def test_a_view_of_somebody_elses_on_the_table_of_the_log_stops_it(old: psycopg.Connection[Any]) -> None:
    """It would go on showing the first partition alone."""
    old.execute("CREATE VIEW mine AS SELECT position FROM sojourn.event")

    with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="mine reads the table") as raised:
        migrate(old, schema())

    assert "Build it on the view sojourn.logged_event" in (raised.value.diag.message_hint or "")
    old.execute("DROP VIEW mine")
    migrate(old, schema())


def test_a_view_of_somebody_elses_on_the_table_of_transitions_stops_it(old: psycopg.Connection[Any]) -> None:
    """It would go on showing the transitions of before; one on the views of Sojourn is kept."""
    old.execute("CREATE VIEW audit AS SELECT task_id, new_status FROM sojourn.task_status_audit")
    old.execute("CREATE VIEW mine AS SELECT position, status FROM sojourn.transition")

    with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="mine reads the table") as raised:
        migrate(old, schema())

    assert "Drop it, run `sojourn setup` again" in (raised.value.diag.message_hint or "")
    old.execute("DROP VIEW mine")
    before = rows(old, "SELECT * FROM audit ORDER BY 1, 2")
    migrate(old, schema())
    assert rows(old, "SELECT * FROM audit ORDER BY 1, 2") == before
    assert rows(old, "SELECT to_regclass('sojourn.transition_before_0025') IS NULL AS gone") == [{"gone": True}]


def _copy(source: psycopg.Connection[Any], target: psycopg.Connection[Any], table: str, columns: str) -> None:
    with (
        source.cursor().copy(f"COPY (SELECT {columns} FROM sojourn.{table} ORDER BY 1) TO STDOUT".encode()) as out,
        target.cursor().copy(f"COPY sojourn.{table} ({columns}) FROM STDIN".encode()) as into,
    ):
        for part in out:
            into.write(part)
