"""One event as the log keeps it."""

from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from psycopg import Cursor
from psycopg.rows import RowMaker, no_result
from pydantic_core import from_json

from domain.entities.events import Event, read_event
from domain.entity import Entity


class LoggedEvent(NamedTuple):
    """An event with its position and its times; `data` is its JSON, not yet read."""

    position: int
    stream: str
    version: int
    name: str
    workflow_id: str
    data: str
    occurred_at: datetime | None
    recorded_at: datetime
    entered_at: datetime
    is_transition: bool

    @property
    def entity(self) -> Entity:
        """Return the entity whose stream has the event."""
        kind, _, name = self.stream.partition(":")
        return Entity(kind, name)

    def to_event(self) -> Event:
        """Return the validated event of the domain.

        Raises:
            UnknownEvent: this version of Sojourn does not know the event's name.
            pydantic.ValidationError: the JSON does not fit the name.
        """
        return read_event(
            self.name,
            from_json(self.data)
            | {
                "stream": self.stream,
                "version": self.version,
                "workflow_id": self.workflow_id,
                "occurred_at": self.occurred_at,
                "recorded_at": self.recorded_at,
            },
        )


def logged_event_row(cursor: Cursor[Any]) -> RowMaker[LoggedEvent]:
    """Return what makes an event of a row, by the names of its columns: the row factory of queries that read events.

    It looks the names up once for each query; psycopg's `class_row` does so for each row, which shows in a catch-up.
    """
    names = [column.name for column in cursor.description or ()]
    if not names:
        return no_result
    pick = itemgetter(*map(names.index, LoggedEvent._fields))
    return lambda values: LoggedEvent._make(pick(values))
