"""Slots: how many runs may go on at once, by the tags that they carry."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Protocol


class Slots(Protocol):
    """Counts who holds a slot of which tag. A tag without a limit has slots for everybody."""

    def take(self, holder: str, tags: Iterable[str]) -> str | None:
        """Give `holder` a slot of every tag, and answer None; or of none, and answer with a tag that has none left."""

    def give_back(self, holder: str) -> None:
        """Free every slot that `holder` has, if it has any."""


class SlotsInMemory:
    """Slots of one process, by the limits of their tags."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = limits
        self.holders: dict[str, set[str]] = defaultdict(set)
        """Who holds a slot, by tag."""

    def take(self, holder: str, tags: Iterable[str]) -> str | None:
        """See Slots."""
        wanted = sorted(set(tags) & self._limits.keys())
        for tag in wanted:
            if len(self.holders[tag] | {holder}) > self._limits[tag]:
                return tag
        for tag in wanted:
            self.holders[tag].add(holder)
        return None

    def give_back(self, holder: str) -> None:
        """See Slots."""
        for holders in self.holders.values():
            holders.discard(holder)
