"""Decide the recorded proposals again, and list the decisions that differ.

Only the log and the definitions in it are read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from psycopg import Connection
from pydantic_core import from_json

from application.replay.courses import Reading, judge_courses
from application.replay.other_entities import OtherEntities
from application.replay.replay import (
    EVERYTHING,
    Scope,
    find_pinned_lifecycles,
    ignore_progress,
    read_event_or_mismatch,
    read_events_at,
    read_logged_events,
    read_stored_lifecycle,
    stream_scope,
    task_scope,
    workflow_scope,
)
from application.shared.existence import require_entity, require_workflow
from application.shared.progress import Progress
from application.shared.store import Store
from domain.auditing.legality import find_violations
from domain.auditing.mismatch import Mismatch
from domain.auditing.replay import LifecycleOf, Replay
from domain.auditing.what_if import Divergence, WhatIf
from domain.entities.events import Event
from domain.entities.task import Task
from domain.entity import TASK, TASK_INSTANCE, Entity
from domain.lifecycles.lifecycle import Lifecycle
from domain.rules.core_rules import CORE_RULES
from infrastructure.log.logged_event import LoggedEvent
from infrastructure.sql import query


class Tried(NamedTuple):
    """The number of replayed entities and events, and of divergences."""

    entities: int
    events: int
    divergences: int


class TriedStep(NamedTuple):
    """An event of the log and the status after it, with its time and a task's number of attempts."""

    position: int
    entity: str
    version: int
    name: str
    previous_status: str | None
    status: str | None
    reported: str | None
    rule: str | None
    at: datetime
    attempts: int | None


def try_history(
    store: Store,
    what: Entity | str | None,
    lifecycle: Lifecycle | None = None,
    until: int | None = None,
    *,
    diverged: Callable[[Divergence], object],
    stepped: Callable[[TriedStep], object] | None = None,
    progress: Progress = ignore_progress,
) -> Tried:
    """Replay an entity, a workflow (by its id) or, for None, everything; report divergences and steps as they come.

    Each task is tried under `lifecycle`, or for None under its own, and then violations of the log are reported too.
    Memory holds the entities and a batch of events.

    Raises:
        UnknownEntity: the log has no such entity or workflow.
    """
    with store.database.snapshot() as connection:
        if what is None and until is None and stepped is None:
            tried = _try_by_courses(store, connection, lifecycle, progress)
            if tried is not None:
                return tried
        return _try_by_replay(connection, what, lifecycle, until, diverged, stepped, progress)


def _try_by_replay(
    connection: Connection[Any],
    what: Entity | str | None,
    lifecycle: Lifecycle | None,
    until: int | None,
    diverged: Callable[[Divergence], object],
    stepped: Callable[[TriedStep], object] | None,
    progress: Progress,
) -> Tried:
    replay = Replay(_lifecycle_of(connection, lifecycle))
    trial = _Trial(replay, what, own=lifecycle is None)
    for logged in read_logged_events(connection, progress, _scope(connection, what), until):
        for divergence in trial.divergences(logged):
            diverged(divergence)
        if stepped and trial.may_apply(logged.stream):
            stepped(_step(logged, replay))
    if until is None:
        for divergence in trial.unmatched_at_end():
            diverged(divergence)
    if not trial.events and isinstance(what, str):
        require_workflow(connection, what)
    return Tried(len(trial.streams), trial.events, trial.found)


def try_by_courses(
    store: Store, lifecycle: Lifecycle | None = None, progress: Progress = ignore_progress
) -> Tried | None:
    """Replay everything by the courses of families, and return None where anything may diverge."""
    with store.database.snapshot() as connection:
        return _try_by_courses(store, connection, lifecycle, progress)


def _try_by_courses(
    store: Store, connection: Connection[Any], lifecycle: Lifecycle | None, progress: Progress
) -> Tried | None:
    if lifecycle and _reads_state(lifecycle):
        return None
    by_state = () if lifecycle else tuple(_names_by_state(connection))
    lifecycle_of, others = _lifecycle_of(connection, lifecycle), OtherEntities()
    judge = partial(_decides_alike, lifecycle_of, lifecycle is None)
    reading = Reading(rows=False, decisions=True, by_state=by_state)
    judged = judge_courses(store, connection, [others.agree], judge, progress, reading)
    if judged is None:
        return None
    events = judged.events + others.events
    progress(events, events)
    return Tried(judged.tasks + judged.instances + others.entities, events, 0)


