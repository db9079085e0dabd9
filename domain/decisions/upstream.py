"""Decisions about what a task waits for: its upstream tasks, which are known before its first attempt."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from domain.decisions.decision import Decision
from domain.decisions.proposals import UpstreamAddition
from domain.entities.task import Task
from domain.errors import UpstreamCycle
from domain.report_context import ReportContext


def decide_upstream(task: Task, addition: UpstreamAddition, context: ReportContext) -> Decision:
    """Return the decision to let `task` wait for further tasks; refused, without events, once it has begun."""
    if task.has_begun:
        return Decision(task, refused=True)
    event = task.add_upstream(addition.upstream, context)
    return Decision(task.evolve(event), None, (event,))


def require_no_cycle(relation: str, links: Mapping[str, Sequence[str]]) -> None:
    """Check that no task leads back to itself by way of its links.

    Raises:
        UpstreamCycle: one does.
    """
    try:
        TopologicalSorter(links).prepare()
    except CycleError as error:
        # graphlib states the cycle from each task to the one that waits for it.
        raise UpstreamCycle(relation, error.args[1][::-1]) from None
