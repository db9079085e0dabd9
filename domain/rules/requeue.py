"""fetch_ml's rule about tasks whose worker died."""

from domain.rule_names import REQUEUE_ORPHANED
from domain.rules.engine import State, TransitionContext
from domain.rules.lifecycle_rule import EVERY_STATUS, LifecycleRule, ProposalKind


class RequeueOrphaned(LifecycleRule):
    """A task whose worker died goes back to the queue."""

    name = REQUEUE_ORPHANED
    kind = ProposalKind.TASK_REQUEST
    FROM_STATES = EVERY_STATUS
    TO_STATES = frozenset({"orphaned"})

    def after_transition(
        self, initial_state: State | None, validated_state: State | None, context: TransitionContext
    ) -> None:
        """Propose the queue next."""
        self.propose_next(State(type="queued"), "its worker is gone: it waits for another one")
