"""What recovery proposes for an entity that was left behind."""

from datetime import datetime
from typing import NamedTuple

from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.ownership import StatusRecord


class RecoveryStep(NamedTuple):
    """A status that recovery proposes, in that runner's name."""

    status: str
    runner_id: str | None


class RecoveryPlan(NamedTuple):
    """What recovery proposes for one entity, in order, and why."""

    steps: tuple[RecoveryStep, ...]
    reason: str


class RecoveryTimeouts(NamedTuple):
    """The seconds after which a recovery acts; None leaves what the task's lifecycle states."""

    max_pending_seconds: float | None = None
    runner_dead_after: float | None = None

    def override(self, lifecycle: Lifecycle) -> Lifecycle:
        """Return the lifecycle with these timeouts in place of its own."""
        stated = {name: seconds for name, seconds in self._asdict().items() if seconds is not None}
        assert lifecycle.recovery is not None
        return lifecycle.model_copy(update={"recovery": lifecycle.recovery.model_copy(update=stated)})


LIFECYCLE_TIMEOUTS = RecoveryTimeouts()
"""The timeouts of the lifecycles themselves."""


def plan_recovery(
    lifecycle: Lifecycle, record: StatusRecord, now: datetime, last_heartbeat: datetime | None = None
) -> RecoveryPlan | None:
    """What a recovery at `now` proposes for an entity, or None where it is not left behind.

    `last_heartbeat` is its owner's; an owner who never sent one is silent since the entity entered its status.
    """
    recovery = lifecycle.recovery
    if recovery is None:
        return None
    status = record.status
    if way := recovery.unfinished.get(status):
        return _by(lifecycle, record, way, f"it was left in {status}")
    pending = (now - record.timestamp).total_seconds()
    if (way := recovery.overdue.get(status)) and pending > recovery.max_pending_seconds:
        return _by(lifecycle, record, way, f"it has been {status} for more than {recovery.max_pending_seconds:g} s")
    silence = (now - (last_heartbeat or record.timestamp)).total_seconds()
    if (way := recovery.abandoned.get(status)) and silence > recovery.runner_dead_after:
        why = f"its runner {record.runner_id!r} has been silent for more than {recovery.runner_dead_after:g} s"
        return _by(lifecycle, record, way, why)
    return None


def _by(lifecycle: Lifecycle, record: StatusRecord, way: tuple[str, ...], reason: str) -> RecoveryPlan:
    """The steps; the first in the name of the owner, where nobody else may take it."""
    machine = lifecycle.task
    as_owner = record.status in machine.requires_ownership and way[0] not in machine.overrides
    first = RecoveryStep(way[0], record.runner_id if as_owner else None)
    return RecoveryPlan((first, *(RecoveryStep(status, None) for status in way[1:])), reason)
