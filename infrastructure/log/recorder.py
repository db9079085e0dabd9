"""The log's recorder: the event sourcing library's, with appends and reads of our own.

What the library's PostgreSQL recorder does otherwise was tried, and is avoided here (docs/decisions/0003):
no table lock and no NOTIFY on append, no pipeline in bulk, no retry of doubtful commits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, cast

from eventsourcing.persistence import (
    EventStore,
    Notification,
    StoredEvent,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import Connection
from psycopg.types.json import Jsonb
from pydantic_core import to_json

from domain.entities.events import Event
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.time import entry_time
from infrastructure.database.pool import Database
from infrastructure.log.event_mapper import EventMapper, LoggedEvent, StoredTransition
from infrastructure.log.subscription import Following
from infrastructure.sql import query

STALE = "SJ001"
"""SQLSTATE of an append that was decided on what is no longer so."""

CHUNK = 5_000
"""How many events or entities one statement takes: more only costs memory."""


COPIED = ("text", "int4", "text", "text", "timestamptz", "timestamptz", "timestamptz", "jsonb")
"""The types of the columns that COPY takes events in, which it does in binary: three times as fast as in text."""

AppendedRow = tuple[str, int, str, str, datetime | None, datetime | None, bytes]
"""Stream, version, name, workflow, occurred_at, entered_at and JSON of an event."""

AS_JSON = partial(to_json, exclude_none=True)


def as_it_is(data: bytes) -> bytes:
    """JSON that is written already."""
    return data


@dataclass(frozen=True, slots=True)
class Command:
    """A command id, a digest of what it asks, and the answer that it gets."""

    command_id: str
    request: str
    response: Mapping[str, Any]


class TransitionRecorder(PostgresApplicationRecorder):
    """Appends events, and with them what projects them, in one transaction; reads them back in order."""

    def __init__(self, database: Database) -> None:
        super().__init__(_Datastore(), events_table_name="event")
        self._database = database
        self._mapper = EventMapper()

    @property
    def event_store(self) -> EventStore[str]:
        """The library's event store on this recorder."""
        return EventStore(self._mapper, self)

    def create_table(self) -> None:
        """Nothing: migrations make the tables, under a lock (two that create them at once fail in the library)."""

    def append(
        self,
        connection: Connection[Any],
        task: Task | None,
        instance: TaskInstance | None,
        events: Iterable[Event],
        command: Command | None = None,
    ) -> None:
        """Append what was decided about `task` and `instance` as they were, in one round trip.

        Raises psycopg errors: SQLSTATE SJ001 where the log has moved on since, 55P03 where others hold a lock,
        23505 where the command id is there already.
        """
        batch: dict[str, Any] = {"events": [_wire(event) for event in events]}
        if task:
            batch |= {"task_id": task.id, "task_version": task.version, "instances": task.instances}
        if instance:
            batch |= {"task_instance_id": instance.id, "task_instance_version": instance.version}
        if command:
            batch |= {
                "command_id": command.command_id,
                "request": command.request,
                "response": command.response,
            }
        connection.execute(
            query("infrastructure", "append"), [to_json(batch, exclude_none=True).decode()], prepare=True
        )

    def copy(
        self,
        connection: Connection[Any],
        events: Iterable[Event],
        moment: datetime,
        entered: Mapping[str, datetime] = {},
    ) -> None:
        """Append many events of entities that this transaction has locked, or that are new, by COPY.

        `moment` is the database's clock, read under the locks; `entered` says since when each stream's entity has
        been in its status.
        """
        since: dict[str, datetime | None] = dict(entered)
        with connection.cursor() as cursor, cursor.copy(query("infrastructure", "copy_events")) as copy:
            copy.set_types(COPIED)
            for event in events:
                if event.is_transition:
                    since[event.stream] = entry_time(event.occurred_at or moment, since.get(event.stream))
                copy.write_row(
                    (
                        event.stream,
                        event.version,
                        event.name,
                        event.workflow_id,
                        moment,
                        event.occurred_at,
                        since[event.stream],
                        Jsonb(event, AS_JSON),
                    )
                )

    def copy_rows(self, connection: Connection[Any], rows: Iterable[AppendedRow], moment: datetime) -> None:
        """Append many events by COPY, as `copy` does, whose times and JSON are known already."""
        with connection.cursor() as cursor, cursor.copy(query("infrastructure", "copy_events")) as copy:
            copy.set_types(COPIED)
            for stream, version, name, workflow_id, occurred_at, entered_at, data in rows:
                copy.write_row(
                    (stream, version, name, workflow_id, moment, occurred_at, entered_at, Jsonb(data, as_it_is))
                )

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Append stored events at their versions, all or none, and answer with their positions.

        Raises psycopg.errors.UniqueViolation where a stream has an event of that version already.
        """
        events = [cast("StoredTransition", event) for event in stored_events]
        with self._database.connection() as connection, connection.transaction():
            rows = connection.execute(
                query("infrastructure", "insert_events"),
                {
                    "streams": [event.originator_id for event in events],
                    "versions": [event.originator_version for event in events],
                    "names": [event.topic for event in events],
                    "workflow_ids": [event.workflow_id for event in events],
                    "occurred": [event.occurred_at for event in events],
                    "data": [event.state.decode() for event in events],
                },
            ).fetchall()
        return [position for (position,) in rows]

    def select_events(
        self,
        originator_id: Any,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[LoggedEvent]:
        """The events of one stream, by version."""
        name = "stream_backwards" if desc else "stream_forwards"
        with self._database.connection() as connection:
            rows = connection.execute(
                query("infrastructure", name),
                {"stream": str(originator_id), "gt": gt, "lte": lte, "limit": limit},
            ).fetchall()
        return [LoggedEvent.of(row) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The events of the whole log, by position: as they stand, with gaps where others still write."""
        after = (start or 0) - int(inclusive_of_start and start is not None)
        with self._database.connection() as connection:
            return self.after(connection, after, limit, stop=stop, names=topics)

    def after(
        self,
        connection: Connection[Any],
        position: int,
        limit: int,
        *,
        stop: int | None = None,
        names: Sequence[str] = (),
    ) -> list[LoggedEvent]:
        """At most `limit` events after `position`, in the order of their positions."""
        rows = connection.execute(
            query("infrastructure", "events_after"),
            {"position": position, "limit": limit, "stop": stop, "names": list(names) or None},
            prepare=True,
        ).fetchall()
        return [LoggedEvent.of(row) for row in rows]

    def max_notification_id(self) -> int | None:
        """The last position in the log, or None where it is empty."""
        with self._database.connection() as connection:
            row = connection.execute(query("infrastructure", "last_position")).fetchone()
        return row[0] if row else None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Following:
        """An iterator over the events after position `gt`, of the names in `topics`, that waits at the log's end."""
        return Following(self, self._database.dsn, gt, topics)

    def read(self, stored: StoredEvent) -> Event:
        """The domain event in a stored one."""
        return self._mapper.to_domain_event(stored)


def _wire(event: Event) -> dict[str, Any]:
    return {
        "stream": event.stream,
        "version": event.version,
        "name": event.name,
        "workflow_id": event.workflow_id,
        "occurred_at": event.occurred_at,
        "data": event,
    }


class _Datastore(PostgresDatastore):
    """What the library's recorder builds its statements from; connections are the Database's, and no type is ours."""

    def __init__(self) -> None:
        super().__init__("", "", "", "", "", originator_id_type="text", schema="sojourn")

    def register_type_adapters(self) -> None:
        """Nothing: events go in as JSON and by COPY, not as composite types."""
