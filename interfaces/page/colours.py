"""The colour of a status: by its class in the lifecycle, so that it is the same on every page.

A class has a hue, and the statuses of one class are shades of it, in the order in which the lifecycle defines them. The
lifecycles of a log follow each other by name and version: a status that an earlier one has in the same class keeps its
shade, and a new one gets the shade that the fewest statuses have, of those that no status of its own lifecycle has.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.entity import TASK
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine

SHADES = 6
"""How many shades of a hue there are; further statuses begin with the first again."""

CLASSES = ("done", "running", "waiting", "cancelled", "failed")
"""The classes in the order in which bars and stacks show them."""


class Colour(NamedTuple):
    """The class of a status and its shade."""

    name: str
    shade: int

    @property
    def css(self) -> str:
        """Return the classes of an element in this colour."""
        return f"{self.name} n{self.shade}"

    @property
    def order(self) -> tuple[int, int]:
        """Return what sorts statuses: by class, then by shade."""
        return CLASSES.index(self.name), self.shade


UNKNOWN = Colour("waiting", 0)


class StatusColours:
    """The colours of every status of some lifecycles."""

    def __init__(self, lifecycles: Iterable[Lifecycle]) -> None:
        self._colours: dict[tuple[str, str], Colour] = {}
        self._used: Counter[tuple[str, Colour]] = Counter()
        for lifecycle in lifecycles:
            for kind, machine in (("task", lifecycle.task), ("task_instance", lifecycle.instance)):
                if machine is not None:
                    self._add(kind, classify(machine, lifecycle.cancel_to))

    def of(self, status: str | None, kind: str = TASK) -> Colour:
        """Return the colour of a status, which is the same in each lifecycle that has it unless classes differ."""
        found = self._colours.get((kind, status or "")) or self._colours.get((TASK, status or ""))
        return found or self._colours.get(("task_instance", status or ""), UNKNOWN)

    def sort(self, statuses: Iterable[str], kind: str = TASK) -> list[str]:
        """Return statuses in the order of bars: done, running, waiting, cancelled, failed."""
        return sorted(statuses, key=lambda status: (self.of(status, kind).order, status))

    def _add(self, kind: str, classes: Mapping[str, str]) -> None:
        own = Counter(self._colours[kind, status] for status in classes if (kind, status) in self._colours)
        for status, name in classes.items():
            if (kind, status) not in self._colours:
                shades = (Colour(name, shade) for shade in range(SHADES))
                chosen = min(shades, key=lambda colour: (own[colour], self._used[kind, colour], colour.shade))
                self._colours[kind, status] = chosen
                own[chosen] += 1
                self._used[kind, chosen] += 1


def classify(machine: Machine, cancel_to: str | None = None) -> dict[str, str]:
    """Return the class of each status of a machine."""
    return {status: machine.class_of(status, cancel_to) for status in machine.statuses}
