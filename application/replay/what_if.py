"""Trying history: replaying what was proposed, and listing what would be decided otherwise.

Nothing is read but the log and the definitions that are kept with it.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from pydantic_core import from_json

from application.replay.replay import (
    EVERYTHING,
    Scope,
    logged_events,
    of_stream,
    of_task,
    of_workflow,
    pinned_lifecycles,
    readable,
    unheard,
)
from application.shared.existence import require_workflow
from application.shared.progress import Progress
from application.shared.store import Store
from application.shared.suggestions import unknown_entity
from domain.auditing.legality import find_violations
from domain.auditing.mismatch import Mismatch
from domain.auditing.replay import LifecycleOf, Replay
from domain.auditing.what_if import Divergence, WhatIf
from domain.entities.events import Event
from domain.entities.task import Task
from domain.entity import TASK, TASK_INSTANCE, Entity
from domain.lifecycles.lifecycle import Lifecycle
from infrastructure.log.logged_event import LoggedEvent


class Tried(NamedTuple):
    """How many entities and events were replayed, and how many divergences were told of."""

    entities: int
    events: int
    divergences: int


class TriedStep(NamedTuple):
    """An event of the log, and where its entity is after it; `at` is since when, `attempts` a task's."""

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
    progress: Progress = unheard,
) -> Tried:
    """Replay an entity, a workflow (by its id) or, for None, everything; tell of divergences and steps as they come.

    Each task is tried under `lifecycle`; for None under its own, and then what no lifecycle allows is told too.
    Raises UnknownEntity. Memory holds the entities, and a batch of events.
    """
    with store.database.snapshot() as connection:
        replay = Replay(_lifecycle_of(connection, lifecycle))
        trial = _Trial(replay, what, own=lifecycle is None)
        for logged in logged_events(connection, progress, _scope(connection, what), until):
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


class _Trial:
    """A trial of the events of a log, of which only those of one entity are told, where it is named."""

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
        """What diverges at the event, which is then applied."""
        stream = logged.stream
        if self.may_apply(stream):
            self.streams.add(stream)
            self.events += 1
        event = readable(logged)
        if isinstance(event, Mismatch):
            self._replay.skip(stream, logged.version)
            return self._told([_of_mismatch(event, logged)])
        found = list(self._trial.judge(event, logged.position))
        if self._own and not found:
            found = [_of_mismatch(wrong, logged, event) for wrong in self._illegalities(event)]
        self._replay.apply(event)
        return self._told(found)

    def unmatched_at_end(self) -> list[Divergence]:
        return self._told(self._trial.unmatched_at_end())

    def _illegalities(self, event: Event) -> Iterator[Mismatch]:
        # A cause, an array and the members of a batch may lie outside of the part that is replayed.
        elsewhere = () if self._whole else ("cause", "array") if self._entity is None else ("cause", "array", "size")
        return (wrong for wrong in find_violations(event, self._replay) if wrong.what not in elsewhere)

    def _told(self, found: Iterable[Divergence]) -> list[Divergence]:
        told = [divergence for divergence in found if self._entity is None or divergence.entity == str(self._entity)]
        self.found += len(told)
        return told


def _lifecycle_of(connection: Connection[Any], lifecycle: Lifecycle | None) -> LifecycleOf:
    return pinned_lifecycles(connection) if lifecycle is None else lambda _name, _version: lifecycle


def _scope(connection: Connection[Any], what: Entity | str | None) -> Scope:
    if what is None:
        return EVERYTHING
    if isinstance(what, str):
        return of_workflow(what)
    own = of_stream(what.stream)
    first = next(logged_events(connection, scope=own), None)
    if first is None:
        raise unknown_entity(connection, what)
    if what.kind == TASK:
        return of_task(first.workflow_id, what.id)
    return of_task(first.workflow_id, from_json(first.data)["task_id"]) if what.kind == TASK_INSTANCE else own


def _step(logged: LoggedEvent, replay: Replay) -> TriedStep:
    stream = logged.stream
    told = from_json(logged.data)
    entity = replay.entities.get(stream)
    kind, _, name = stream.partition(":")
    return TriedStep(
        logged.position, str(Entity(kind, name)), logged.version, logged.name, told.get("previous_status"),
        entity.status if entity else None, told.get("reported"), told.get("rule"),
        logged.occurred_at or logged.recorded_at, entity.num_attempts if isinstance(entity, Task) else None,
    )  # fmt: skip


def _of_mismatch(mismatch: Mismatch, logged: LoggedEvent, event: Event | None = None) -> Divergence:
    told = vars(event) if event else {}
    return Divergence(logged.position, mismatch.entity, told.get("previous_status"), told.get("status"), mismatch.text)
