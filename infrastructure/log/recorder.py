"""The event sourcing library's port onto the log. No other file imports the library.

The library finds the log through `LogRecorder`; Sojourn itself writes through `EventLog`, because the library's own
PostgreSQL recorder locks the table, pipelines and notifies in the append (docs/decisions/0003).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import psycopg
from eventsourcing.persistence import (
    ApplicationRecorder,
    EventStore,
    IntegrityError,
    JSONTranscoder,
    Mapper,
    Notification,
    StoredEvent,
    Subscription,
)

from domain.entities.events import Event
from infrastructure.database.pool import Database
from infrastructure.log.commit_listener import connect_listener, wait_for_commit
from infrastructure.log.event_log import EventLog
from infrastructure.log.logged_event import LoggedEvent, logged_event_row
from infrastructure.log.tail import BATCH, GAP_POLL_SECONDS, POLL_SECONDS, GapBarrier, Tail
from infrastructure.sql import query


@dataclass(frozen=True)
class NewEvent(StoredEvent):
    """An event for the log, with the columns that the log keeps next to the JSON."""

    workflow_id: str
    occurred_at: datetime | None = None


@dataclass(frozen=True)
class RecordedEvent(Notification):
    """An event from the log under the library's names, and under ours in `logged`."""

    logged: LoggedEvent


class EventMapper(Mapper[str]):
    """Names an event by its own name instead of its class path, and writes its JSON with pydantic.

    The library's mapper builds events with `object.__new__`, which skips every validator.
    """

    def __init__(self) -> None:
        super().__init__(JSONTranscoder())

    def to_stored_event(self, domain_event: Any) -> NewEvent:
        """Return the event under the library's names."""
        event: Event = domain_event
        return NewEvent(
            originator_id=event.stream,
            originator_version=event.version,
            topic=event.name,
            state=event.model_dump_json(exclude_none=True).encode(),
            workflow_id=event.workflow_id,
            occurred_at=event.occurred_at,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """Return the validated event of the domain.

        Raises:
            UnknownEvent: this version of Sojourn does not know the event's name.
            pydantic.ValidationError: the JSON does not fit the name.
        """
        return cast("RecordedEvent", stored_event).logged.to_event()


class LogRecorder(ApplicationRecorder):
    """The library's recorder of an application, on the log."""

    def __init__(self, database: Database, log: EventLog) -> None:
        self._database = database
        self._log = log

    @property
    def event_store(self) -> EventStore[str]:
        """Return the library's event store on this recorder."""
        return EventStore(EventMapper(), self)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Append events at their versions, all or none, and return their positions.

        One statement takes them all as arrays: in a pipeline, as in the library, a large batch blocks.

        Raises:
            IntegrityError: a stream has an event of that version already.
        """
        events = [cast("NewEvent", event) for event in stored_events]
        columns = {
            "streams": [event.originator_id for event in events],
            "versions": [event.originator_version for event in events],
            "names": [event.topic for event in events],
            "workflow_ids": [event.workflow_id for event in events],
            "occurred": [event.occurred_at for event in events],
            "data": [event.state.decode() for event in events],
        }
        try:
            with self._database.connection() as connection, connection.transaction():
                rows = connection.execute(query("infrastructure", "log/insert_events"), columns).fetchall()
        except psycopg.IntegrityError as error:
            raise IntegrityError(str(error)) from error
        return [position for (position,) in rows]

    def select_events(
        self,
        originator_id: Any,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[RecordedEvent]:
        """Return the events of one stream in the order of their versions, or backwards."""
        name = "log/stream_backwards" if desc else "log/stream_forwards"
        wanted = {"stream": str(originator_id), "gt": gt, "lte": lte, "limit": limit}
        with self._database.connection() as connection, connection.cursor(row_factory=logged_event_row) as cursor:
            events = cursor.execute(query("infrastructure", name), wanted).fetchall()
        return list(map(_recorded, events))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[RecordedEvent]:
        """Return events of the whole log in the order of their positions.

        A position that a running transaction has drawn is missing and may come later; `subscribe` waits for it.
        """
        after = (start or 0) - int(inclusive_of_start and start is not None)
        with self._database.connection() as connection:
            return list(map(_recorded, self._log.read_after(connection, after, limit, stop=stop, names=topics)))

    def max_notification_id(self) -> int | None:
        """Return the last position in the log, or None where the log is empty."""
        with self._database.connection() as connection:
            return self._log.last_position(connection)

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> "LogSubscription":
        """Return an iterator over the events after position `gt`, with one of the names `topics`, without end."""
        return LogSubscription(self, self._database.dsn, gt, topics)


class LogSubscription(Subscription[LogRecorder]):
    """Iterates over the log and waits at its end until stopped. It keeps no checkpoint."""

    def __init__(self, recorder: LogRecorder, dsn: str, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._listener = connect_listener(dsn)
        self._tail = Tail(gt or 0, GapBarrier.through(self._listener))
        self._read: deque[LoggedEvent] = deque()

    def __next__(self) -> RecordedEvent:
        """Return the next event.

        Raises:
            StopIteration: the subscription was stopped; events that it has read by then are not returned.
        """
        while not self._has_been_stopped:
            if self._read:
                return _recorded(self._read.popleft())
            self._read_or_wait()
        raise StopIteration

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._listener.close()

    def _read_or_wait(self) -> None:
        events = self._tail.read(self._listener, BATCH)
        self._read.extend(event for event in events if not self._topics or event.name in self._topics)
        if not events:
            seconds = GAP_POLL_SECONDS if self._tail.waits_for_others else POLL_SECONDS
            wait_for_commit(self._listener, seconds, lambda: self._has_been_stopped)


def _recorded(logged: LoggedEvent) -> RecordedEvent:
    return RecordedEvent(
        originator_id=logged.stream,
        originator_version=logged.version,
        topic=logged.name,
        state=logged.data.encode(),
        id=logged.position,
        logged=logged,
    )
