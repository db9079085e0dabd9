"""Prefect's concurrency limits: a run takes a slot of each of its tags.

The rule reads the parameters `task_id`, `tags` and `slots` (domain.rules.slots.Slots).
"""

from domain.entity import TASK, Entity
from domain.rule_names import CONCURRENCY_SLOTS
from domain.rules.engine import State, Transform, TransitionContext
from domain.rules.lifecycle_rule import LifecycleRule, ProposalKind
from domain.rules.slots import Slots
from domain.state import ALL_STATES
from domain.waits_for import WaitKind, WaitsFor

HOLDING = frozenset({"RUNNING", "CANCELLING"})
"""The types of states in which a run keeps its slots."""

RETRY_AFTER_SECONDS = 30.0
"""The seconds after which a run that found no slot may ask again."""


class ReleaseSlots(Transform):
    """A run that stops gives its slots back."""

    def after_transition(self, context: TransitionContext) -> None:
        """Give the slots back, except in a state that keeps them."""
        written = context.validated_state
        if written and written.type not in HOLDING:
            _give_back(context)


class ConcurrencySlots(LifecycleRule):
    """A run begins only if each of its tags has a slot left. It waits for one, unless the limit of a tag is 0."""

    name = CONCURRENCY_SLOTS
    kind = ProposalKind.TASK_REQUEST
    reads_state = True
    transform = ReleaseSlots
    FROM_STATES = ALL_STATES - {"RUNNING"}
    TO_STATES = frozenset({"RUNNING"})

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Take the slots, or delay the proposal."""
        slots: Slots | None = context.parameters.get("slots")
        tags = context.parameters.get("tags")
        if slots is None or not tags:
            return
        full = slots.take(context.parameters["task_id"], tags)
        if full is not None and slots.is_closed(full):
            self.abort(f"tag {full!r} has a limit of 0: no run with it may begin")
        elif full is not None:
            holders = [str(Entity(TASK, holder)) for holder in slots.holders_of(full)]
            waits_for = WaitsFor.of(WaitKind.SLOT, full, holders)
            self.delay(RETRY_AFTER_SECONDS, f"tag {full!r} has no slot left", waits_for)

    def cleanup(self, initial_state: State | None, validated_state: State | None, context: TransitionContext) -> None:
        """Give the slots of a run back that does not begin after all."""
        if initial_state is None or initial_state.type not in HOLDING:
            _give_back(context)


def _give_back(context: TransitionContext) -> None:
    slots: Slots | None = context.parameters.get("slots")
    if slots is not None and context.parameters.get("tags"):
        slots.give_back(context.parameters["task_id"])
