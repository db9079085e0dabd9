"""The rules that judge proposals, and what a rule of one's own is made from."""

from domain.rules.engine import ALL_STATES, Response, Rule, State, Transform, TransitionContext, orchestrate

__all__ = ["ALL_STATES", "Response", "Rule", "State", "Transform", "TransitionContext", "orchestrate"]
