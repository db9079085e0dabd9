"""Prefect's rules about when a run is due.

`retry-failed` is told `run_count` and `retries`, and may be told `retry_delay_seconds`.
"""

from datetime import UTC, datetime, timedelta

from domain.rule_names import COPY_SCHEDULED_TIME, RETRY_FAILED, WAIT_FOR_SCHEDULED_TIME
from domain.rules.engine import State, TransitionContext
from domain.rules.lifecycle_rule import LifecycleRule, ProposalKind


class CopyScheduledTime(LifecycleRule):
    """What is scheduled keeps its time once it is pending."""

    name = COPY_SCHEDULED_TIME
    kind = ProposalKind.TASK_REQUEST
    reads_state = True
    FROM_STATES = frozenset({"SCHEDULED"})
    TO_STATES = frozenset({"PENDING"})

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Copy the time, unless another is proposed."""
        if initial_state and proposed_state and proposed_state.scheduled_time is None:
            self.amend(scheduled_time=initial_state.scheduled_time)


class WaitForScheduledTime(LifecycleRule):
    """Nothing runs before its time."""

    name = WAIT_FOR_SCHEDULED_TIME
    kind = ProposalKind.TASK_REQUEST
    reads_state = True
    FROM_STATES = frozenset({"SCHEDULED", "PENDING"})
    TO_STATES = frozenset({"RUNNING"})

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Have the proposal made again at the time."""
        due = initial_state.scheduled_time if initial_state else None
        if due is None or proposed_state is None:
            return
        ahead = (due - _begins(proposed_state)).total_seconds()
        if ahead > 0:
            self.delay(ahead, f"it is scheduled for {due.isoformat()}")


class RetryFailed(LifecycleRule):
    """A run that failed is tried again while its run_count is not above its retries."""

    name = RETRY_FAILED
    kind = ProposalKind.TASK_REQUEST
    reads_state = True
    FROM_STATES = frozenset({"RUNNING"})
    TO_STATES = frozenset({"FAILED"})

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Schedule the next run in the place of the failure."""
        told = context.parameters
        run_count, retries = told.get("run_count", 1), told.get("retries", 0)
        if proposed_state and run_count <= retries:
            due = _begins(proposed_state) + timedelta(seconds=told.get("retry_delay_seconds", 0))
            again = State(type="SCHEDULED", name="AwaitingRetry", scheduled_time=due, message=proposed_state.message)
            self.reject(again, f"run {run_count} of {retries + 1} has failed")


def _begins(state: State) -> datetime:
    return state.timestamp or datetime.now(UTC)
