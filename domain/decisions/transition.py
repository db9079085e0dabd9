"""The pipeline that every proposal goes through: lifecycle gate, rules, events.

Each function takes entities as they are under the lock and answers with a Decision. Nothing here reads or writes.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from domain.decisions.recovery_plan import RecoveryPlan
from domain.entities.events import Event
from domain.entities.task import Task
from domain.entities.task_instance import NOT_IN_ARRAY, ArrayMember, TaskInstance
from domain.errors import RuleFailed, WrongLifecycle
from domain.lifecycles.machine import Machine
from domain.lifecycles.ownership import ownership_violation
from domain.report_context import NO_CONTEXT, ReportContext
from domain.rule_names import INVALID, NOT_OWNER, RECOVERY, RETRY, UNTIMELY
from domain.rule_outcome import ACCEPTED, Response, RuleOutcome
from domain.rules.engine import FollowUp, Rule, Transform, TransitionContext, orchestrate
from domain.rules.rulebook import RuleSet, rulebook_of
from domain.rules.slots import Slots
from domain.state import State
from domain.text import storable


class Decision(NamedTuple):
    """What comes of a proposal: the entities after it, its events in order, and what made a difference.

    `refused` says that the proposed entity stayed where it was.
    """

    task: Task
    instance: TaskInstance | None = None
    events: tuple[Event, ...] = ()
    outcome: RuleOutcome = ACCEPTED
    refused: bool = False
    task_moved: bool = False

    @property
    def rule(self) -> str | None:
        """The rule that made the difference."""
        return self.outcome.rule

    @property
    def response(self) -> Response:
        """What the proposal is answered with."""
        return self.outcome.response or (Response.ABORT if self.refused else Response.ACCEPT)


def report_instance(
    instance: TaskInstance,
    task: Task,
    status: str,
    report: ReportContext = NO_CONTEXT,
    *,
    claimed: str | None = None,
    report_by_date: datetime | None = None,
) -> Decision:
    """What comes of a report that `instance` is in `status`, for it and for its task.

    `claimed` is the status that the reporter believed it to be in. The log's own decides; a claim that differs
    from it is kept.
    """
    claimed = storable(claimed) if claimed is not None and claimed != instance.status else None
    to, outcome = _judge_report(instance, task, status)
    if to is None:
        refused = instance.refuse(status, outcome.rule or INVALID, report, claimed=claimed)
        return Decision(task, instance.evolve(refused), (refused,), outcome, refused=True)
    moved = instance.transition(
        to, report, reported=status, rule=outcome.rule, claimed=claimed, report_by_date=report_by_date
    )
    instance = instance.evolve(moved)
    if outcome is not ACCEPTED:
        return Decision(task, instance, (moved,), outcome)
    followed, consequences = follow(task, instance, moved, report)
    return Decision(followed, instance, (moved, *consequences), task_moved=followed.status != task.status)


def create_instance(
    task: Task, task_instance_id: str, report: ReportContext = NO_CONTEXT, place: ArrayMember = NOT_IN_ARRAY
) -> Decision:
    """What comes of a further instance of `task`: the instance, and the status that this implies for the task."""
    machine = instance_machine(task)
    instance = TaskInstance(task_instance_id, task.id, task.workflow_id, task.instances + 1, place=place)
    created = instance.create(machine.initial, report)
    instance = TaskInstance.begin(created)
    task = task.with_instance(instance.ordinal)
    followed, consequences = follow(task, instance, created, report)
    return Decision(followed, instance, (created, *consequences), task_moved=followed.status != task.status)


def propose_task(
    task: Task,
    status: str | State,
    report: ReportContext = NO_CONTEXT,
    *,
    starts_attempt: bool = False,
    runner_id: str | None = None,
    slots: Slots | None = None,
) -> Decision:
    """What comes of a proposal that `task` go to `status`, where `starts_attempt` begins a further attempt.

    It is made in the name of `runner_id`, where tasks have owners; `slots` are what runs take by their tags. Raises
    RuleFailed where a rule does.
    """
    state = status if isinstance(status, State) else None
    to = status if isinstance(status, str) else status.type
    refusal = _refusal(task, to, runner_id)
    if refusal:
        return _refused(task, to, refusal, report, runner_id)
    governance = rulebook_of(task.lifecycle).proposals.get((task.status, to))
    if governance is None:
        attempts = int(starts_attempt or task.lifecycle.attempt == to)
        kept = state.kept() if state else None
        moved = task.transition(to, report, attempts=attempts, runner_id=runner_id, state=kept)
        return Decision(task.evolve(moved), None, (moved,), task_moved=True)
    proposed = state or State(type=to)
    context = TransitionContext(
        task.state or State(type=task.status),
        proposed.with_(timestamp=proposed.timestamp or report.occurred_at),
        parameters=_parameters(task, slots),
    )
    _orchestrate(context, governance.rules, governance.transforms, task.lifecycle.task)
    outcome = context.outcome
    if context.proposed_state is None:
        return _refused(task, to, outcome, report, runner_id)
    written = context.proposed_state
    moved = task.transition(
        written.type,
        report,
        attempts=int((starts_attempt and written.type == to) or task.lifecycle.attempt == written.type),
        reported=to,
        outcome=outcome,
        runner_id=runner_id,
        state=written.kept(),
    )
    decision = Decision(task.evolve(moved), None, (moved,), outcome, task_moved=True)
    for consequence in context.consequences:
        decision = _followed_by(decision, consequence, report)
    return decision


def takes_slots(task: Task) -> bool:
    """Whether a proposal for `task` may take or free slots, so that it is to be decided while the task is locked."""
    return bool(task.attributes and task.attributes.get("tags")) and rulebook_of(task.lifecycle).takes_slots


def reset_task(task: Task, report: ReportContext = NO_CONTEXT, *, reset_if_running: bool = False) -> Decision:
    """What resuming its workflow makes of `task`; no event where it may stay as it is."""
    reset = task.lifecycle.reset
    assert reset is not None
    kept = reset.keep if reset_if_running else reset.keep | reset.keep_unless_asked
    if task.status in kept:
        return Decision(task, refused=True)
    if task.status == reset.to and task.num_attempts == 0:
        return Decision(task)
    event = task.reset(reset.to, report)
    return Decision(task.evolve(event), None, (event,), task_moved=True)


def recover_task(
    task: Task, rescue: RecoveryPlan, report: ReportContext = NO_CONTEXT, *, slots: Slots | None = None
) -> Decision:
    """What comes of a recovery's steps, one after the other; refused, without events, where one of them is."""
    told = replace(report, reason=rescue.reason)
    recovered = Decision(task, task_moved=True)
    for step in rescue.steps:
        decision = propose_task(recovered.task, step.status, told, runner_id=step.runner_id, slots=slots)
        if decision.refused:
            return decision._replace(task=task, events=())
        by_recovery = (
            event if event.rule else event.model_copy(update={"rule": RECOVERY}) for event in decision.events
        )
        recovered = recovered._replace(task=decision.task, events=(*recovered.events, *by_recovery))
    return recovered


