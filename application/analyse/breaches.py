"""Breaches: intervals over their limit."""

from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict, cast

from psycopg import Connection
from psycopg.types.json import Jsonb

from application.analyse.analytics_session import analytics_session, read_rows, round_seconds
from application.analyse.concurrency import find_statuses
from application.analyse.sla import Limit, check_sla, read_sla
from application.shared.store import Store
from domain.entity import Entity


class Breach(TypedDict):
    """One interval over its limit; `exited_at` is None while it is open."""

    entity: str
    workflow_id: str
    template: str | None
    status: str
    entered_at: datetime
    exited_at: datetime | None
    open: bool
    seconds: float
    limit_seconds: float


def find_breaches(
    store: Store,
    path: Path,
    workflow_id: str | None = None,
    at: datetime | None = None,
    *,
    only_open: bool = False,
) -> list[Breach]:
    """Return the intervals over the limits in a file as of `at`, in the order of entry; `only_open`: those not ended.

    Raises:
        SlaInvalid: the file cannot be used; it lists every reason.
        UnknownEntity: the log has no such workflow.
    """
    sla = read_sla(path)
    with analytics_session(store, at, workflow_id) as connection:
        check_sla(connection, path, sla)
        limits = [_as_row(limit) for limit in sla.limit if _is_in_log(connection, limit)]
        wanted = {"limits": Jsonb(limits), "workflow_id": workflow_id, "only_open": only_open}
        found = read_rows(connection, "analytics/breaches", wanted)
    return [_breach(round_seconds(row)) for row in found]


def _is_in_log(connection: Connection[Any], limit: Limit) -> bool:
    """Return whether entities can be in the status; one of a shipped lifecycle without tasks is in no interval."""
    known = find_statuses(connection, limit.kind)
    return not known or limit.status in known


def _as_row(limit: Limit) -> dict[str, object]:
    return {
        "entity_kind": limit.kind,
        "status": limit.status,
        "template": limit.template,
        "seconds": limit.max_duration,
    }


def _breach(row: dict[str, object]) -> Breach:
    entity = Entity(str(row.pop("entity_kind")), str(row.pop("entity_id")))
    row.pop("task_id")
    return cast("Breach", {"entity": str(entity), **row})
