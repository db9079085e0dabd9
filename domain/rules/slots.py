"""Slots: limits on the number of concurrent runs with the same tag (Prefect's tag-based limits)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol


class Slots(Protocol):
    """Counts the holders of each tag's slots. A tag without a limit has a slot for every run."""

    def take(self, holder: str, tags: Iterable[str]) -> str | None:
        """Take one slot of each tag, or none at all. Return None, or the first tag that is full."""

    def is_closed(self, tag: str) -> bool:
        """Return whether the limit of a tag is 0, so that it will never have a slot."""

    def holders_of(self, tag: str) -> Sequence[str]:
        """Return the tasks that hold a slot of a tag."""

    def give_back(self, holder: str) -> None:
        """Free every slot of `holder`, if it has any."""


class SlotsInMemory:
    """Slots in the memory of one process, by the limits of their tags."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = limits
        self.holders: dict[str, set[str]] = defaultdict(set)
        """The holders of each tag's slots."""

    def take(self, holder: str, tags: Iterable[str]) -> str | None:
        """Take one slot of each tag, as Slots.take does."""
        wanted = sorted(set(tags) & self._limits.keys())
        for tag in wanted:
            if len(self.holders[tag] | {holder}) > self._limits[tag]:
                return tag
        for tag in wanted:
            self.holders[tag].add(holder)
        return None

    def is_closed(self, tag: str) -> bool:
        """Return whether the limit of a tag is 0, as Slots.is_closed does."""
        return self._limits.get(tag) == 0

    def holders_of(self, tag: str) -> Sequence[str]:
        """Return the tasks that hold a slot of a tag, as Slots.holders_of does."""
        return sorted(self.holders[tag])

    def give_back(self, holder: str) -> None:
        """Free every slot of `holder`, as Slots.give_back does."""
        for holders in self.holders.values():
            holders.discard(holder)
