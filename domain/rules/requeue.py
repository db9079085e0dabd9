"""fetch_ml's rule about tasks whose worker is gone."""

from domain.rule_names import REQUEUE_ORPHANED
from domain.rules.engine import State, TransitionContext
from domain.rules.lifecycle_rule import EVERY_STATUS, LifecycleRule, ProposalKind


class RequeueOrphaned(LifecycleRule):
    """A task whose worker is gone waits for another one."""

    name = REQUEUE_ORPHANED
    kind = ProposalKind.TASK_REQUEST
    FROM_STATES = EVERY_STATUS
    TO_STATES = frozenset({"orphaned"})

    def after_transition(
        self, initial_state: State | None, validated_state: State | None, context: TransitionContext
    ) -> None:
        """Put it back into the queue."""
        self.propose_next(State(type="queued"), "its worker is gone: it waits for another one")
