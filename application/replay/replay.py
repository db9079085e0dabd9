"""Replay the log through the domain, from events alone, without projections."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from psycopg import Connection
from pydantic import ValidationError

from application.shared.lifecycle_source import explain_mismatch
from application.shared.progress import Progress
from domain.auditing.legality import find_misplacements, find_violations
from domain.auditing.mismatch import Mismatch
from domain.auditing.replay import LifecycleOf, Replay, Replayed
from domain.entities.events import Event, TaskInstanceCreated
from domain.entity import TASK_INSTANCE, Entity
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


class StreamsSince(NamedTuple):
    """The streams that decide what came after a position: some whole, and of others the first event."""

    whole: frozenset[str]
    beginnings: frozenset[str]


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
        yield replay_event(replay, logged)


def replay_since(
    connection: Connection[Any], replay: Replay, after: int, streams: StreamsSince, progress: Progress
) -> Iterator[Step]:
    """Apply the events of some streams to `replay`, and yield the steps after a position.

    What precedes it is not judged.
    """
    end = _last_position(connection)
    wanted = {"whole": list(streams.whole), "beginnings": list(streams.beginnings), "stop": end}
    with connection.cursor(name="events_since", scrollable=False, row_factory=logged_event_row) as cursor:
        cursor.itersize = CHUNK
        for number, logged in enumerate(cursor.execute(query("infrastructure", "log/events_of_streams"), wanted)):
            if logged.position > after:
                yield replay_event(replay, logged)
            else:
                _apply(replay, logged)
            if number % CHUNK == 0:
                progress(logged.position, end)
    progress(end, end)


def read_events_at(connection: Connection[Any], positions: Sequence[int]) -> Iterator[LoggedEvent]:
    """Yield the events at some positions, in that order of batches and by position in each."""
    for start in range(0, len(positions), CHUNK):
        wanted = {"positions": positions[start : start + CHUNK]}
        with connection.cursor(row_factory=logged_event_row) as cursor:
            yield from cursor.execute(query("projections", "verify/events_at"), wanted).fetchall()


def replay_others(connection: Connection[Any], replay: Replay) -> Iterator[Step]:
    """Apply the events of entities that are neither tasks nor instances to `replay`, and yield the steps.

    A new instance of an array is a step too, with the mismatches of its place in the array.
    """
    with connection.cursor(name="other_events", scrollable=False, row_factory=logged_event_row) as cursor:
        cursor.itersize = CHUNK
        for logged in cursor.execute(query("projections", "verify/other_events")):
            is_member = logged.entity.kind == TASK_INSTANCE
            yield _add_member(replay, logged) if is_member else replay_event(replay, logged)


def _add_member(replay: Replay, logged: LoggedEvent) -> Step:
    event = read_event_or_mismatch(logged)
    if not isinstance(event, TaskInstanceCreated):
        return Step(logged, None, None, [event] if isinstance(event, Mismatch) else [])
    if event.array_id is None:
        return Step(logged, event, None, [])
    array = replay.array(event.array_id)
    if array is not None:
        replay.entities[array.stream] = array.with_member()
    return Step(logged, event, None, list(find_misplacements(event, array)))


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


def replay_event(replay: Replay, logged: LoggedEvent) -> Step:
    """Apply an event to `replay`, and return the step."""
    event = read_event_or_mismatch(logged)
    if isinstance(event, Mismatch):
        replay.skip(logged.stream, logged.version)
        return Step(logged, None, None, [event])
    mismatches = [replace(wrong, position=logged.position) for wrong in find_violations(event, replay)]
    return Step(logged, event, replay.apply(event), mismatches)


def _apply(replay: Replay, logged: LoggedEvent) -> None:
    event = read_event_or_mismatch(logged)
    if isinstance(event, Mismatch):
        replay.skip(logged.stream, logged.version)
    else:
        replay.apply(event)


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
