"""Transitions as server-sent events."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from domain.entity import TASK, TASK_INSTANCE
from infrastructure.log.logged_event import LoggedEvent
from infrastructure.loggers import get_logger

log = get_logger("feed")


class SseMessage(NamedTuple):
    """One transition: the fields that filters match, and the bytes that every listener gets.

    `status` is None where the event cannot be read; such a message passes every filter of statuses, so that nobody
    misses it.
    """

    position: int
    entity: str
    workflow_id: str
    status: str | None
    sent: bytes


def build_messages(events: Iterable[LoggedEvent]) -> Iterator[SseMessage]:
    """Yield a message for each transition among the events."""
    for event in events:
        if event.is_transition and event.entity.kind in (TASK, TASK_INSTANCE):
            yield _build_message(event)


def take_bytes(messages: Sequence[SseMessage], max_bytes: int) -> Sequence[SseMessage]:
    """Return the first messages that have at most `max_bytes` together, or the first one."""
    size = 0
    for number, message in enumerate(messages):
        size += len(message.sent)
        if number and size > max_bytes:
            return messages[:number]
    return messages


def format_keepalive(position: int) -> bytes:
    """Return a comment with a position, from which a listener can resume."""
    return b": \nid: %d\n\n" % position


def _build_message(event: LoggedEvent) -> SseMessage:
    data, unreadable = _read_data(event)
    actor = data.get("actor")
    document = {
        "position": event.position,
        "entity": str(event.entity),
        "workflow_id": event.workflow_id,
        "version": event.version,
        "name": event.name,
        "previous_status": data.get("previous_status"),
        "status": data.get("status"),
        "reported": data.get("reported"),
        "rule": data.get("rule"),
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "entered_at": event.entered_at,
        "actor": actor.get("component") if isinstance(actor, dict) else actor,
        "reason": data.get("reason"),
        "task_id": data.get("task_id"),
        **unreadable,
    }
    sent = b"id: %d\nevent: transition\ndata: %b\n\n" % (event.position, to_json(document))
    status = data.get("status")
    return SseMessage(
        event.position, str(event.entity), event.workflow_id, None if status is None else str(status), sent
    )


def _read_data(event: LoggedEvent) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the event's data, or why they cannot be read: one bad event must not end the stream of the others."""
    try:
        data = from_json(event.data)
    except ValueError as error:
        log.error("event %d cannot be read (%s): it is sent without its data", event.position, error)
        return {}, {"unreadable": str(error)}
    return (data, {}) if isinstance(data, dict) else ({}, {"unreadable": "its data are not an object"})