def follow(task: Task, instance: TaskInstance, cause: Event, report: ReportContext) -> tuple[Task, tuple[Event, ...]]:
    """The task after what its instance's new status implies for it, and the events of that."""
    lifecycle = task.lifecycle
    implied = task.status_implied_by(instance.status)
    if implied is None or implied == task.status:
        return task, ()
    told = _without_reason(report)
    to, outcome = _judge_consequence(task, instance, implied)
    way = lifecycle.way(task.status, to, instance.status) if to is not None else ()
    if not way:
        refused = task.refuse(implied, outcome if to is None else INVALID, told, cause)
        return task.evolve(refused), (refused,)
    events = []
    for status in way:
        attempts = int(lifecycle.starts_attempt(status))
        events.append(task.transition(status, told, attempts=attempts, outcome=outcome, cause=cause))
        task = task.evolve(events[-1])
    return task, tuple(events)


def refusal_of(machine: Machine, source: str, target: str) -> str | None:
    """The rule by which the machine refuses to go from `source` to `target`, or None where it does not."""
    if machine.can_transition(source, target):
        return None
    return UNTIMELY if machine.is_untimely(source, target) else INVALID


def instance_machine(task: Task) -> Machine:
    """The machine of the task's instances; raises WrongLifecycle where its lifecycle has none."""
    if task.lifecycle.instance is None:
        raise WrongLifecycle(task.lifecycle.name, "has no task instances: report the task's own transitions")
    return task.lifecycle.instance


