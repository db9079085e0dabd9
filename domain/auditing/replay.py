"""Replay: the tasks, instances, arrays, runners and erasures that result from a log, one event after another."""

from collections.abc import Callable

from domain.entities.array import Array
from domain.entities.erasure import Erasure
from domain.entities.events import (
    ArrayBound,
    Event,
    LogErasureBegun,
    RunnerEvent,
    TaskInstanceCreated,
    TaskRegistered,
)
from domain.entities.runner import Runner
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import ARRAY, TASK
from domain.errors import UnknownLifecycle
from domain.lifecycles.lifecycle import Lifecycle

Replayed = Task | TaskInstance | Array | Runner | Erasure
"""The entities that a replay knows."""

LifecycleOf = Callable[[str, int], Lifecycle]
"""Finds a lifecycle by the name and version that a task is pinned to, or raises UnknownLifecycle."""


class Replay:
    """Every entity as of the last applied event, by its stream.

    `lifecycle_of` finds the lifecycle of a task: the one that it is pinned to, or another one to try. Streams
    `without_creation_event` have events, but no first event that could be read, so that nothing is known about them.
    """

    def __init__(self, lifecycle_of: LifecycleOf) -> None:
        self.lifecycle_of = lifecycle_of
        self.entities: dict[str, Replayed] = {}
        self.without_creation_event: set[str] = set()

    def apply(self, event: Event) -> Replayed | None:
        """Apply an event and return the entity after it, or None if its stream has no creation event."""
        entity = self._after(event)
        if entity is None:
            self.without_creation_event.add(event.stream)
        else:
            self.entities[event.stream] = entity
        return entity

    def skip(self, stream: str, version: int) -> None:
        """Skip an event that cannot be read."""
        entity = self.entities.get(stream)
        if entity is None:
            self.without_creation_event.add(stream)
        else:
            self.entities[stream] = entity._replace(version=version)

    def task(self, task_id: str) -> Task | None:
        """Return the task of that id, if it exists yet."""
        found = self.entities.get(f"{TASK}:{task_id}")
        return found if isinstance(found, Task) else None

    def array(self, array_id: str | None) -> Array | None:
        """Return the array of that id, if it exists yet."""
        found = None if array_id is None else self.entities.get(f"{ARRAY}:{array_id}")
        return found if isinstance(found, Array) else None

    def _after(self, event: Event) -> Replayed | None:
        if isinstance(event, TaskRegistered):
            return self._registered(event)
        if isinstance(event, TaskInstanceCreated):
            return self._created(event)
        if isinstance(event, ArrayBound):
            return Array.begin(event)
        if isinstance(event, LogErasureBegun):
            return Erasure.begun(event)
        entity = self.entities.get(event.stream)
        if entity is None and isinstance(event, RunnerEvent):
            entity = Runner.begin(event)
        return entity.evolve(event) if entity else None

    def _registered(self, event: TaskRegistered) -> Task | None:
        try:
            return Task.begin(event, self.lifecycle_of(event.lifecycle, event.lifecycle_version))
        except UnknownLifecycle:
            return None

    def _created(self, event: TaskInstanceCreated) -> TaskInstance:
        task = self.task(event.task_id)
        if task:
            self.entities[task.stream] = task.with_instance(event.ordinal)
        array = self.array(event.array_id)
        if array:
            self.entities[array.stream] = array.with_member()
        return TaskInstance.begin(event)
