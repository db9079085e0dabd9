"""Entities as the last append of this process left them.

Who reports on an instance once mostly reports on it again: the next report is then decided without reading first. The
append compares versions under the lock, so that a memory which others have overtaken costs a read, never a decision on
what is no longer so.
"""

from threading import Lock

from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import Entity

Found = tuple[TaskInstance | None, Task]

SIZE = 10_000
"""How many entities are remembered: some 10 MB."""


class EntityCache:
    """The entities that were met last; safe for many threads."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._found: dict[Entity, Found] = {}
        self._lock = Lock()

    def pop(self, entity: Entity) -> Found | None:
        """What is remembered of an entity (and forgotten by that: whoever appends to it puts it back)."""
        with self._lock:
            return self._found.pop(entity, None)

    def put(self, entity: Entity, found: Found) -> None:
        """Remember an entity, in the place of the one that was met longest ago."""
        with self._lock:
            self._found[entity] = found
            if len(self._found) > self._size:
                del self._found[next(iter(self._found))]
