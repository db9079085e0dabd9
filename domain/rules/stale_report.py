"""The rule about a report of the past that arrives after its entity has moved on.

Sources deliver late, and clocks differ. A step back that happened before the present status was entered moves nothing.
A step forward is taken whatever the clocks say, because a slow clock must not lose work.
"""

from datetime import datetime
from typing import NamedTuple

from domain.clock import is_same_clock
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from domain.report_context import ReportContext
from domain.rule_names import STALE_REPORT
from domain.rule_outcome import Response, RuleOutcome


class TimeJudgement(NamedTuple):
    """Why a report is stale (None: it is not), and the tolerance in seconds, where the judgement depended on it."""

    outcome: RuleOutcome | None = None
    tolerance: float | None = None


TIMELY = TimeJudgement()
"""The judgement about a report that is no step back into the past."""


def judge_time(
    lifecycle: Lifecycle, machine: Machine, entity: Task | TaskInstance, target: str, context: ReportContext
) -> TimeJudgement:
    """Return whether a report that `entity` is in `target` is stale.

    It is, if it happened before the present status was entered, the present status can follow `target`, and the two
    times come from one clock or are further apart than clocks may differ.
    """
    late = seconds_before_entry(entity, context.occurred_at)
    if late <= 0 or STALE_REPORT not in lifecycle.rules or not machine.leads_to(target, entity.status):
        return TIMELY
    same_clock = is_same_clock(entity.entered_clock, context.clock)
    tolerance = None if same_clock else context.clock_tolerance
    if tolerance is not None and late <= tolerance:
        return TimeJudgement(None, tolerance)
    return TimeJudgement(RuleOutcome(STALE_REPORT, Response.ABORT, _explain(entity, context)), tolerance)


def needs_clock(entity: Task | TaskInstance, occurred_at: datetime | None) -> bool:
    """Return whether the judgement may depend on the clock of the present status, which has not been read."""
    return entity.entered_clock is None and seconds_before_entry(entity, occurred_at) > 0


def seconds_before_entry(entity: Task | TaskInstance, occurred_at: datetime | None) -> float:
    """Return how long before the entry of its present status something happened; 0 where one time is unknown."""
    if occurred_at is None or entity.entered_at is None:
        return 0.0
    return (entity.entered_at - occurred_at).total_seconds()


def _explain(entity: Task | TaskInstance, context: ReportContext) -> str:
    assert entity.entered_at is not None
    assert context.occurred_at is not None
    return (
        f"it happened at {context.occurred_at.isoformat()}, before {entity.status} was entered at "
        f"{entity.entered_at.isoformat()}"
    )
