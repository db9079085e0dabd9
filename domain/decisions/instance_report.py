"""Decisions about an instance: its report, its creation, and the effect of either on its task."""

from domain.decisions.decision import Decision, Family
from domain.decisions.judgement import refusing_rule, run_rules
from domain.decisions.proposals import InstanceCreation, InstanceReport
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.lifecycles.machine import Machine
from domain.report_context import NO_CONTEXT, ReportContext
from domain.rule_names import INVALID, RETRY, SUPERSEDED_REPORT
from domain.rule_outcome import ACCEPTED, RuleOutcome
from domain.rules.engine import TransitionContext
from domain.rules.rulebook import RuleSet, rulebook_of
from domain.rules.stale_report import TIMELY, TimeJudgement, judge_time
from domain.state import State
from domain.text import storable

Judgement = tuple[str | None, RuleOutcome]
"""The status to enter (None: the entity stays where it is), and the rule that changed or refused the proposed one."""

JudgedReport = tuple[str | None, RuleOutcome, TimeJudgement]
"""A judgement, with the one about the time of the report."""


def decide_report(family: Family, report: InstanceReport, context: ReportContext) -> Decision:
    """Return the decision about an instance's report: its gate, its rules, its event, then the effect on its task."""
    instance, task = family
    assert instance is not None
    expected = report.expected_status if report.expected_status != instance.status else None
    expected = storable(expected) if expected is not None else None
    target, outcome, time = _judge_report(instance, task, report.status, context)
    if target is None:
        refused = instance.refuse(
            report.status,
            outcome.rule or INVALID,
            context,
            expected_status=expected,
            clock_tolerance=time.tolerance,
        )
        return Decision(task, instance.evolve(refused), (refused,), outcome, refused=True)
    moved = instance.transition(
        target,
        context,
        reported=report.status,
        rule=outcome.rule,
        expected_status=expected,
        report_by_date=report.report_by_date,
        clock_tolerance=time.tolerance,
    )
    decision = Decision(task, instance.evolve(moved), (moved,), outcome)
    return propagate_to_task(decision, context) if outcome is ACCEPTED else decision


def decide_creation(task: Task, creation: InstanceCreation, context: ReportContext) -> Decision:
    """Return the decision to create a further instance of `task`, with the effect of its first status on the task.

    Raises:
        UnknownStatus: the machine has no such status.
        InvalidStart: no instance begins in that status.
    """
    machine = task.lifecycle.instance_machine
    instance = TaskInstance(
        id=creation.task_instance_id,
        task_id=task.id,
        workflow_id=task.workflow_id,
        ordinal=task.instances + 1,
        member=creation.member,
    )
    status = machine.initial if creation.status is None else machine.check_start(creation.status)
    created = instance.create(status, context)
    decision = Decision(task.with_instance(instance.ordinal), TaskInstance.begin(created), (created,))
    return propagate_to_task(decision, context)


def propagate_to_task(decision: Decision, context: ReportContext = NO_CONTEXT) -> Decision:
    """Return the decision with the effect that the instance's new status has on its task, if it has one."""
    task, instance, events = decision.task, decision.instance, decision.events
    assert instance is not None
    implied = task.status_implied_by(instance.status)
    if implied is None or implied == task.status or _is_superseded(instance, task):
        return decision
    cause, context = events[-1], context.with_wait_only()
    target, outcome = _judge_effect(task, instance, implied)
    path = task.lifecycle.path_to(target, task.status, instance.status) if target is not None else ()
    if not path:
        refused = task.refuse(implied, outcome if target is None else RuleOutcome(INVALID), context, cause)
        return decision._replace(task=task.evolve(refused), events=(*events, refused))
    returns = task.lifecycle.is_return(vars(cause).get("previous_status"), instance.status)
    for status in path:
        attempts = int(task.lifecycle.starts_attempt(status) and not returns)
        entered = task.transition(status, context, attempts=attempts, outcome=outcome, cause=cause)
        task, events = task.evolve(entered), (*events, entered)
    moved = task.status != decision.task.status
    return Decision(task, instance, events, decision.outcome, task_moved=moved)


def _is_superseded(instance: TaskInstance, task: Task) -> bool:
    """Return whether a newer instance has the task, which this one's step therefore leaves as it is.

    An end is another matter: a success counts whichever instance it is of, and a failure is refused by its own rule.
    """
    superseded = instance.ordinal < task.instances and SUPERSEDED_REPORT in task.lifecycle.rules
    return superseded and not task.lifecycle.instance_machine.is_terminal(instance.status)


def _judge_report(instance: TaskInstance, task: Task, status: str, context: ReportContext) -> JudgedReport:
    machine = task.lifecycle.instance_machine
    refusal = refusing_rule(machine, instance.status, status)
    if refusal is not None:
        return None, RuleOutcome(refusal), TIMELY
    time = judge_time(task.lifecycle, machine, instance, status, context)
    if time.outcome is not None:
        return None, time.outcome, time
    rules = rulebook_of(task.lifecycle).reports.get((instance.status, status))
    return *_judge_by_rules(rules, machine, instance.status, status, instance, task), time


def _judge_effect(task: Task, instance: TaskInstance, implied: str) -> Judgement:
    # The retry rule judges a failure as the task's end, and replaces that while attempts are left.
    end = task.lifecycle.implies[instance.status].exhausted if RETRY in task.lifecycle.rules else None
    target = end or implied
    rules = rulebook_of(task.lifecycle).effects.get((task.status, target))
    return _judge_by_rules(rules, task.lifecycle.task, task.status, target, instance, task)


def _judge_by_rules(
    rule_set: RuleSet | None, machine: Machine, source: str, target: str, instance: TaskInstance, task: Task
) -> Judgement:
    rules = rule_set and [rule for rule in rule_set.rules if rule.applies(task, instance, target)]
    if not rules:
        return target, ACCEPTED
    transition = TransitionContext(
        State(type=source), State(type=target), parameters={"task": task, "instance": instance}
    )
    run_rules(transition, rules, (), machine)
    outcome = transition.outcome
    if outcome is not ACCEPTED:
        # A report gets no response from a rule: only a request for a task does.
        outcome = RuleOutcome(outcome.rule, reason=outcome.reason)
    return transition.types[1], outcome