def _names_by_state(connection: Connection[Any]) -> Iterator[str]:
    """Yield the lifecycles in the log by name and version whose rules read more than statuses."""
    for name, version, definition in connection.execute(query("infrastructure", "lifecycles/every_pinned")).fetchall():
        lifecycle = read_stored_lifecycle(definition)
        if lifecycle is None or _reads_state(lifecycle):
            yield f"{name} {version}"


def _reads_state(lifecycle: Lifecycle) -> bool:
    return any((rule := CORE_RULES.get(name)) and (rule.reads_state or rule.reads_clock) for name in lifecycle.rules)


def _decides_alike(lifecycle_of: LifecycleOf, own: bool, connection: Connection[Any], positions: Sequence[int]) -> bool:
    """Return whether nothing diverges in the families that have the events at some positions."""
    trial = _Trial(Replay(lifecycle_of), "", own=own)
    diverges = any(trial.divergences(logged) for logged in read_events_at(connection, positions))
    return not diverges and not trial.unmatched_at_end()


class _Trial:
    """A trial of the log's events that reports those of one entity, if one is named."""

    def __init__(self, replay: Replay, what: Entity | str | None, *, own: bool) -> None:
        self._replay = replay
        self._trial = WhatIf(replay)
        self._entity = what if isinstance(what, Entity) else None
        self._whole = what is None
        self._own = own
        self.streams: set[str] = set()
        self.events = 0
        self.found = 0

    def may_apply(self, stream: str) -> bool:
        return self._entity is None or self._entity.stream == stream

    def divergences(self, logged: LoggedEvent) -> list[Divergence]:
        """Return the divergences at the event, and apply it."""
        stream = logged.stream
        if self.may_apply(stream):
            self.streams.add(stream)
            self.events += 1
        event = read_event_or_mismatch(logged)
        if isinstance(event, Mismatch):
            self._replay.skip(stream, logged.version)
            return self._reported([_of_mismatch(event, logged)])
        found = list(self._trial.judge(event, logged.position))
        if self._own and not found:
            found = [_of_mismatch(wrong, logged, event) for wrong in self._violations(event)]
        self._replay.apply(event)
        return self._reported(found)

    def unmatched_at_end(self) -> list[Divergence]:
        return self._reported(self._trial.unmatched_at_end())

    def _violations(self, event: Event) -> Iterator[Mismatch]:
        # A cause, an array and a batch's members may lie outside the replayed part.
        elsewhere = () if self._whole else ("cause", "array") if self._entity is None else ("cause", "array", "size")
        return (wrong for wrong in find_violations(event, self._replay) if wrong.what not in elsewhere)

    def _reported(self, found: Iterable[Divergence]) -> list[Divergence]:
        reported = [
            divergence for divergence in found if self._entity is None or divergence.entity == str(self._entity)
        ]
        self.found += len(reported)
        return reported


def _lifecycle_of(connection: Connection[Any], lifecycle: Lifecycle | None) -> LifecycleOf:
    return find_pinned_lifecycles(connection) if lifecycle is None else lambda _name, _version: lifecycle


def _scope(connection: Connection[Any], what: Entity | str | None) -> Scope:
    if what is None:
        return EVERYTHING
    if isinstance(what, str):
        return workflow_scope(what)
    own = stream_scope(what.stream)
    first = next(read_logged_events(connection, scope=own), None)
    if first is None:
        require_entity(connection, what)  # a runner may exist without an event
        return own
    if what.kind == TASK:
        return task_scope(first.workflow_id, what.id)
    return task_scope(first.workflow_id, from_json(first.data)["task_id"]) if what.kind == TASK_INSTANCE else own


def _step(logged: LoggedEvent, replay: Replay) -> TriedStep:
    stream = logged.stream
    data = from_json(logged.data)
    entity = replay.entities.get(stream)
    kind, _, name = stream.partition(":")
    return TriedStep(
        logged.position, str(Entity(kind, name)), logged.version, logged.name, data.get("previous_status"),
        entity.status if entity else None, data.get("reported"), data.get("rule"),
        logged.occurred_at or logged.recorded_at, entity.num_attempts if isinstance(entity, Task) else None,
    )  # fmt: skip


def _of_mismatch(mismatch: Mismatch, logged: LoggedEvent, event: Event | None = None) -> Divergence:
    fields = vars(event) if event else {}
    return Divergence(
        logged.position, mismatch.entity, fields.get("previous_status"), fields.get("status"), mismatch.text
    )
