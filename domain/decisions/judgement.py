"""The two judges that every proposal meets: the gate of the machine, then the rules of the lifecycle."""

from collections.abc import Iterable

from domain.errors import Interruption, RuleFailed
from domain.lifecycles.machine import Machine
from domain.rule_names import INVALID, UNTIMELY
from domain.rules.engine import Rule, Transform, TransitionContext, orchestrate


def refusing_rule(machine: Machine, source: str, target: str) -> str | None:
    """Return the rule by which the machine refuses to go from `source` to `target`, or None where it has that edge."""
    if machine.can_transition(source, target):
        return None
    return UNTIMELY if machine.is_untimely(source, target) else INVALID


def run_rules(
    transition: TransitionContext, rules: Iterable[type[Rule]], transforms: Iterable[type[Transform]], machine: Machine
) -> None:
    """Take a transition through rules and transforms, which may change what it proposes.

    Raises:
        RuleFailed: a rule raised an error.
        Interruption: the database failed while a rule used it; the caller decides whether to retry.
    """

    def check_status(transition: TransitionContext) -> None:
        if transition.proposed_state is not None:
            machine.check(transition.proposed_state.type)

    source, target = transition.types
    orchestrate(transition, rules, transforms, validate=check_status)
    if transition.error is None:
        return
    if isinstance(transition.error, Interruption):
        raise transition.error
    raise RuleFailed(transition.rule, source, target, transition.error)
