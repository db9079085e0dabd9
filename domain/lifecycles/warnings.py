"""Warnings about lifecycles: what is allowed, but probably a mistake."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from domain.errors import UnknownStatus
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine


@dataclass(frozen=True, slots=True)
class LifecycleWarning:
    """A status of one of the machines that is unreachable, a dead end, or from which an attempt can count twice."""

    machine: Literal["task", "task_instance"]
    status: str
    warning: Literal["unreachable", "dead end", "counts twice"]

    @property
    def text(self) -> str:
        """The warning as a sentence."""
        words = _COUNTS_TWICE[self.machine] if self.warning == "counts twice" else _SENTENCES[self.warning]
        return f"{self.machine} status {self.status} {words}"


_SENTENCES = {
    "unreachable": "is unreachable: no way leads there from the initial status",
    "dead end": "is a dead end: nothing follows it, and it is not terminal",
}

_COUNTS_TWICE = {
    "task": (
        "counts a further attempt when it goes on, although the task has begun one; if the attempt goes on, name the "
        "status in attempt_resumes_from, or else in task.failures"
    ),
    "task_instance": (
        "counts an attempt again when the instance returns from it, because the status comes before the gate's as well "
        "as after it; give the instance another status to return from"
    ),
}


def lifecycle_warnings(lifecycle: Lifecycle) -> tuple[LifecycleWarning, ...]:
    """Return a warning for each status that no path reaches, that nothing follows, or that counts an attempt twice."""
    reset = {lifecycle.reset.to} if lifecycle.reset else set()
    found = list(_of_machine("task", lifecycle.task, reset))
    if lifecycle.instance:
        orphaned = {lifecycle.instance.orphaned} if lifecycle.instance.orphaned else set()
        found += _of_machine("task_instance", lifecycle.instance, orphaned)
        found += (LifecycleWarning("task_instance", status, "counts twice") for status in _returning(lifecycle))
    else:
        found += (LifecycleWarning("task", status, "counts twice") for status in _resuming(lifecycle))
    return tuple(found)


def _returning(lifecycle: Lifecycle) -> list[str]:
    """Return the statuses from which an instance comes to the gate, be it for the first time or again."""
    machine, gate = lifecycle.instance_machine, lifecycle.gate_instances
    first = machine.reachable_without(gate)
    return [
        status
        for status in machine.statuses
        if status in first
        and any(machine.can_transition(status, entered) for entered in gate)
        and any(machine.leads_to(entered, status) for entered in gate)
    ]


def _resuming(lifecycle: Lifecycle) -> list[str]:
    """Return the statuses after the one that begins an attempt, from which a task goes back to it under way."""
    machine, attempt = lifecycle.task, lifecycle.attempt
    if attempt is None:
        return []
    first = machine.reachable_without(frozenset({attempt}))
    ends = machine.terminal | machine.failures | lifecycle.attempt_resumes_from | {attempt}
    return [
        status
        for status in machine.statuses
        if status not in first | ends and machine.can_transition(status, attempt) and machine.leads_to(attempt, status)
    ]


def _of_machine(
    name: Literal["task", "task_instance"], machine: Machine, entries: set[str]
) -> Iterator[LifecycleWarning]:
    reached = _reached(machine, set(machine.starts) | entries)
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
