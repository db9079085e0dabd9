"""One event as the log stores it: what usual events state has a column, and the rest is JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from domain.actor import Actor
from domain.entities.events import EVENTS, Event

USUAL_TYPE: Final = "transitioned.v1"
"""The type of most events, which is not stored."""

CAUSED_BY: Final = {"task": "task_instance:", "task_instance": "task:"}
"""The kind of an event's entity -> the stream of its cause begins so, which is not stored."""

LARGEST_PID: Final = 999_999_999
"""An actor with a higher pid is stored as JSON."""

ENVELOPE: Final = frozenset({"stream", "version", "workflow_id", "occurred_at", "recorded_at"})
"""The fields that are not part of an event's JSON."""


class StoredEvent(NamedTuple):
    """The columns of sojourn.stored_event, without those that the database sets, in the order in which they are copied.

    `rest` is the JSON of the fields that no column has, or that a column does not show exactly. sojourn.store_event
    states the same in SQL, and sojourn.event makes the JSON of an event again.
    """

    entered_at: datetime | None
    occurred_at: datetime | None
    report_by_date: datetime | None
    version: int
    num_attempts: int | None
    ordinal: int | None
    actor_pid: int | None
    entity_kind: str
    entity_id: str
    workflow_id: str
    status: str | None
    previous_status: str | None
    task_id: str | None
    actor: str | None
    reported: str | None
    rule: str | None
    event_type: str | None
    cause: str | None
    actor_host: str | None
    actor_user: str | None
    reason: str | None
    owner: str | None
    runner_id: str | None
    command_id: str | None
    distributor_id: str | None
    rest: bytes | None

    @property
    def stream(self) -> str:
        """The stream of its entity."""
        return f"{self.entity_kind}:{self.entity_id}"


TYPES: Final = (
    "timestamptz", "timestamptz", "timestamptz", "int4", "int4", "int4", "int4", *("text",) * 18, "jsonb",
)  # fmt: skip
"""The types of these columns. With them COPY is binary, which is three times as fast as text."""


HAS_COLUMN: Final = ENVELOPE | {"actor", "cause", *StoredEvent._fields}
"""The fields that have a column, or two."""

Others = dict[str, Any]
"""The fields of an event without a column, and those that a column does not show exactly."""


def store_event(event: Event, entered_at: datetime | None) -> StoredEvent:
    """Return an event as it is stored; `entered_at` is since when its entity is in the status that it has after it."""
    columns, others = _split(event, entered_at)
    return StoredEvent._make((*columns, to_json(others, exclude_none=True) if others else None))


def to_batch(event: Event) -> Mapping[str, Any]:
    """Return an event for sojourn.append: the columns that have a value."""
    columns, others = _split(event, None)
    batch = {name: value for name, value in zip(StoredEvent._fields, columns, strict=False) if value is not None}
    if others:
        batch["rest"] = others
    return batch


def store_actor(actor: Actor) -> tuple[str, str | None, str | None, int | None] | None:
    """Return the component, host, user and process of an actor, or None where the columns do not take them."""
    pid = actor.pid
    return (actor.component, actor.host, actor.user, pid) if pid is None or abs(pid) <= LARGEST_PID else None


def _split(event: Event, entered_at: datetime | None) -> tuple[tuple[Any, ...], Others]:
    """Return the columns of an event in their order, without `rest`, and the fields that `rest` has."""
    fields = vars(event)
    get = fields.get
    others = {name: value for name in _other_fields(type(event)) if (value := fields[name]) is not None}
    kind, _, entity_id = fields["stream"].partition(":")
    component = host = user = pid = cause = None
    if (actor := fields["actor"]) is not None:
        if stored := store_actor(actor):
            component, host, user, pid = stored
        else:
            component, others["actor"] = actor.component, actor
    if (stated := fields["cause"]) is not None:
        usual = CAUSED_BY.get(kind, ":")
        if stated.startswith(usual):
            cause = stated[len(usual) :]
        else:
            others["cause"] = stated
    due = get("report_by_date")
    if due is not None and due.tzinfo is not UTC and _has_offset(due):
        others["report_by_date"] = due
    return (
        entered_at, get("occurred_at"), due, fields["version"], get("num_attempts"), get("ordinal"), pid, kind,
        entity_id, fields["workflow_id"], get("status"), get("previous_status"), get("task_id"), component,
        get("reported"), get("rule"), TYPE_OF[event.name], cause, host, user, get("reason"), get("owner"),
        get("runner_id"), get("command_id"), get("distributor_id"),
    ), others  # fmt: skip


@cache
def _other_fields(kind: type[Event]) -> tuple[str, ...]:
    """Return the fields of a kind of events that have no column."""
    return tuple(name for name in kind.model_fields if name not in HAS_COLUMN)


TYPE_OF: Final[Mapping[str, str | None]] = {
    name: None if event_type == USUAL_TYPE else event_type for name in EVENTS for event_type in [name.partition(".")[2]]
}
"""The name of an event -> what is stored of it."""


def _has_offset(time: datetime) -> bool:
    return to_json(time) != f'"{time.astimezone(UTC).isoformat().removesuffix("+00:00")}Z"'.encode()
