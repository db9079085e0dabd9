"""Prefect's rules about transitions that were made, and results that were kept."""

from domain.rule_names import KEEP_PERSISTED_RESULT, PREVENT_DUPLICATE_TRANSITIONS
from domain.rules.engine import State, TransitionContext
from domain.rules.lifecycle_rule import LifecycleRule, ProposalKind


class PreventDuplicateTransitions(LifecycleRule):
    """A transition with the `transition_id` of the current state is not made twice."""

    name = PREVENT_DUPLICATE_TRANSITIONS
    kind = ProposalKind.TASK_REQUEST
    reads_state = True

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Keep the state that the first one led to."""
        if initial_state is None or proposed_state is None:
            return
        made = initial_state.details.get("transition_id")
        if made is not None and made == proposed_state.details.get("transition_id"):
            self.reject(None, f"transition {made!r} has been made already")


class KeepPersistedResult(LifecycleRule):
    """A completed run whose `result` is kept stays completed."""

    name = KEEP_PERSISTED_RESULT
    kind = ProposalKind.TASK_REQUEST
    reads_state = True
    FROM_STATES = frozenset({"COMPLETED"})

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Keep the completed state."""
        if initial_state and initial_state.details.get("result") is not None:
            self.reject(None, "it has completed, and its result is kept")
