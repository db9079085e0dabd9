"""Ownership: which runner an entity belongs to, and which runner may move it. The rules are Pynenc's."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from domain.errors import InvalidTransition, OwnershipViolation
from domain.lifecycles.machine import Machine


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """A status, the runner that owns the entity in it, and the time when it was entered."""

    status: str
    runner_id: str | None = None
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))


def status_record_transition(
    record: StatusRecord | None,
    new_status: str,
    runner_id: str | None,
    machine: Machine,
    *,
    at: datetime | None = None,
) -> StatusRecord:
    """Return the record after `runner_id` moves it to `new_status`, now or `at` another time.

    `record` is None where the entity does not exist yet.

    Raises:
        InvalidTransition: the machine has no edge from the record's status to `new_status`.
        OwnershipViolation: another runner owns the entity, or the status needs a runner and none is named.
    """
    source = record.status if record else None
    allowed = machine.next_statuses(source)
    if new_status not in allowed:
        raise InvalidTransition(source, new_status, allowed)
    if record and (violation := ownership_violation(machine, record.status, record.runner_id, new_status, runner_id)):
        raise violation
    owner = owner_after(machine, new_status, runner_id, record.runner_id if record else None)
    return StatusRecord(new_status, owner, at or datetime.now(UTC))


def ownership_violation(
    machine: Machine, source: str, owner: str | None, target: str, runner_id: str | None
) -> OwnershipViolation | None:
    """Return why `runner_id` may not move an entity of `owner` from `source` to `target`, or None if it may."""
    if target in machine.overrides:
        return None
    if source in machine.requires_ownership and runner_id != owner:
        who = repr(runner_id) if runner_id else "nobody"
        return OwnershipViolation(source, target, owner, runner_id, f"it belongs to {owner!r}, and {who} proposes it")
    if target in machine.acquires and not runner_id:
        return OwnershipViolation(source, target, owner, None, "it takes a runner, and none is named")
    return None


def owner_after(machine: Machine, target: str, runner_id: str | None, owner: str | None) -> str | None:
    """Return the owner of an entity of `owner` after `runner_id` moves it to `target`."""
    if target in machine.releases:
        return None
    if target in machine.adopts and runner_id:
        return runner_id
    return runner_id if target in machine.acquires else owner
