"""What somebody says of an entity, before anything is made of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.actor import Actor
from domain.text import storable


@dataclass(frozen=True, slots=True)
class ReportContext:
    """Who says it, why, when they say it happened, and under which command."""

    actor: Actor | None = None
    reason: str | None = None
    occurred_at: datetime | None = None
    command_id: str | None = None

    def __post_init__(self) -> None:
        if self.reason is not None:
            object.__setattr__(self, "reason", storable(self.reason))

    def without_reason(self) -> "ReportContext":
        """Return the context for what only follows from the report: its reason is not theirs."""
        return ReportContext(actor=self.actor, occurred_at=self.occurred_at, command_id=self.command_id)

    def fields(self) -> dict[str, Any]:
        """What every event that comes of this report carries."""
        return {
            "actor": self.actor,
            "reason": self.reason,
            "occurred_at": self.occurred_at,
            "command_id": self.command_id,
        }


NO_CONTEXT = ReportContext()
