"""The domain in three functions: `decide` which events follow, `evolve` by one of them, begin with `initial`.

    initial(task id, workflow id, lifecycle, attempts)   -> Family      a task before its first event
    decide(family, proposal, context)                    -> Decision    the events that follow, and why
    evolve(family, event)                                -> Family      the entities after an event

A family is a task with the instance that a proposal concerns. All three are pure: they read no clock and no database,
so that a decision under a lock, a replay of the log and a test give the same result. A task is registered, an instance
of it is created, and its failure sends the task back for another attempt:

    >>> from domain.decisions.decide import decide, evolve, initial
    >>> from domain.decisions.proposals import GateRequest, InstanceCreation, InstanceReport, Registration
    >>> from domain.lifecycles import get_lifecycle

    >>> family = initial("align-7", "workflow-1", get_lifecycle("jobmon"), max_attempts=3)
    >>> proposals = [Registration(), GateRequest(), InstanceCreation("align-7/1")]
    >>> proposals += [InstanceReport(status) for status in ("INSTANTIATED", "LAUNCHED", "RUNNING")]
    >>> for proposal in proposals:
    ...     for event in decide(family, proposal).events:
    ...         family = evolve(family, event)
    >>> family.instance.status, family.task.status
    ('RUNNING', 'RUNNING')

    >>> decision = decide(family, InstanceReport("ERROR"))
    >>> for event in decision.events:
    ...     print(event.name, event.previous_status, "->", event.status, event.rule)
    task_instance.transitioned.v1 RUNNING -> ERROR None
    task.transitioned.v1 RUNNING -> ERROR_RECOVERABLE retry
    task.transitioned.v1 ERROR_RECOVERABLE -> REGISTERING retry

A proposal that may not pass is refused, which is an event too:

    >>> refusal = decide(family, InstanceReport("LAUNCHED"))
    >>> refusal.refused, refusal.rule, refusal.events[0].name
    (True, 'untimely-transition', 'task_instance.refused.v1')
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, assert_never

from domain.decisions.decision import Decision, Family
from domain.decisions.instance_report import decide_creation, decide_report
from domain.decisions.proposals import (
    GateRequest,
    InstanceCreation,
    InstanceReport,
    Proposal,
    Registration,
    ResetRequest,
    TaskRequest,
    UpstreamAddition,
)
from domain.decisions.recovery_plan import RecoveryPlan
from domain.decisions.reset import decide_reset
from domain.decisions.task_request import decide_gate, decide_recovery, decide_request
from domain.decisions.upstream import decide_upstream
from domain.entities.events import Event, TaskEvent, TaskInstanceCreated
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.lifecycles.lifecycle import Lifecycle
from domain.report_context import NO_CONTEXT, ReportContext
from domain.rules.slots import Slots


def initial(
    task_id: str,
    workflow_id: str,
    lifecycle: Lifecycle,
    max_attempts: int,
    *,
    template: str | None = None,
    array_id: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    parent_id: str | None = None,
) -> Family:
    """Return a task before its first event, without an instance."""
    task = Task(
        id=task_id,
        workflow_id=workflow_id,
        lifecycle=lifecycle,
        max_attempts=max_attempts,
        template=template,
        array_id=array_id,
        attributes=attributes,
        parent_id=parent_id,
    )
    return Family(None, task)


def decide(  # noqa: C901, PLR0911  # one for each kind of proposal
    family: Family, proposal: Proposal, context: ReportContext = NO_CONTEXT, slots: Slots | None = None
) -> Decision:
    """Return the events that follow from `proposal`, and the entities after them.

    `context` says who proposes it, when and why; `slots` are what a rule of the lifecycle may take for the task's tags.

    Raises:
        WrongLifecycle: the proposal is about instances, and the task's lifecycle has none.
        RuleFailed: a rule of the lifecycle raised an error.
    """
    match proposal:
        case InstanceReport():
            return decide_report(family, proposal, context)
        case TaskRequest():
            return decide_request(family.task, proposal, context, slots)
        case InstanceCreation():
            return decide_creation(family.task, proposal, context)
        case GateRequest():
            return decide_gate(family.task, proposal, context, slots)
        case ResetRequest():
            return decide_reset(family.task, proposal, context)
        case RecoveryPlan():
            return decide_recovery(family.task, proposal, context, slots)
        case Registration():
            registered = family.task.register(context, proposal.upstream, proposal.status)
            return Decision(family.task.evolve(registered), None, (registered,))
        case UpstreamAddition():
            return decide_upstream(family.task, proposal, context)
        case _:
            assert_never(proposal)


def evolve(family: Family, event: Event) -> Family:
    """Return the family after `event`, which is its task's or its instance's, or creates its instance."""
    instance, task = family
    if isinstance(event, TaskEvent):
        return Family(instance, task.evolve(event))
    if isinstance(event, TaskInstanceCreated):
        return Family(TaskInstance.begin(event), task.with_instance(event.ordinal))
    assert instance is not None
    return Family(instance.evolve(event), task)


def decide_in_turn(
    families: Sequence[tuple[TaskInstance, Task]], decide_one: Callable[[TaskInstance, Task], Decision | None]
) -> Iterator[tuple[str, Decision]]:
    """Yield the id of each instance with its decision, made on its task as the decision before has left it.

    No decision comes of an instance for which `decide_one` returns None.
    """
    times = Counter(task.id for _, task in families)
    tasks: dict[str, Task] = {}
    for instance, task in families:
        decision = decide_one(instance, tasks.get(task.id, task))
        if decision is None:
            continue
        if times[task.id] > 1:
            tasks[task.id] = decision.task
        yield instance.id, decision
