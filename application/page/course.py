"""The course of one entity as its page shows it: where it belongs, the steps that it took, and its newest events."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypedDict, cast

from application.analyse.analytics_session import read_rows
from application.read.history import HistoryEvent, read_history_page
from application.shared.as_of import as_of
from application.shared.store import Store
from application.shared.suggestions import unknown_entity
from domain.entity import Entity
from domain.lifecycles.lifecycle import Lifecycle

MAX_BYTES = 4 * 1024 * 1024
"""How many bytes of events are read at most, or else one event."""


class Step(TypedDict):
    """How often an entity went from a status (None: it began) to another, and how long it had stayed before in all."""

    source: str | None
    target: str
    n: int
    seconds: float


class Course(NamedTuple):
    """Where an entity belongs, the lifecycle that it is pinned to, when it began, its steps and its newest events.

    `omitted` counts the older events.
    """

    task_id: str
    workflow_id: str
    lifecycle: Lifecycle
    first_at: datetime
    steps: Sequence[Step]
    events: Sequence[HistoryEvent]
    omitted: int


def read_course(store: Store, entity: Entity, at: datetime | None = None, *, limit: int) -> Course:
    """Return the course of a task or an instance as of `at` (None: now), with at most `limit` events.

    Raises:
        UnknownEntity: the log has no such entity.
    """
    wanted = {"kind": entity.kind, "id": entity.id, "stream": entity.stream}
    with as_of(store, at) as connection:
        found = read_rows(connection, "page/course", wanted)
        if not found:
            raise unknown_entity(connection, entity)
        [place] = found
        steps = [cast("Step", row) for row in read_rows(connection, "page/course_steps", wanted)]
    lifecycle = store.lifecycles.by_key(place["lifecycle"], place["lifecycle_version"])
    newest, _ = read_history_page(
        store, entity, after=place["events"] + 1, newest_first=True, limit=limit, max_bytes=MAX_BYTES
    )
    events = newest[::-1] if place["events"] else []
    omitted = place["events"] - len(events)
    return Course(place["task_id"], place["workflow_id"], lifecycle, place["first_at"], steps, events, omitted)
