"""Replaying the log through the domain: from events alone, no projection is read."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from psycopg import Connection
from pydantic import ValidationError

from application.store import Store
from domain.entity import Entity
from domain.errors import UnknownEvent, UnknownLifecycle
from domain.events import Event
from domain.legality import illegalities
from domain.lifecycle import Lifecycle
from domain.mismatch import Mismatch
from domain.replay import LifecycleOf, Replay
from domain.task import Task
from domain.task_instance import TaskInstance
from infrastructure.event_mapper import LoggedEvent
from infrastructure.recorder import CHUNK
from infrastructure.sql import query

Progress = Callable[[int, int], None]
"""Is told the position that was reached, and the last one."""


class Step(NamedTuple):
    """One event of the log, the entity after it, and what about the event cannot be.

    `event` is None where it cannot be read, `entity` where nothing is known of it.
    """

    logged: LoggedEvent
    event: Event | None
    entity: Task | TaskInstance | None
    mismatches: list[Mismatch]


def unheard(_position: int, _last: int) -> None:
    """Progress that nobody follows."""


def replayed(store: Store, connection: Connection[Any], replay: Replay, progress: Progress = unheard) -> Iterator[Step]:
    """Apply every event that `connection`'s snapshot has to `replay`, in the order of their positions.

    Memory holds one batch of events, beside the entities that the replay keeps.
    """
    last = _last_position(connection)
    position = 0
    while batch := store.recorder.after(connection, position, CHUNK):
        for logged in batch:
            yield _step(store, replay, logged)
        position = batch[-1].id
        progress(position, last)


def pinned_lifecycles(connection: Connection[Any]) -> LifecycleOf:
    """Finds lifecycles among the definitions that are kept with the log."""
    rows = connection.execute(query("infrastructure", "pinned_lifecycles")).fetchall()
    definitions = {(name, version): _readable(definition) for name, version, definition in rows}

    def lifecycle_of(name: str, version: int) -> Lifecycle:
        lifecycle = definitions.get((name, version))
        if lifecycle is None:
            raise UnknownLifecycle(name, [known for known, _ in definitions])
        return lifecycle

    return lifecycle_of


def _step(store: Store, replay: Replay, logged: LoggedEvent) -> Step:
    try:
        event = store.recorder.read(logged)
    except (UnknownEvent, ValidationError) as error:
        replay.skip(str(logged.originator_id), logged.originator_version)
        return Step(logged, None, None, [_unreadable(logged, error)])
    mismatches = [replace(wrong, position=logged.id) for wrong in illegalities(event, replay)]
    return Step(logged, event, replay.apply(event), mismatches)


def _last_position(connection: Connection[Any]) -> int:
    row = connection.execute(query("infrastructure", "last_position")).fetchone()
    return (row and row[0]) or 0


def _unreadable(logged: LoggedEvent, error: Exception) -> Mismatch:
    stream = str(logged.originator_id)
    kind, _, name = stream.partition(":")
    why = str(error)
    if isinstance(error, ValidationError):
        why = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    text = f"{stream}@{logged.originator_version} cannot be read: {why}"
    return Mismatch(str(Entity(kind, name)), "unreadable", logged.topic, why, text, logged.id)


def _readable(definition: object) -> Lifecycle | None:
    try:
        return Lifecycle.model_validate(definition)
    except ValidationError:
        return None
