"""The log: events are appended together with their projections, and read back in the order of their positions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import Connection, adapters
from psycopg.adapt import Dumper
from psycopg.pq import Format
from pydantic_core import to_json

from domain.entities.events import Event
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.errors import FutureTime
from domain.time import entry_time
from infrastructure.log.commands import Command
from infrastructure.log.logged_event import LoggedEvent, logged_event_row
from infrastructure.log.stored_event import TYPES, StoredEvent, store_event, to_batch
from infrastructure.sql import query

STALE = "SJ001"
"""The SQLSTATE of an append whose decision was made on an outdated state."""

FUTURE = "SJ003"
"""The SQLSTATE of an append before whose time the database's clock is; the detail has the clock's time."""

CHUNK = 5_000
"""The number of events or entities that one statement takes; a larger one is no faster and costs memory."""

COPIED = ("timestamptz", *TYPES)
"""The types of the copied columns."""


class JsonBytesDumper(Dumper):
    """Sends bytes that are JSON already as jsonb, which saves a wrapper and three calls for each event."""

    format = Format.BINARY
    oid = adapters.types["jsonb"].oid

    def dump(self, obj: bytes) -> bytes:
        """Return `obj` in the binary format of jsonb, which begins with its version."""
        return b"\x01" + obj


class EventLog:
    """Appends events and reads them, always in a transaction of the caller.

    `append` refuses what occurs further ahead of the database's clock than `clock_tolerance`.
    """

    def __init__(self, clock_tolerance: timedelta) -> None:
        self.clock_tolerance = clock_tolerance

    def append(
        self,
        connection: Connection[Any],
        task: Task | None,
        instance: TaskInstance | None,
        events: Iterable[Event],
        command: Command | None = None,
        *,
        remembered: bool = False,
    ) -> datetime:
        """Append the events that were decided on `task` and `instance` as they were, in one round trip.

        Return the time at which they were recorded. Where task and instance are only `remembered`, every column is
        compared: versions are equal by chance in a database that was restored, or in a standby that lacked the last
        events when it took over.

        Raises:
            FutureTime: they occur in the future.
            psycopg.Error: with SQLSTATE SJ001 where the log has moved on since the decision, 55P03 where another
                transaction holds a lock, 23505 where the command id exists already.
        """
        appended = list(events)
        batch = _expected_state(task, instance) | {"events": list(map(to_batch, appended))}
        if remembered:
            batch |= _known_columns(task, instance)
        occurred_at = max((event.occurred_at for event in appended if event.occurred_at), default=None)
        if occurred_at:
            with suppress(OverflowError):  # so long before the first year that no clock shows it
                batch["not_before"] = occurred_at.astimezone(UTC) - self.clock_tolerance
        if command:
            batch |= {"command_id": command.command_id, "request": command.request, "response": command.response}
        text = to_json(batch, exclude_none=True).decode()
        try:
            row = connection.execute(query("infrastructure", "log/append"), [text], prepare=True).fetchone()
        except psycopg.Error as error:
            if error.sqlstate == FUTURE and occurred_at:
                now = datetime.fromisoformat(error.diag.message_detail or "")
                raise FutureTime("occurred_at", occurred_at, now, self.clock_tolerance) from error
            raise
        assert row is not None
        recorded_at: datetime = row[0]
        return recorded_at

    def copy(
        self,
        connection: Connection[Any],
        events: Iterable[Event],
        recorded_at: datetime,
        entered: Mapping[str, datetime] = {},
    ) -> None:
        """Append many events by COPY, of entities that are new or that this transaction has locked.

        `recorded_at` is the database's clock, read under the locks. `entered` maps each stream to the time at which
        its entity entered its present status.
        """
        self.copy_rows(connection, _rows(events, recorded_at, entered), recorded_at)

    def copy_rows(self, connection: Connection[Any], rows: Iterable[StoredEvent], recorded_at: datetime) -> None:
        """Append many events by COPY as `copy` does; their columns are ready already."""
        with connection.cursor() as cursor:
            cursor.adapters.register_dumper(bytes, JsonBytesDumper)
            with cursor.copy(query("infrastructure", "log/copy_events")) as copy:
                copy.set_types(COPIED)
                for row in rows:
                    copy.write_row((recorded_at, *row))

    def read_after(
        self,
        connection: Connection[Any],
        position: int,
        limit: int,
        *,
        stop: int | None = None,
        names: Sequence[str] = (),
    ) -> list[LoggedEvent]:
        """Return at most `limit` events after `position` and up to `stop`, in the order of their positions.

        A position that a running transaction has drawn is missing; `Tail` waits for it.
        """
        parameters = {"position": position, "limit": limit, "stop": stop, "names": list(names) or None}
        with connection.cursor(row_factory=logged_event_row) as cursor:
            return cursor.execute(query("infrastructure", "log/events_after"), parameters, prepare=True).fetchall()

    def last_position(self, connection: Connection[Any]) -> int | None:
        """Return the last position in the log, or None where the log is empty."""
        row = connection.execute(query("infrastructure", "log/last_position")).fetchone()
        return row[0] if row else None


def _expected_state(task: Task | None, instance: TaskInstance | None) -> dict[str, Any]:
    expected: dict[str, Any] = {}
    if task:
        expected |= {"task_id": task.id, "task_version": task.version, "instances": task.instances}
    if instance:
        expected |= {"task_instance_id": instance.id, "task_instance_version": instance.version}
    return expected


def _known_columns(task: Task | None, instance: TaskInstance | None) -> dict[str, Any]:
    """Return the columns of the rows that not every append compares, in the order of sojourn.append."""
    known: dict[str, Any] = {}
    if task:
        known["known_task"] = (
            task.workflow_id, task.lifecycle.name, task.lifecycle.version, task.max_attempts, task.template,
            task.array_id, task.status, task.num_attempts, json_time(task.entered_at), task.owner, task.state,
            task.attributes, task.parent_id,
        )  # fmt: skip
    if instance:
        known["known_instance"] = (
            instance.task_id, instance.workflow_id, instance.ordinal, instance.status, json_time(instance.entered_at),
            json_time(instance.report_by_date), instance.distributor_id, *instance.member,
        )  # fmt: skip
    return known


def json_time(time: datetime | None) -> str | None:
    """Return a time as PostgreSQL writes it in JSON, where TimeZone is UTC: without zeros at the end of a fraction."""
    if time is None:
        return None
    text = time.astimezone(UTC).isoformat()
    return f"{text[:-6].rstrip('0')}+00:00" if time.microsecond else text


def _rows(events: Iterable[Event], recorded_at: datetime, entered: Mapping[str, datetime]) -> Iterator[StoredEvent]:
    since: dict[str, datetime | None] = dict(entered)
    for event in events:
        if event.is_transition:
            since[event.stream] = entry_time(event.occurred_at or recorded_at, since.get(event.stream))
        yield store_event(event, since[event.stream])
