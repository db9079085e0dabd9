"""Verifying by courses: a log that agrees is known without a replay, and what a replay finds is never missed."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.sql import SQL, Composed, Identifier, Literal

from application.replay import courses
from application.replay.verify import verify_by_courses, verify_by_replay, verify_log
from application.replay.what_if import Tried, try_by_courses, try_history
from application.transition_service import TaskSpec, TransitionService
from domain.errors import SojournError
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from infrastructure.sql import query
from tests.integration.test_verify import everything
from tests.support.attempts import attempt, register
from tests.support.examples import examples

Connection = psycopg.Connection[Any]

TABLES = ("event", "task", "task_instance", "array", "wait", "dependency")
COMPUTED = ["is_transition", "entity_kind", "entity_id"]
"""The columns of an event that follow from its others."""
ODD = (
    "0", "7", "3.0", '"3"', '""', '"x"', "null", "true", "[]", "{}", '["x", 1]', '"2026-01-31T09:00:00+01:00"',
    '"infinity"',
)  # fmt: skip
"""Values that a key of an event may get."""


def fill(service: TransitionService, connection: Connection, folder: Path) -> None:
    """Fill a log with everything that a course has a form for."""
    everything(service, connection, folder)
    service.register_tasks(
        "w", [TaskSpec("up", attributes={"partition": "p"}), TaskSpec("down", parent="up", upstream=["up"])]
    )
    service.register_tasks("p", [TaskSpec("run", attributes={"tags": ["gpu"]})], lifecycle="prefect")
    service.transition_task(
        "run", "PENDING", state_name="Late", waits_for={"kind": "slot", "detail": "a", "holders": ["b"]}
    )
    service.transition_task("run", "RUNNING")
    service.register_tasks("q", [TaskSpec("owned"), TaskSpec("other")], lifecycle="pynenc")
    for task in ("owned", "other"):
        for status in ("PENDING", "RUNNING"):
            service.transition_task(task, status, runner_id=f"r-{task}")
    service.transition_task("owned", "SUCCESS", runner_id="r-owned")
    for name in "xyz":
        register(service, name, workflow_id=f"w-{name}")
        attempt(service, name)


@pytest.fixture
def log(service: TransitionService, connection: Connection, tmp_path: Path) -> TransitionService:
    fill(service, connection, tmp_path)
    return service


def test_a_log_that_agrees_is_known_without_a_replay(log: TransitionService) -> None:
    assert verify_by_courses(log.store) == verify_by_replay(log.store)


def test_a_log_that_diverges_nowhere_is_known_without_a_replay(log: TransitionService) -> None:
    assert by_courses(log) == by_replay(log)


def test_another_lifecycle_is_tried_by_courses(service: TransitionService) -> None:
    register(service, "t1", "t2")
    attempt(service, "t1", "t2")
    service.transition_task_instance("t1/1", "ERROR")

    assert by_courses(service, get_lifecycle("jobmon")) == by_replay(service, get_lifecycle("jobmon")) == (4, 21, 0)
    assert by_courses(service, get_lifecycle("slurm")) is None
    assert by_replay(service, get_lifecycle("slurm")).divergences > 0


def test_several_connections_judge_the_parts_of_a_large_workflow(
    log: TransitionService, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courses, "PART_EVENTS", 10)
    reached: list[tuple[int, int]] = []

    verification = verify_by_courses(log.store, lambda *step: reached.append(step))

    assert verification == verify_by_replay(log.store)
    assert len(reached) > 8
    assert reached == sorted(reached)
    assert reached[-1][0] == reached[-1][1]

    connection.execute("DELETE FROM sojourn.task_instance WHERE task_instance_id = 'z/1'")
    assert verify_by_courses(log.store) is None
    assert [wrong.what for wrong in verify_log(log.store)["mismatches"]] == ["task_instance.missing"]


@pytest.mark.fresh_database
class TestTampering:
    @pytest.fixture(autouse=True)
    def spoilt(self, log: TransitionService, connection: Connection) -> None:
        """Take the guards away, and keep every table as it is now."""
        connection.execute("SET session_replication_role = replica")
        constraints = connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint "
            "WHERE connamespace = 'sojourn'::regnamespace AND contype IN ('p', 'u') AND conparentid = 0 "
            "AND conrelid IN (SELECT t::regclass FROM unnest(%s::text[]) AS t)",
            [[f"sojourn.{table}" for table in ("stored_event", "stored_event_1", *TABLES[1:])]],
        ).fetchall()
        for table, name in constraints:
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name} CASCADE".encode())
        for table in TABLES:
            connection.execute(f"CREATE TABLE kept_{table} AS TABLE sojourn.{table}".encode())
        connection.execute("CREATE TABLE tampered_event AS TABLE sojourn.event")

    @examples(quick=8, long=20)
    @given(data=st.data())
    def test_what_a_replay_finds_is_not_missed(
        self, log: TransitionService, connection: Connection, data: st.DataObject
    ) -> None:
        restore(connection)
        for _ in range(data.draw(st.integers(1, 2))):
            tamper(connection, data)
        assert agrees(verify_by_courses, log) <= agrees(verify_by_replay, log)
        assert diverges_nowhere(by_courses, log) <= diverges_nowhere(by_replay, log)


def agrees(verify: Any, log: TransitionService) -> bool:
    """Return whether nothing is found; what cannot be read at all does not agree."""
    try:
        verification = verify(log.store)
    except (psycopg.Error, SojournError, ValueError, TypeError, AssertionError):
        return False
    return verification is not None and verification["mismatches"] == []


def diverges_nowhere(replay: Any, log: TransitionService) -> bool:
    """Return whether no decision is another one."""
    try:
        tried = replay(log)
    except (psycopg.Error, SojournError, ValueError, TypeError, AssertionError):
        return False
    return tried is not None and tried.divergences == 0


def by_courses(log: TransitionService, lifecycle: Lifecycle | None = None) -> Tried | None:
    return try_by_courses(log.store, lifecycle)


def by_replay(log: TransitionService, lifecycle: Lifecycle | None = None) -> Tried:
    """Replay every event, because each step is asked for."""
    return try_history(log.store, None, lifecycle, diverged=lambda _: None, stepped=lambda _: None)


def restore(connection: Connection) -> None:
    """Put back every table as it was kept."""
    with connection.transaction():
        for table in TABLES:
            names = SQL(", ").join(map(Identifier, columns_of(connection, table)))
            into, kept = writable(table), Identifier(f"kept_{table}")
            connection.execute(SQL("DELETE FROM {}").format(into))
            connection.execute(SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(into, names, names, kept))
        store_events(connection)


def writable(table: str) -> Identifier:
    """Return the table in which a tampering changes rows: that of events is stored afterwards."""
    return Identifier("tampered_event") if table == "event" else Identifier("sojourn", table)


def store_events(connection: Connection) -> None:
    """Store the events as they were tampered with."""
    connection.execute("DELETE FROM sojourn.stored_event")
    connection.execute(
        "INSERT INTO sojourn.stored_event "
        "SELECT s.* FROM tampered_event AS e CROSS JOIN LATERAL sojourn.store_event(ROW(e.*)::sojourn.event) AS s"
    )


def tamper(connection: Connection, data: st.DataObject) -> None:
    """Change the log or its projections in one way; the projections may follow the log."""
    change = data.draw(st.sampled_from([change_column, change_data, copy_data, remove_row, double_row, swap_events]))
    try:
        with connection.transaction():
            change(connection, data)
            store_events(connection)
            if data.draw(st.booleans()):
                project_again(connection)
    except psycopg.Error:  # the tables do not take it, or no row can be made of it
        return


def change_column(connection: Connection, data: st.DataObject) -> None:
    """Give a column the value that it has in another row, or a later time."""
    table = data.draw(st.sampled_from(TABLES))
    column = data.draw(st.sampled_from(columns_of(connection, table)))
    value = SQL("(SELECT k.{} FROM {} AS k OFFSET {} LIMIT 1)").format(
        Identifier(column), Identifier(f"kept_{table}"), draw_row(connection, table, data)
    )
    if column.endswith("_at") and data.draw(st.booleans()):
        shift = data.draw(st.sampled_from(["1us", "-1us", "1h", "-1d"]))
        value = SQL("{} + {}::interval").format(Identifier(column), Literal(shift))
    update(connection, table, data, SQL("{} = {}").format(Identifier(column), value))


def change_data(connection: Connection, data: st.DataObject) -> None:
    """Give a key of an event another value, or remove it."""
    key = data.draw(st.sampled_from(keys_of(connection)))
    value = data.draw(st.sampled_from([None, *ODD]))
    changed = SQL("data - {}::text").format(Literal(key))
    if value is not None:
        changed = SQL("jsonb_set(data, {}, {}::jsonb)").format(Literal([key]), Literal(value))
    update(connection, "event", data, SQL("data = {}").format(changed))


def copy_data(connection: Connection, data: st.DataObject) -> None:
    """Give a key of an event the value that it has in another event."""
    key = data.draw(st.sampled_from(keys_of(connection)))
    rows = connection.execute("SELECT DISTINCT data -> %s FROM kept_event ORDER BY 1 NULLS LAST", [key]).fetchall()
    value = Literal(json.dumps(data.draw(st.sampled_from([row[0] for row in rows]))))
    update(connection, "event", data, SQL("data = jsonb_set(data, {}, {}::jsonb)").format(Literal([key]), value))


def remove_row(connection: Connection, data: st.DataObject) -> None:
    """Remove a row of a table."""
    table = data.draw(st.sampled_from(TABLES))
    connection.execute(SQL("DELETE FROM {} WHERE {}").format(writable(table), one_row(connection, table, data)))


def double_row(connection: Connection, data: st.DataObject) -> None:
    """Add a row a second time; an event may get a position of its own."""
    table = data.draw(st.sampled_from(TABLES))
    names = columns_of(connection, table)
    values = SQL(", ").join(map(Identifier, names))
    if table == "event" and data.draw(st.booleans()):
        values = SQL(", ").join(SQL("10000") if name == "position" else Identifier(name) for name in names)
    into = writable(table)
    statement = SQL("INSERT INTO {} ({}) SELECT {} FROM {} WHERE {}")
    where = one_row(connection, table, data)
    connection.execute(statement.format(into, SQL(", ").join(map(Identifier, names)), values, into, where))


def swap_events(connection: Connection, data: st.DataObject) -> None:
    """Swap a column of two events."""
    column = Identifier(
        data.draw(st.sampled_from(["position", "version", "data", "entered_at", "stream", "workflow_id"]))
    )
    one, other = (draw_row(connection, "event", data) for _ in range(2))
    connection.execute(
        SQL(
            "WITH o AS MATERIALIZED (SELECT e.position AS p, e.{c} AS v, row_number() OVER (ORDER BY e.position) - 1 "
            "AS n FROM tampered_event AS e) "
            "UPDATE tampered_event AS e SET {c} = b.v FROM o AS a, o AS b "
            "WHERE e.position = a.p AND (a.n = {one} AND b.n = {other} OR a.n = {other} AND b.n = {one})"
        ).format(c=column, one=one, other=other)
    )


def project_again(connection: Connection) -> None:
    """Fill the projected tables from the log, as a rebuild does."""
    wanted = {"after": 0, "max_position": 1_000_000, "streams": None}
    for table in TABLES[1:]:
        connection.execute(SQL("DELETE FROM {}").format(Identifier("sojourn", table)))
        statement = query("projections", f"rebuild/{table}").replace("sojourn_rebuild.", "sojourn.")
        connection.execute(SQL(statement).format(touched=SQL("true")), wanted)


def update(connection: Connection, table: str, data: st.DataObject, change: Composed) -> None:
    """Change one row of a table."""
    statement = SQL("UPDATE {} SET {} WHERE {}")
    connection.execute(statement.format(writable(table), change, one_row(connection, table, data)))


def one_row(connection: Connection, table: str, data: st.DataObject) -> Composed:
    """Return the condition of one row of a table."""
    return SQL("ctid = (SELECT ctid FROM {} ORDER BY 1 OFFSET {} LIMIT 1)").format(
        writable(table), draw_row(connection, table, data)
    )


def draw_row(connection: Connection, table: str, data: st.DataObject) -> Literal:
    """Draw the number of a row."""
    row = connection.execute(SQL("SELECT count(*) FROM {}").format(Identifier(f"kept_{table}"))).fetchone()
    assert row is not None
    return Literal(data.draw(st.integers(0, row[0] - 1)))


def keys_of(connection: Connection) -> list[str]:
    """Return the keys of all events, and one that none has."""
    rows = connection.execute("SELECT DISTINCT jsonb_object_keys(data) FROM kept_event ORDER BY 1")
    return ["surprise", *(row[0] for row in rows)]


def columns_of(connection: Connection, table: str) -> list[str]:
    """Return the columns of a table that can be written."""
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'sojourn' AND table_name = %s "
        "AND column_name <> ALL (%s) ORDER BY ordinal_position",
        [table, COMPUTED if table == "event" else []],
    )
    return [row[0] for row in rows]
