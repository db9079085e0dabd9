"""The parts of job arrays that have records: the elements that have started, and the pending rests."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from application.imports.array_part import REST, ArrayPart

SEPARATOR = "_"
"""What stands between the id of an array and that of its part."""


class ArrayRecords:
    """Knows the parts by the ids of their tasks, and when each was submitted."""

    def __init__(self) -> None:
        self._parts: defaultdict[str, dict[str, datetime]] = defaultdict(dict)

    def add(self, task_id: str, submitted_at: datetime) -> None:
        """Remember a record, if it is one of an array's part."""
        if SEPARATOR in task_id and (part := ArrayPart.parse(task_id)):
            self._parts[part.array].setdefault(task_id, submitted_at)

    def rests_with(self, task_id: str) -> Iterator[str]:
        """Yield the pending rests that a part was once an element of."""
        part = ArrayPart.parse(task_id)
        for other in self._parts.get(part.array, ()) if part else ():
            rest = ArrayPart.parse(other) if REST in other else None
            if part and rest and other != task_id and rest.contains(part):
                yield other

    def is_split(self, task_id: str, submitted_at: datetime) -> bool:
        """Return whether a part of this pending rest has a record of its own, of the same submission or a later one.

        An earlier one is of another array: Slurm uses ids again.
        """
        rest = ArrayPart.parse(task_id) if REST in task_id else None
        if rest is None:
            return False
        later = (other for other, at in self._parts.get(rest.array, {}).items() if at >= submitted_at)
        return any(
            rest.contains(part) and not part.contains(rest) for part in map(ArrayPart.parse, later) if part is not None
        )
