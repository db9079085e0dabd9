"""The parts of a job array by their ids: an element `17_4`, or the pending rest `17_[5-9%2]`.

sacct prints elements that have not started as one record, and each element that has started as its own.
"""

import re
from typing import NamedTuple, Self

PART = re.compile(r"(?P<array>.+)_(?:(?P<element>\d+)|\[(?P<elements>[^\]]*)\]?)")
ELEMENTS = re.compile(r"(\d+)(?:-(\d+))?(?::(\d+))?")

REST = "_["
"""What the id of a pending rest has after that of its array."""

CUT = "..."
"""The end of a list of elements that sacct has cut off."""


class ArrayPart(NamedTuple):
    """The array's id, and the elements of the part; `is_cut` if there are more that are not listed."""

    array: str
    elements: tuple[range, ...]
    is_cut: bool = False

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Return the part that is called `name`, or None if the name is not one of a part."""
        found = PART.fullmatch(name)
        if found is None:
            return None
        listed = found["element"] or found["elements"].partition("%")[0]
        ranges = tuple(_range(*one) for one in ELEMENTS.findall(listed))
        return cls(found["array"], ranges, listed.endswith(CUT)) if ranges else None

    def contains(self, other: "ArrayPart") -> bool:
        """Return whether all elements of `other` can be elements of this part."""
        return self.array == other.array and all(self._has(one[0]) and self._has(one[-1]) for one in other.elements)

    def _has(self, element: int) -> bool:
        return any(element in one for one in self.elements) or (self.is_cut and element > self.elements[-1][-1])


def _range(first: str, last: str, step: str) -> range:
    return range(int(first), max(int(first), int(last or first)) + 1, int(step or 1) or 1)
