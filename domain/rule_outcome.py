"""What the gate or the rules made of a proposal, as answers and events state it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Response(StrEnum):
    """What a proposal is answered with."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    WAIT = "WAIT"
    ABORT = "ABORT"


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """The rule that made a difference, its answer, the reason, and the delay in seconds before the next proposal."""

    rule: str | None = None
    response: Response | None = None
    reason: str | None = None
    delay_seconds: float | None = None

    def fields(self) -> dict[str, Any]:
        """Return the fields that an event of a task carries."""
        return {
            "rule": self.rule,
            "response": self.response,
            "rule_reason": self.reason,
            "delay_seconds": self.delay_seconds,
        }


ACCEPTED = RuleOutcome()
"""No rule made a difference."""
