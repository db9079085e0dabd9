"""A cache of entities as the last append of this process left them.

A process that reports on an instance mostly reports on it again; the cache lets it decide the next report without a
read. The append compares the whole entity under the lock, so an outdated entry costs one more read, but never leads to
a decision on an outdated status: not even where the database was restored and has other events at the same versions.
"""

from threading import Lock

from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import Entity

KnownEntity = tuple[TaskInstance | None, Task]
"""A task instance and its task, or no instance and a task."""

SIZE = 10_000
"""The maximum number of entities in the cache, which takes about 10 MB."""


class EntityCache:
    """The entities that were written last; safe for many threads."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._entities: dict[Entity, KnownEntity] = {}
        self._lock = Lock()

    def pop(self, entity: Entity) -> KnownEntity | None:
        """Remove and return an entity, or None where it is not cached; the caller puts it back after its append."""
        with self._lock:
            return self._entities.pop(entity, None)

    def put(self, entity: Entity, known: KnownEntity) -> None:
        """Cache an entity, and drop the oldest entry where the cache is full."""
        with self._lock:
            self._entities[entity] = known
            if len(self._entities) > self._size:
                del self._entities[next(iter(self._entities))]
