"""Recovery plans: the statuses that recovery proposes for a task that is stuck, and why."""

from datetime import datetime
from typing import NamedTuple

from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.ownership import StatusRecord


class RecoveryStep(NamedTuple):
    """A status that recovery proposes, in the name of a runner or without one."""

    status: str
    runner_id: str | None


class RecoveryPlan(NamedTuple):
    """The steps that recovery proposes for one task, in order, and the reason."""

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
    lifecycle: Lifecycle,
    record: StatusRecord,
    now: datetime,
    last_heartbeat: datetime | None = None,
    lease_ends_at: datetime | None = None,
) -> RecoveryPlan | None:
    """Return the plan to recover a task at `now`, or None if it is not stuck.

    `last_heartbeat` is its owner's; an owner that never sent one is silent since the task entered its status. An owner
    is alive until its lease ends, however long ago its last heartbeat was.
    """
    recovery = lifecycle.recovery
    if recovery is None:
        return None
    status = record.status
    if path := recovery.unfinished.get(status):
        return _plan(lifecycle, record, path, f"it was left in {status}")
    pending = (now - record.timestamp).total_seconds()
    limit = recovery.max_pending_seconds
    if (path := recovery.overdue.get(status)) and limit is not None and pending > limit:
        return _plan(lifecycle, record, path, f"it has been {status} for more than {limit:g} s")
    silence = (now - (last_heartbeat or record.timestamp)).total_seconds()
    is_alive = now <= lease_ends_at if lease_ends_at else last_heartbeat is None and recovery.needs_heartbeat
    if (path := recovery.abandoned.get(status)) and silence > recovery.runner_dead_after and not is_alive:
        why = f"its runner {record.runner_id!r} has been silent for more than {recovery.runner_dead_after:g} s"
        return _plan(lifecycle, record, path, why)
    return None


def _plan(lifecycle: Lifecycle, record: StatusRecord, path: tuple[str, ...], reason: str) -> RecoveryPlan:
    # The first step is in the owner's name where only the owner may make it.
    machine = lifecycle.task
    as_owner = record.status in machine.requires_ownership and path[0] not in machine.overrides
    first = RecoveryStep(path[0], record.runner_id if as_owner else None)
    return RecoveryPlan((first, *(RecoveryStep(status, None) for status in path[1:])), reason)
