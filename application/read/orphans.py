"""Orphans: entities that miss an event which should have come.

Each rule is defined by a view of its own (projections/orphans/orphan_*.sql).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast, get_args

from psycopg import Connection
from psycopg.errors import DataError
from psycopg.rows import dict_row

from application.analyse.concurrency import find_statuses
from application.shared.as_of import as_of
from application.shared.existence import require_workflow
from application.shared.orphan import Orphan, OrphanRule
from application.shared.store import Store
from domain.entity import TASK, TASK_INSTANCE, Entity
from domain.errors import InvalidThreshold, UnknownOrphanRule, UnknownStatus
from infrastructure.sql import query

LATE_REPORT: OrphanRule = "late-report"
STUCK: OrphanRule = "stuck"
BLOCKED: OrphanRule = "blocked-upstream"
STALLED: OrphanRule = "stalled-task"
DEAD_RUNNER: OrphanRule = "dead-runner"

RULES: tuple[OrphanRule, ...] = get_args(OrphanRule)
"""The names of the orphan rules."""

DECIDED = frozenset({LATE_REPORT})
"""The rules whose orphans the lifecycle has already ended."""


class OrphanPlace(NamedTuple):
    """Where a page of orphans ends: after this orphan."""

    since: datetime
    entity: Entity
    rule: str


def find_orphans(
    store: Store,
    rule: str | None = None,
    decided: bool = False,
    at: datetime | None = None,
    workflow_id: str | None = None,
    thresholds: Mapping[str, str] | None = None,
    *,
    after: OrphanPlace | None = None,
    limit: int | None = None,
) -> list[Orphan]:
    """Return at most `limit` orphans as of `at` by one rule or by all, the oldest first, from after a place on.

    `decided` adds those that the lifecycle has already ended. `thresholds` replaces settings `sojourn.NAME` of the
    rules, by NAME, for this answer.

    Raises:
        UnknownOrphanRule: there is no such rule.
        UnknownEntity: the log has no such workflow.
        InvalidThreshold: a threshold is not a duration.
        UnknownStatus: a threshold names a status that no machine has.
    """
    with as_of(store, at) as connection:
        _check_statuses(connection, thresholds or {})
        if workflow_id is not None:
            require_workflow(connection, workflow_id)
        rules = _rules(rule, decided)
        return find_orphans_on(
            connection, rules, workflow_id=workflow_id, thresholds=thresholds, after=after, limit=limit
        )


def find_orphans_on(
    connection: Connection[Any],
    rules: Sequence[str] = RULES,
    *,
    entity: Entity | None = None,
    workflow_id: str | None = None,
    thresholds: Mapping[str, str] | None = None,
    after: OrphanPlace | None = None,
    limit: int | None = None,
) -> list[Orphan]:
    """Return the orphans by those rules, all or of one entity, in a transaction that is as of some time."""
    kind, name = entity or (None, None)
    since, (after_kind, after_id), after_rule = after or (None, (None, None), None)
    wanted = {
        "rules": list(rules), "workflow_id": workflow_id, "kind": kind, "id": name, "limit": limit,
        "after": since, "after_kind": after_kind, "after_id": after_id, "after_rule": after_rule,
    }  # fmt: skip
    apply_thresholds(connection, thresholds or {})
    try:
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query("projections", "read/orphans"), wanted, prepare=False).fetchall()
    except DataError as error:
        raise InvalidThreshold(thresholds or {}, str(error)) from error
    return cast("list[Orphan]", rows)


def apply_thresholds(connection: Connection[Any], thresholds: Mapping[str, str]) -> None:
    """Set the transaction up for the orphan views, with these thresholds."""
    connection.execute(query("projections", "session/orphans"))
    for threshold, value in thresholds.items():
        connection.execute(query("projections", "session/set_orphan_threshold"), [threshold, value])


def _check_statuses(connection: Connection[Any], thresholds: Mapping[str, str]) -> None:
    """Raise UnknownStatus where `stuck_after` names a status that no machine has."""
    try:
        given = json.loads(thresholds.get("stuck_after", "{}"))
    except ValueError as error:
        raise InvalidThreshold(thresholds, str(error)) from error
    known = [status for kind in (TASK, TASK_INSTANCE) for status in find_statuses(connection, kind)] if given else []
    for status in given:
        if known and status.rpartition("/")[2] not in known:
            raise UnknownStatus(status.rpartition("/")[2], known)


def _rules(rule: str | None, decided: bool) -> list[str]:
    if rule is None:
        return [name for name in RULES if decided or name not in DECIDED]
    if rule not in RULES:
        raise UnknownOrphanRule(rule, RULES)
    return [rule]
