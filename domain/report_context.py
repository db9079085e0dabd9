"""The context of a report: who reports, why, when it happened, and under which command."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.actor import Actor
from domain.clock import CLOCK_TOLERANCE, clock_of
from domain.errors import ReasonTooLong
from domain.printable import short_repr
from domain.text import MAX_REASON_BYTES, cut_reason, reason_size
from domain.waits_for import WaitsFor


@dataclass(frozen=True, slots=True)
class ReportContext:
    """Who makes a proposal, why, when it happened, and the id of the command that it is part of.

    At the decision, `now` is the database's time, for rules that read it, and `clock_tolerance` the number of seconds
    by which the clocks of two hosts may differ. `waits_for` is what the reporter says that the entity waits for.
    """

    actor: Actor | None = None
    reason: str | None = None
    occurred_at: datetime | None = None
    command_id: str | None = None
    clock_tolerance: float = CLOCK_TOLERANCE
    now: datetime | None = None
    waits_for: WaitsFor | None = None

    def __post_init__(self) -> None:
        if self.reason is not None:
            object.__setattr__(self, "reason", cut_reason(self.reason))

    @property
    def clock(self) -> str:
        """The clock by which it states when it happened."""
        return clock_of(self.occurred_at, self.actor.host if self.actor else None, self.command_id)

    def without_reason(self) -> "ReportContext":
        """Return the context of the events that only follow from the report, without what it says about itself."""
        if self.reason is None and self.waits_for is None:
            return self
        return ReportContext(
            actor=self.actor,
            occurred_at=self.occurred_at,
            command_id=self.command_id,
            clock_tolerance=self.clock_tolerance,
            now=self.now,
        )

    def with_wait_only(self) -> "ReportContext":
        """Return the context of the effect on a task: it waits for what its instance does, and has no other reason."""
        without = self.without_reason()
        return without if self.waits_for is None else replace(without, waits_for=self.waits_for)

    def stated_wait(self) -> tuple[Any, ...]:
        """Return what distinguishes two requests of one command id by what they wait for: nothing without it."""
        return () if self.waits_for is None else (self.waits_for.model_dump(mode="json"),)

    def without_wait(self) -> "ReportContext":
        """Return the context of an event about an entity that does not wait for what the report states."""
        return self if self.waits_for is None else replace(self, waits_for=None)

    def fields(self) -> dict[str, Any]:
        """Return the fields of every event that follows from the report."""
        return {
            "actor": self.actor,
            "reason": self.reason,
            "occurred_at": self.occurred_at,
            "command_id": self.command_id,
        }


NO_CONTEXT = ReportContext()
"""The context of a report that states none."""


def check_reason(reason: str) -> str:
    """Return `reason`.

    Raises:
        ReasonTooLong: it has more than 64 KiB.
        TypeError: it is not text.
    """
    if not isinstance(reason, str):
        raise TypeError(f"reason {short_repr(reason)} is not text")
    size = reason_size(reason)
    if size > MAX_REASON_BYTES:
        raise ReasonTooLong(size)
    return reason
