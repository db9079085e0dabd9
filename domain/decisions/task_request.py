"""Decisions about a task itself: a request for a status, its gate, its recovery."""

from dataclasses import replace
from typing import Any

from domain.decisions.decision import Decision
from domain.decisions.judgement import refusing_rule, run_rules
from domain.decisions.proposals import GateRequest, TaskRequest
from domain.decisions.recovery_plan import RecoveryPlan
from domain.entities.events import Event
from domain.entities.task import Task
from domain.lifecycles.ownership import ownership_violation
from domain.report_context import ReportContext
from domain.rule_names import NOT_OWNER, RECOVERY
from domain.rule_outcome import ACCEPTED, Response, RuleOutcome
from domain.rules.engine import FollowUp, TransitionContext
from domain.rules.rulebook import RuleSet, rulebook_of
from domain.rules.slots import Slots
from domain.rules.stale_report import TIMELY, TimeJudgement, judge_time
from domain.state import State


def decide_gate(task: Task, request: GateRequest, context: ReportContext, slots: Slots | None) -> Decision:
    """Return the decision to let `task` through the gate of its lifecycle; refused, without events, if it has none."""
    gate = task.lifecycle.gate
    if gate is None:
        return Decision(task, refused=True)
    return decide_request(task, TaskRequest(request.status or gate.to, starts_attempt=True), context, slots)


def decide_recovery(task: Task, plan: RecoveryPlan, context: ReportContext, slots: Slots | None) -> Decision:
    """Return the decision to take the plan's steps one after the other; refused, without events, if one of them is."""
    context = replace(context, reason="; ".join(filter(None, (plan.reason, context.reason))))
    recovered = Decision(task, task_moved=True)
    for step in plan.steps:
        decision = decide_request(recovered.task, TaskRequest(step.status, runner_id=step.runner_id), context, slots)
        if decision.refused:
            return decision._replace(task=task, events=())
        by_recovery = (
            event if event.rule else event.model_copy(update={"rule": RECOVERY}) for event in decision.events
        )
        recovered = recovered._replace(task=decision.task, events=(*recovered.events, *by_recovery))
    return recovered


def decide_request(task: Task, request: TaskRequest, context: ReportContext, slots: Slots | None) -> Decision:
    """Return the decision about a request: its gate and owner, its rules, its event, its follow-ups."""
    target = request.target
    refusal = _judge_edge(task, target, request.runner_id)
    if refusal is not None:
        return _refuse(task, request, refusal, context)
    # The gate begins an attempt now, whenever its request is said to have happened.
    time = TIMELY if request.starts_attempt else judge_time(task.lifecycle, task.lifecycle.task, task, target, context)
    if time.outcome is not None:
        return _refuse(task, request, time.outcome, context, time)
    rule_set = rulebook_of(task.lifecycle).requests.get((task.status, target))
    if rule_set is None:
        return _move(task, request, request.status, ACCEPTED, context, time)
    transition = _run_rules(task, request, rule_set, context, slots)
    if transition.proposed_state is None:
        return _refuse(task, request, transition.outcome, context, time)
    decision = _move(task, request, transition.proposed_state, transition.outcome, context, time)
    for follow_up in transition.consequences:
        decision = _with_follow_up(decision, follow_up, context)
    return decision


def _judge_edge(task: Task, target: str, runner_id: str | None) -> RuleOutcome | None:
    machine = task.lifecycle.task
    refusal = refusing_rule(machine, task.status, target)
    if refusal is not None:
        return RuleOutcome(refusal)
    violation = ownership_violation(machine, task.status, task.owner, target, runner_id)
    return RuleOutcome(NOT_OWNER, Response.ABORT, violation.reason) if violation else None


def _run_rules(
    task: Task, request: TaskRequest, rule_set: RuleSet, context: ReportContext, slots: Slots | None
) -> TransitionContext:
    proposed = State(type=request.status) if isinstance(request.status, str) else request.status
    transition = TransitionContext(
        task.state or State(type=task.status),
        proposed.with_(timestamp=proposed.timestamp or context.occurred_at or context.now),
        parameters=_parameters(task, slots),
    )
    run_rules(transition, rule_set.rules, rule_set.transforms, task.lifecycle.task)
    return transition


def _parameters(task: Task, slots: Slots | None) -> dict[str, Any]:
    return {
        "retries": task.max_attempts - 1,
        **(task.attributes or {}),
        "task_id": task.id,
        "run_count": task.num_attempts,
        "slots": slots,
    }


def _refuse(
    task: Task, request: TaskRequest, outcome: RuleOutcome, context: ReportContext, time: TimeJudgement = TIMELY
) -> Decision:
    refused = task.refuse(request.target, outcome, context, runner_id=request.runner_id, clock_tolerance=time.tolerance)
    return Decision(task.evolve(refused), None, (refused,), outcome, refused=True)


def _move(
    task: Task,
    request: TaskRequest,
    entered: str | State,
    outcome: RuleOutcome,
    context: ReportContext,
    time: TimeJudgement,
) -> Decision:
    target = request.target
    status, state = (entered, None) if isinstance(entered, str) else (entered.type, entered.kept())
    requested_attempt = request.starts_attempt and status == target
    moved = task.transition(
        status,
        context,
        attempts=int(requested_attempt or task.lifecycle.begins_attempt(task.status, status)),
        reported=target,
        outcome=outcome,
        runner_id=request.runner_id,
        state=state,
        clock_tolerance=time.tolerance,
    )
    return Decision(task.evolve(moved), None, (moved,), outcome, task_moved=True)


def _with_follow_up(decision: Decision, follow_up: FollowUp, context: ReportContext) -> Decision:
    """Return the decision with a state that a rule proposes next, which the gate judges but no further rule."""
    task, cause, target = decision.task, decision.events[-1], follow_up.state.type
    context = context.without_reason()
    outcome = RuleOutcome(follow_up.rule, reason=follow_up.reason)
    refusal = _judge_edge(task, target, None)
    event: Event
    if refusal is not None:
        event = task.refuse(target, refusal, context, cause)
    else:
        event = task.transition(target, context, outcome=outcome, cause=cause, state=follow_up.state.kept())
    return decision._replace(
        task=task.evolve(event),
        events=(*decision.events, event),
        outcome=outcome if decision.outcome is ACCEPTED else decision.outcome,
    )
