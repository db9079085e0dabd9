"""What the gate or the rules made of a proposal, as events keep it."""

from dataclasses import dataclass
from typing import Any

from domain.rules import Response, TransitionContext
from domain.text import storable


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which rule made the difference, what it answered, why, and after how many seconds to propose it again."""

    rule: str | None = None
    response: Response | None = None
    reason: str | None = None
    delay_seconds: float | None = None

    @classmethod
    def of(cls, context: TransitionContext) -> "Verdict":
        """What the rules have said: PASSED where they accepted it."""
        if context.response_status is Response.ACCEPT:
            return PASSED
        reason, delay_seconds = context.response_details
        return cls(context.rule, context.response_status, reason and storable(reason), delay_seconds)

    def fields(self) -> dict[str, Any]:
        """What an event of a task carries of it."""
        return {
            "rule": self.rule,
            "response": self.response,
            "rule_reason": self.reason,
            "delay_seconds": self.delay_seconds,
        }


PASSED = Verdict()
"""Nothing made a difference."""
