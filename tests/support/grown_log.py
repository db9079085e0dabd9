"""A log that grows by copies of one workflow, and what a question reads of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import sql

from application.transition_service import TransitionService

COPIED = {
    "stored_event": (
        "position", "entered_at", "recorded_at", "occurred_at", "report_by_date", "version", "num_attempts", "ordinal",
        "actor_pid", "entity_kind", "entity_id", "workflow_id", "status", "previous_status", "task_id", "actor",
        "reported", "rule", "event_type", "cause", "actor_host", "actor_user", "reason", "owner", "runner_id",
        "command_id", "distributor_id", "rest",
    ),
    "task": (
        "task_id", "workflow_id", "lifecycle", "lifecycle_version", "template", "max_attempts", "num_attempts",
        "instances", "status", "entered_at", "version", "owner", "state", "attributes", "parent_id",
    ),
    "task_instance": (
        "task_instance_id", "task_id", "workflow_id", "ordinal", "status", "entered_at", "report_by_date",
        "distributor_id", "version",
    ),
    "dependency": ("position", "task_id", "upstream_id", "workflow_id", "since"),
}  # fmt: skip
"""The tables that are copied, without arrays and waits, and their columns."""

COPY_OF = {
    "position": "c.position + n.number * %(events)s",
    "rest": "replace(c.rest::text, %(workflow)s, %(workflow)s || '-' || n.number)::jsonb",
    **dict.fromkeys(
        ("workflow_id", "task_id", "task_instance_id", "entity_id", "upstream_id", "parent_id", "cause"),
        "replace(c.{}, %(workflow)s, %(workflow)s || '-' || n.number)",
    ),
    **dict.fromkeys(
        ("recorded_at", "occurred_at", "entered_at", "since", "report_by_date"),
        "c.{} - n.number * %(apart)s::interval",
    ),
}
"""What a copy has in a column where that is not the same."""

READ = """
    SELECT relname, heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit + idx_blks_read, 0)
    FROM pg_statio_user_tables
    WHERE schemaname = 'sojourn'
"""


def grow(connection: psycopg.Connection[Any], workflow: str, first: int, last: int, apart: timedelta) -> None:
    """Copy a workflow, whose name is a part of each of its ids, as WORKFLOW-first to WORKFLOW-last.

    Each copy happened `apart` before the one before it. A superuser copies the projections too, which is faster than to
    project what is copied.
    """
    row = connection.execute(
        "SELECT max(position) FROM sojourn.stored_event WHERE workflow_id = %s", [workflow]
    ).fetchone()
    assert row is not None
    values = {"workflow": workflow, "first": first, "last": last, "apart": apart, "events": row[0]}
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in COPIED:
            connection.execute(_copy(table), values)
        connection.execute("SELECT setval('sojourn.event_position', (SELECT max(position) FROM sojourn.stored_event))")
    connection.execute("VACUUM ANALYZE")


def blocks_read(
    connection: psycopg.Connection[Any], service: TransitionService, ask: Callable[[], object]
) -> dict[str, int]:
    """Return how many blocks of each table and its indexes a question reads, from memory or not.

    The service must have one connection, which states what it has read as it ends its transaction.
    """
    before = _state_blocks(connection, service)
    ask()
    after = _state_blocks(connection, service)
    return {table: after[table] - before.get(table, 0) for table in after}


def _state_blocks(connection: psycopg.Connection[Any], service: TransitionService) -> dict[str, int]:
    """Return the blocks that were read of each table, once both sessions have stated what they have read."""
    with service.store.session() as own:
        own.execute("SELECT pg_stat_force_next_flush()")
    connection.execute("SELECT pg_stat_force_next_flush()")
    return dict(connection.execute(READ).fetchall())


def _copy(table: str) -> sql.Composed:
    columns = COPIED[table]
    return sql.SQL(
        "INSERT INTO sojourn.{} ({}) SELECT {} "
        "FROM generate_series(%(last)s::integer, %(first)s::integer, -1) AS n (number) CROSS JOIN sojourn.{} AS c "
        "WHERE c.workflow_id = %(workflow)s ORDER BY n.number DESC"
    ).format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(sql.SQL(COPY_OF.get(column, "c.{}").replace("{}", column)) for column in columns),
        sql.Identifier(table),
    )
