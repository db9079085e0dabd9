"""The outcome of a proposal at the gate and the rules, as answers and events state it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.waits_for import WaitsFor


class Response(StrEnum):
    """The answer to a proposal, in Prefect's words."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    WAIT = "WAIT"
    ABORT = "ABORT"


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """The rule that changed or refused a proposal, its answer, its reason, and the seconds to wait before the next.

    `waits_for` is what the entity waits for because of the rule.
    """

    rule: str | None = None
    response: Response | None = None
    reason: str | None = None
    delay_seconds: float | None = None
    waits_for: WaitsFor | None = None

    def fields(self) -> dict[str, Any]:
        """Return the fields that an event of a task carries."""
        return {
            "rule": self.rule,
            "response": self.response,
            "rule_reason": self.reason,
            "delay_seconds": self.delay_seconds,
            "waits_for": self.waits_for,
        }


ACCEPTED = RuleOutcome()
"""No rule changed or refused the proposal."""