def _judge_report(instance: TaskInstance, task: Task, status: str) -> tuple[str | None, RuleOutcome]:
    """The status that an instance goes to as `status` is reported (None: it stays), and why."""
    machine = instance_machine(task)
    refusal = refusal_of(machine, instance.status, status)
    if refusal:
        return None, RuleOutcome(refusal)
    governance = rulebook_of(task.lifecycle).reports.get((instance.status, status))
    if governance is None:
        return status, ACCEPTED
    return _governed(governance, machine, instance.status, status, task, instance)


def _judge_consequence(task: Task, instance: TaskInstance, implied: str) -> tuple[str | None, RuleOutcome]:
    """The status that a task goes to as its instance's status implies one (None: it stays), and why."""
    lifecycle = task.lifecycle
    end = lifecycle.implies[instance.status].exhausted if RETRY in lifecycle.rules else None
    proposed = end or implied
    governance = rulebook_of(lifecycle).consequences.get((task.status, proposed))
    if governance is None:
        return proposed, ACCEPTED
    return _governed(governance, lifecycle.task, task.status, proposed, task, instance)


def _governed(
    governance: RuleSet, machine: Machine, source: str, target: str, task: Task, instance: TaskInstance
) -> tuple[str | None, RuleOutcome]:
    rules = [rule for rule in governance.rules if rule.applies(task, instance, target)]
    if not rules:
        return target, ACCEPTED
    context = TransitionContext(State(type=source), State(type=target), parameters={"task": task, "instance": instance})
    _orchestrate(context, rules, (), machine)
    outcome = context.outcome
    # Who reports is not answered.
    return context.types[1], outcome if outcome is ACCEPTED else RuleOutcome(outcome.rule, reason=outcome.reason)


def _orchestrate(
    context: TransitionContext,
    rules: Iterable[type[Rule]],
    transforms: Iterable[type[Transform]],
    machine: Machine,
) -> None:
    def is_a_status(context: TransitionContext) -> None:
        if context.proposed_state is not None:
            machine.check(context.proposed_state.type)

    proposed = context.types
    orchestrate(context, rules, transforms, validate=is_a_status)
    if context.error is not None:
        # What the database says is the caller's, who may try again.
        raise (
            context.error if hasattr(context.error, "sqlstate") else RuleFailed(context.rule, *proposed, context.error)
        )


def _parameters(task: Task, slots: Slots | None) -> dict[str, Any]:
    """What the rules about a task's own proposals are told."""
    return {
        "retries": task.max_attempts - 1,
        **(task.attributes or {}),
        "task_id": task.id,
        "run_count": task.num_attempts,
        "slots": slots,
    }


def _refusal(task: Task, target: str, runner_id: str | None) -> RuleOutcome | None:
    machine = task.lifecycle.task
    refusal = refusal_of(machine, task.status, target)
    if refusal:
        return RuleOutcome(refusal)
    violation = ownership_violation(machine, task.status, task.owner, target, runner_id)
    return RuleOutcome(NOT_OWNER, Response.ABORT, violation.reason) if violation else None


def _refused(task: Task, proposed: str, outcome: RuleOutcome, report: ReportContext, runner_id: str | None) -> Decision:
    refused = task.refuse(proposed, outcome, report, runner_id=runner_id)
    return Decision(task.evolve(refused), None, (refused,), outcome, refused=True)


def _followed_by(decision: Decision, consequence: FollowUp, report: ReportContext) -> Decision:
    """The decision with what a rule proposes next, which passes the gate but no further rule."""
    task, cause, to = decision.task, decision.events[-1], consequence.state.type
    told = _without_reason(report)
    outcome = RuleOutcome(consequence.rule, reason=consequence.reason)
    refusal = _refusal(task, to, None)
    event: Event
    if refusal:
        event = task.refuse(to, refusal, told, cause)
    else:
        event = task.transition(to, told, outcome=outcome, cause=cause, state=consequence.state.kept())
    return decision._replace(
        task=task.evolve(event),
        events=(*decision.events, event),
        outcome=outcome if decision.outcome is ACCEPTED else decision.outcome,
    )


def _without_reason(report: ReportContext) -> ReportContext:
    return ReportContext(actor=report.actor, occurred_at=report.occurred_at, command_id=report.command_id)
