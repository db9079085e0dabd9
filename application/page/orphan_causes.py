"""Orphans by their cause: the event of another entity that made them orphans, or else what they have in common."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple, TypedDict

from application.read.orphans import find_orphans
from application.shared.as_of import as_of
from application.shared.orphan import Orphan, OrphanRule
from application.shared.store import Store
from domain.entity import RUNNER, parse_entity
from infrastructure.sql import query

EXAMPLES = 100
"""How many orphans of one cause are listed at most, the first ones."""


class OrphanCause(TypedDict):
    """Orphans of one rule with one cause: how many, the first since when, and the oldest of them.

    `cause` is another entity, which entered `cause_status` at `cause_at`, or the silent runner. Where nothing but time
    makes them orphans, it is None, and they share their lifecycle and status. `named` are the entities that the
    explanations of the examples may name.
    """

    rule: OrphanRule
    cause: str | None
    cause_status: str | None
    cause_at: datetime | None
    lifecycle: str
    by_status: dict[str, int]
    decided: bool
    n: int
    since: datetime
    examples: list[Orphan]
    named: list[str]


class Decisive(NamedTuple):
    """The event that made an entity an orphan."""

    at: datetime
    position: int
    entity: str
    status: str | None


def find_orphan_causes(
    store: Store,
    workflow_id: str | None = None,
    at: datetime | None = None,
    *,
    decided: bool = False,
    limit: int | None = None,
) -> list[OrphanCause]:
    """Return the orphans as of `at` by rule and cause, the oldest `limit` of them; the causes of most come first.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    return group_by_cause(store, find_orphans(store, None, decided, at, workflow_id, limit=limit))


def group_by_cause(store: Store, found: Sequence[Orphan]) -> list[OrphanCause]:
    """Return orphans by rule and cause; the causes of most come first."""
    events = _read_events(store, {position for orphan in found for position in orphan["evidence"]})
    groups: dict[tuple[object, ...], list[Orphan]] = {}
    for orphan in found:
        groups.setdefault(_cause_of(orphan, events), []).append(orphan)
    described = [_describe(group, events) for group in groups.values()]
    return sorted(described, key=lambda cause: (-cause["n"], cause["since"]))


def _read_events(store: Store, positions: Iterable[int]) -> dict[int, Decisive]:
    with as_of(store, None) as connection:
        rows = connection.execute(query("projections", "page/decisive_events"), {"positions": list(positions)})
        return {
            position: Decisive(at, position, str(parse_entity(stream)), status) for position, stream, status, at in rows
        }


def _cause_of(orphan: Orphan, events: Mapping[int, Decisive]) -> tuple[object, ...]:
    """Return what orphans of one cause share."""
    decisive = _decisive_event(orphan, events)
    alike = (decisive.entity,) if decisive else (orphan["lifecycle"], orphan["status"])
    return orphan["rule"], orphan["decided"], *alike


def _decisive_event(orphan: Orphan, events: Mapping[int, Decisive]) -> Decisive | None:
    """Return the last event of another entity among the evidence, or the runner that is silent."""
    if orphan["rule"] == "dead-runner":
        return _silent_runner(orphan)
    known = [events[position] for position in orphan["evidence"] if position in events]
    return max((event for event in known if event.entity != orphan["entity"]), key=itemgetter(0, 1), default=None)


def _silent_runner(orphan: Orphan) -> Decisive:
    """Return the runner whose heartbeat is missing: no event has it, so what is expected names it."""
    name = orphan["expected"].partition(f"{RUNNER}:")[2].rpartition(" by ")[0]
    return Decisive(orphan["since"], 0, f"{RUNNER}:{name}", None)


def _describe(group: Sequence[Orphan], events: Mapping[int, Decisive]) -> OrphanCause:
    first, examples, decisive = group[0], list(group[:EXAMPLES]), _decisive_event(group[0], events)
    named = {events[position].entity for orphan in examples for position in orphan["evidence"] if position in events}
    statuses = [orphan["status"] for orphan in group]
    return {
        "rule": first["rule"],
        "cause": decisive.entity if decisive else None,
        "cause_status": decisive.status if decisive else None,
        "cause_at": decisive.at if decisive else None,
        "lifecycle": first["lifecycle"],
        "by_status": {status: statuses.count(status) for status in dict.fromkeys(statuses)},
        "decided": first["decided"],
        "n": len(group),
        "since": min(orphan["since"] for orphan in group),
        "examples": examples,
        "named": sorted(named),
    }
