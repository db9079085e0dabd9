"""From domain events to stored ones and back, validated both ways."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from eventsourcing.persistence import JSONTranscoder, Mapper, Notification, StoredEvent
from pydantic_core import from_json

from domain.entities.events import Event, read_event


@dataclass(frozen=True)
class StoredTransition(StoredEvent):
    """A stored event with the columns that the log keeps beside its JSON."""

    workflow_id: str
    occurred_at: datetime | None = None


@dataclass(frozen=True)
class LoggedEvent(Notification):
    """An event as the log has it, with its position and its times."""

    workflow_id: str
    occurred_at: datetime | None
    recorded_at: datetime
    entered_at: datetime

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """The event in a row of the log: its columns in the order in which the queries name them."""
        stream, version, name, data, position, *rest = row
        return cls(stream, version, name, data.encode(), position, *rest)


class EventMapper(Mapper[str]):
    """Stable names for topics, pydantic's JSON for state.

    The library's own mapper builds events with `object.__new__`, past every validator.
    """

    def __init__(self) -> None:
        super().__init__(JSONTranscoder())

    def to_stored_event(self, domain_event: Any) -> StoredTransition:
        """The event as the log takes it."""
        event: Event = domain_event
        return StoredTransition(
            originator_id=event.stream,
            originator_version=event.version,
            topic=event.name,
            state=event.model_dump_json(exclude_none=True).encode(),
            workflow_id=event.workflow_id,
            occurred_at=event.occurred_at,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Event:
        """The validated event; raises UnknownEvent or pydantic.ValidationError."""
        data = from_json(stored_event.state)
        data |= {"stream": stored_event.originator_id, "version": stored_event.originator_version}
        if isinstance(stored_event, LoggedEvent):
            data |= {
                "workflow_id": stored_event.workflow_id,
                "occurred_at": stored_event.occurred_at,
                "recorded_at": stored_event.recorded_at,
            }
        return read_event(stored_event.topic, data)
