"""The engine of rules, for rules of your own: see docs/rules.md."""

from domain.rules.engine import Rule, Transform, TransitionContext, orchestrate
from domain.state import ALL_STATES, State

__all__ = ["ALL_STATES", "Rule", "State", "Transform", "TransitionContext", "orchestrate"]
