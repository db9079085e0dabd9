"""A database of an older version, with a log in it, is brought to this version's schema."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from application.array_service import ArrayService
from application.maintain.rebuild import rebuild_projections
from application.replay.verify import verify_log
from application.shared.store import schema
from application.transition_service import TransitionService
from infrastructure.errors import LockTimeout
from infrastructure.log.settling import OnWait, settle_log
from infrastructure.schema.migration import migrate
from infrastructure.sql import query, sql_object
from tests.support.agreement import rows
from tests.support.attempts import attempt, register
from tests.support.catalog import catalog
from tests.support.concurrently import at_once

SCHEMA_TEXT = Path(__file__).with_name("schema.txt")
OLD_OBJECTS = Path(__file__).parent / "upgrade" / "objects_before_0013.sql"
PROJECTED = {
    table: f"SELECT to_jsonb(t) - 'parent_id' AS row FROM sojourn.{table} AS t ORDER BY 1"
    for table in ("task", "task_instance", "array", "transition")
}
STORED = "SELECT to_regclass('sojourn.stored_event')::text AS table"
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


@pytest.mark.parametrize("table", ["event", "transition"])
def test_a_view_of_somebody_elses_on_a_table_of_the_log_stops_it(old: psycopg.Connection[Any], table: str) -> None:
    """It would go on showing the log of before; one on the views of Sojourn is kept."""
    old.execute("CREATE VIEW audit AS SELECT task_id, new_status FROM sojourn.task_status_audit")
    old.execute(f"CREATE VIEW mine AS SELECT position FROM sojourn.{table}".encode())

    with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="mine reads the table") as raised:
        migrate(old, schema())

    assert "Drop it, run `sojourn setup` again" in (raised.value.diag.message_hint or "")
    assert rows(old, STORED) == [{"table": None}]
    old.execute("DROP VIEW mine")
    before = rows(old, "SELECT * FROM audit ORDER BY 1, 2")
    migrate(old, schema())
    assert rows(old, "SELECT * FROM audit ORDER BY 1, 2") == before
    assert rows(old, "SELECT to_regclass('sojourn.transition_before_0021') IS NULL AS gone") == [{"gone": True}]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let the log of a test be copied in several batches; the number of events of each."""
    monkeypatch.setattr("infrastructure.schema.log_copy.BATCH", 3)
    monkeypatch.setattr("infrastructure.schema.log_copy.FEW", 0)
    return 3


def test_writers_and_readers_go_on_while_the_log_is_copied(
    old: psycopg.Connection[Any], empty_dsn: str, small_batches: int
) -> None:
    read: list[int] = []
    with psycopg.connect(empty_dsn, autocommit=True) as other:

        def write_and_read(_reached: int, _last: int) -> None:
            if len(read) < 5:
                register_as_before(other, f"late-{len(read)}")
            read.append(len(rows(other, "SELECT FROM sojourn.task_status_audit")))

        migrate(old, schema(), report_copied=write_and_read)

    assert len(read) > len(rows(old, "SELECT FROM sojourn.event")) / small_batches
    assert read[:5] == list(range(read[0], read[0] + 5))
    late = "SELECT task_id, status FROM sojourn.task WHERE task_id LIKE 'late-%' ORDER BY 1"
    assert rows(old, late) == [{"task_id": f"late-{number}", "status": "REGISTERING"} for number in range(5)]
    with TransitionService.connect(empty_dsn) as upgraded:
        assert verify_log(upgraded.store)["mismatches"] == []


def test_the_copy_waits_for_an_event_that_is_committed_late(
    old: psycopg.Connection[Any], empty_dsn: str, small_batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given an open transaction whose event has a lower position than one that is committed."""
    with psycopg.connect(empty_dsn) as late, psycopg.connect(empty_dsn, autocommit=True) as other:
        register_as_before(late, "late")
        register_as_before(other, "after")

        def settle_after_commit(connection: psycopg.Connection[Any], on_wait: OnWait, wait_seconds: float) -> int:
            if late.info.transaction_status == TransactionStatus.INTRANS:
                with pytest.raises(LockTimeout):
                    settle_log(connection, on_wait, 0.1)
                assert rows(other, "SELECT FROM sojourn.stored_event") == []
                late.commit()
            return settle_log(connection, on_wait, wait_seconds)

        monkeypatch.setattr("infrastructure.schema.log_copy.settle_log", settle_after_commit)
        migrate(old, schema())

    found = rows(old, "SELECT stream FROM sojourn.event ORDER BY position DESC LIMIT 2")
    assert [row["stream"] for row in found] == ["task:after", "task:late"]


def test_a_copy_whose_connection_is_lost_goes_on_where_it_was(
    old: psycopg.Connection[Any], empty_dsn: str, small_batches: int
) -> None:
    before = rows(old, f"SELECT {EVENT} FROM sojourn.event ORDER BY position")
    reached: list[int] = []
    with psycopg.connect(empty_dsn, autocommit=True) as other:

        def lose_connection(position: int, _last: int) -> None:
            reached.append(position)
            other.execute("SELECT pg_terminate_backend(%s, 10000)", [old.info.backend_pid])

        with pytest.raises(psycopg.OperationalError):
            migrate(old, schema(), report_copied=lose_connection)

        assert rows(other, f"SELECT {EVENT} FROM sojourn.event ORDER BY position") == before
        assert rows(other, "SELECT name FROM sojourn.migration WHERE name > '0013'") == []
        assert len(rows(other, "SELECT FROM sojourn.stored_event")) == small_batches
        migrate(other, schema(), report_copied=lambda position, _last: reached.append(position))
        assert rows(other, f"SELECT {EVENT} FROM sojourn.event ORDER BY position") == before

    assert reached == sorted(set(reached))


def test_two_setups_at_once_are_one(old: psycopg.Connection[Any], empty_dsn: str, small_batches: int) -> None:
    before = rows(old, f"SELECT {EVENT} FROM sojourn.event ORDER BY position")
    with psycopg.connect(empty_dsn, autocommit=True) as other:
        applied = at_once([lambda: migrate(old, schema()), lambda: migrate(other, schema())])

    assert sorted(map(bool, applied)) == [False, True]
    assert rows(old, f"SELECT {EVENT} FROM sojourn.event ORDER BY position") == before


def register_as_before(connection: psycopg.Connection[Any], task_id: str) -> None:
    """Append the registration of a task, as t1 has it, to the log of before."""
    connection.execute(
        """
        INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, entered_at, data)
        SELECT 'task:' || %s, e.version, e.name, e.workflow_id, statement_timestamp(), statement_timestamp(), e.data
        FROM sojourn.event AS e
        WHERE e.stream = 'task:t1' AND e.version = 1
        """,
        [task_id],
    )


def _copy(source: psycopg.Connection[Any], target: psycopg.Connection[Any], table: str, columns: str) -> None:
    with (
        source.cursor().copy(f"COPY (SELECT {columns} FROM sojourn.{table} ORDER BY 1) TO STDOUT".encode()) as out,
        target.cursor().copy(f"COPY sojourn.{table} ({columns}) FROM STDIN".encode()) as into,
    ):
        for part in out:
            into.write(part)
