"""Replay the log through the domain, from events alone, without projections."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from psycopg import Connection
from pydantic import ValidationError

from application.shared.lifecycle_source import explain_mismatch
from application.shared.progress import Progress
from domain.auditing.legality import find_violations
from domain.auditing.mismatch import Mismatch
from domain.auditing.replay import LifecycleOf, Replay, Replayed
from domain.entities.events import Event
from domain.entity import Entity
from domain.errors import UnknownEvent, UnknownLifecycle
from domain.lifecycles.lifecycle import Lifecycle
from infrastructure.log.event_log import CHUNK
from infrastructure.log.logged_event import LoggedEvent, logged_event_row
from infrastructure.sql import query


class Step(NamedTuple):
    """One event of the log, the entity after it, and the event's violations.

    `event` is None if it cannot be read, `entity` if nothing is known of it.
    """

    logged: LoggedEvent
    event: Event | None
    entity: Replayed | None
    mismatches: list[Mismatch]


class Scope(NamedTuple):
    """The query that finds the events, and its parameters besides positions."""

    query: str
    parameters: Mapping[str, Any]


EVERYTHING = Scope("log/events_after", {"names": None})


def stream_scope(stream: str) -> Scope:
    """Return the scope of one stream."""
    return Scope("log/events_of_stream_after", {"stream": stream})


def workflow_scope(workflow_id: str) -> Scope:
    """Return the scope of a workflow."""
    return Scope("log/events_of_workflow_after", {"workflow_id": workflow_id})


def task_scope(workflow_id: str, task_id: str) -> Scope:
    """Return the scope of a task and its instances."""
    return Scope("log/events_of_task_after", {"workflow_id": workflow_id, "task_id": task_id})


def ignore_progress(_position: int, _last: int) -> None:
    """Ignore progress."""


def replay_events(
    connection: Connection[Any],
    replay: Replay,
    progress: Progress = ignore_progress,
    scope: Scope = EVERYTHING,
    until: int | None = None,
) -> Iterator[Step]:
    """Apply the events of a scope in `connection`'s snapshot to `replay`, and yield each step by position.

    `until` is the last position. Memory holds one batch of events and the entities of the replay.
    """
    for logged in read_logged_events(connection, progress, scope, until):
        yield _step(replay, logged)


def read_logged_events(
    connection: Connection[Any],
    progress: Progress = ignore_progress,
    scope: Scope = EVERYTHING,
    until: int | None = None,
) -> Iterator[LoggedEvent]:
    """Yield the events of a scope by position, read in batches."""
    end = _last_position(connection)
    end = end if until is None else min(end, until)
    position = 0
    while batch := _batch(connection, scope, position, end):
        yield from batch
        position = batch[-1].position
        progress(position, end)


def find_pinned_lifecycles(connection: Connection[Any]) -> LifecycleOf:
    """Return a function that finds lifecycles among the definitions in the log.

    Raises:
        UnknownLifecycle: the log has no readable definition under the name and version (when it is called).
    """
    rows = connection.execute(query("infrastructure", "lifecycles/every_pinned")).fetchall()
    definitions = {(name, version): read_stored_lifecycle(definition) for name, version, definition in rows}

    def lifecycle_of(name: str, version: int) -> Lifecycle:
        lifecycle = definitions.get((name, version))
        if lifecycle is None:
            raise UnknownLifecycle(name, [known for known, _ in definitions])
        return lifecycle

    return lifecycle_of


def read_event_or_mismatch(logged: LoggedEvent) -> Event | Mismatch:
    """Return the domain event, or the mismatch that explains why it cannot be read."""
    try:
        return logged.to_event()
    except (UnknownEvent, ValidationError) as error:
        return _unreadable(logged, error)


def _step(replay: Replay, logged: LoggedEvent) -> Step:
    event = read_event_or_mismatch(logged)
    if isinstance(event, Mismatch):
        replay.skip(logged.stream, logged.version)
        return Step(logged, None, None, [event])
    mismatches = [replace(wrong, position=logged.position) for wrong in find_violations(event, replay)]
    return Step(logged, event, replay.apply(event), mismatches)


def _batch(connection: Connection[Any], scope: Scope, position: int, end: int) -> list[LoggedEvent]:
    wanted = {"position": position, "stop": end, "limit": CHUNK, **scope.parameters}
    with connection.cursor(row_factory=logged_event_row) as cursor:
        return cursor.execute(query("infrastructure", scope.query), wanted, prepare=True).fetchall()


def _last_position(connection: Connection[Any]) -> int:
    row = connection.execute(query("infrastructure", "log/last_position")).fetchone()
    return (row and row[0]) or 0


def _unreadable(logged: LoggedEvent, error: Exception) -> Mismatch:
    stream = logged.stream
    kind, _, name = stream.partition(":")
    why = str(error)
    if isinstance(error, ValidationError):
        why = "; ".join(f"{'.'.join(map(str, one['loc']))} {explain_mismatch(one)}" for one in error.errors())
    text = f"{stream}@{logged.version} cannot be read: {why}"
    return Mismatch(str(Entity(kind, name)), "unreadable", logged.name, why, text, logged.position)


def read_stored_lifecycle(definition: object) -> Lifecycle | None:
    """Return the lifecycle of a stored definition, or None if it is damaged."""
    try:
        return Lifecycle.model_validate(definition)
    except ValidationError:
        return None
