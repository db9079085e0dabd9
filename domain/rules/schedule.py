"""Prefect's rules about the time at which a run is due.

`retry-failed` reads the parameters `run_count`, `retries` and `retry_delay_seconds`.
"""

from datetime import datetime, timedelta

from domain.rule_names import COPY_SCHEDULED_TIME, RETRY_FAILED, WAIT_FOR_SCHEDULED_TIME
from domain.rules.engine import State, TransitionContext
from domain.rules.lifecycle_rule import LifecycleRule, ProposalKind
from domain.waits_for import WaitKind, WaitsFor

AWAITING_RETRY = "AwaitingRetry"
"""The name of the state of a failed run until its next one."""


class CopyScheduledTime(LifecycleRule):
    """A scheduled run keeps its scheduled time when it becomes pending."""

    name = COPY_SCHEDULED_TIME
    kind = ProposalKind.TASK_REQUEST
    reads_state = True
    FROM_STATES = frozenset({"SCHEDULED"})
    TO_STATES = frozenset({"PENDING"})

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Copy the time, unless the proposal has one."""
        if initial_state and proposed_state and proposed_state.scheduled_time is None:
            self.amend(scheduled_time=initial_state.scheduled_time)


class WaitForScheduledTime(LifecycleRule):
    """A run does not begin before its scheduled time."""

    name = WAIT_FOR_SCHEDULED_TIME
    kind = ProposalKind.TASK_REQUEST
    reads_state = reads_clock = True
    FROM_STATES = frozenset({"SCHEDULED", "PENDING"})
    TO_STATES = frozenset({"RUNNING"})

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Delay the proposal until that time."""
        due = initial_state.scheduled_time if initial_state else None
        starts_at = _start_of(proposed_state)
        if initial_state is None or due is None or starts_at is None:
            return
        ahead = (due - starts_at).total_seconds()
        if ahead > 0:
            kind = WaitKind.RETRY_DELAY if initial_state.name == AWAITING_RETRY else WaitKind.SCHEDULE
            self.delay(ahead, f"it is scheduled for {due.isoformat()}", WaitsFor.until(kind, due))


class RetryFailed(LifecycleRule):
    """A failed run is tried again until its run_count exceeds its retries, unless `retriable` is False."""

    name = RETRY_FAILED
    kind = ProposalKind.TASK_REQUEST
    reads_state = reads_clock = True
    FROM_STATES = frozenset({"RUNNING"})
    TO_STATES = frozenset({"FAILED"})

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Replace the failure by the next run, scheduled."""
        parameters = context.parameters
        run_count, retries = parameters.get("run_count", 1), parameters.get("retries", 0)
        if proposed_state and run_count <= retries and proposed_state.details.get("retriable") is not False:
            failed_at, delay = _start_of(proposed_state), parameters.get("retry_delay_seconds", 0)
            due = failed_at and failed_at + timedelta(seconds=delay)
            again = State(type="SCHEDULED", name=AWAITING_RETRY, scheduled_time=due, message=proposed_state.message)
            waits_for = WaitsFor.until(WaitKind.RETRY_DELAY, due) if due else None
            self.reject(again, f"run {run_count} of {retries + 1} has failed", waits_for)


def _start_of(state: State | None) -> datetime | None:
    return state.timestamp if state else None
