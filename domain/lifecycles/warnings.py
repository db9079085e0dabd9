"""Warnings about lifecycles: what is allowed, but probably a mistake."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from domain.errors import UnknownStatus
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine


@dataclass(frozen=True, slots=True)
class LifecycleWarning:
    """A status of one of the machines that is unreachable, or a dead end."""

    machine: Literal["task", "task_instance"]
    status: str
    warning: Literal["unreachable", "dead end"]

    @property
    def text(self) -> str:
        """The warning as a sentence."""
        return f"{self.machine} status {self.status} {_SENTENCES[self.warning]}"


_SENTENCES = {
    "unreachable": "is unreachable: no way leads there from the initial status",
    "dead end": "is a dead end: nothing follows it, and it is not terminal",
}


def lifecycle_warnings(lifecycle: Lifecycle) -> tuple[LifecycleWarning, ...]:
    """Return a warning for each status that no path reaches, and for each without a next status that ends nothing."""
    reset = {lifecycle.reset.to} if lifecycle.reset else set()
    found = list(_of_machine("task", lifecycle.task, reset))
    if lifecycle.instance:
        orphaned = {lifecycle.instance.orphaned} if lifecycle.instance.orphaned else set()
        found += _of_machine("task_instance", lifecycle.instance, orphaned)
    return tuple(found)


def _of_machine(
    name: Literal["task", "task_instance"], machine: Machine, entries: set[str]
) -> Iterator[LifecycleWarning]:
    reached = _reached(machine, {machine.initial} | entries)
    ends = _nearest_known(machine, machine.terminal | machine.final)
    for status in machine.statuses:
        if status not in reached:
            yield LifecycleWarning(name, status, "unreachable")
        if not machine.transitions[status] and status not in ends:
            yield LifecycleWarning(name, status, "dead end")


def _reached(machine: Machine, entries: set[str]) -> set[str]:
    reached: set[str] = set()
    ahead = _nearest_known(machine, entries)
    while ahead:
        reached |= ahead
        ahead = (
            _nearest_known(machine, (target for status in ahead for target in machine.transitions[status])) - reached
        )
    return reached


def _nearest_known(machine: Machine, statuses: Iterable[str]) -> set[str]:
    """Replace misspelt statuses by the nearest known ones, so that one typo does not report others as unreachable."""
    known = machine.transitions
    return {
        meant
        for status in statuses
        for meant in ((status,) if status in known else UnknownStatus(status, machine.statuses).nearest)
    }
