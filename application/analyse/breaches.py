"""Stays that have lasted longer than they may."""

from datetime import datetime
from pathlib import Path
from typing import TypedDict, cast

from psycopg.types.json import Jsonb

from application.analyse.analytics_session import analysis, rounded, rows
from application.analyse.sla import Limit, check_sla, read_sla
from application.shared.store import Store
from domain.entity import Entity


class Breach(TypedDict):
    """One stay that was, or is, longer than its limit; `exited_at` is None while it goes on."""

    entity: str
    workflow_id: str
    template: str | None
    status: str
    entered_at: datetime
    exited_at: datetime | None
    open: bool
    seconds: float
    limit_seconds: float


def breaches(
    store: Store,
    path: Path,
    workflow_id: str | None = None,
    at: datetime | None = None,
    *,
    only_open: bool = False,
) -> list[Breach]:
    """The breaches, as of `at`, of the limits in a file, in the order in which the statuses were entered.

    `only_open`: those that go on. Raises SlaInvalid and UnknownEntity.
    """
    sla = read_sla(path)
    with analysis(store, at, workflow_id) as connection:
        check_sla(connection, path, sla)
        limits = Jsonb([_as_row(limit) for limit in sla.limit])
        wanted = {"limits": limits, "workflow_id": workflow_id, "only_open": only_open}
        found = rows(connection, "analytics/breaches", wanted)
    return [_breach(rounded(row)) for row in found]


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
