"""The critical path of a workflow: the attempts and waits that decided when it ended."""

from datetime import datetime
from typing import Any, TypedDict

from application.analyse.analytics_session import analytics_session, read_rows
from application.shared.store import Store
from domain.entity import TASK, Entity

PathLink = TypedDict(
    "PathLink",
    {
        "entity": str,
        "kind": str,
        "detail": str | None,
        "template": str | None,
        "from": datetime,
        "to": datetime,
        "seconds": float,
        "share": float,
        "saved_seconds": float,
        "ties": list[str],
        "tied": int,
    },
)
PathLink.__doc__ = """What decided for a time when the workflow ended: what an entity did, or waited for.

`share` is its part of all seconds. `saved_seconds` is how much earlier the workflow had ended without it. `tied` other
tasks ended as the link did, and what followed waited for them too; `ties` are the first 10 of them.
"""


class CriticalPath(TypedDict):
    """A workflow's links without a gap, and how many of its `seconds` are of each kind.

    Where it has not ended, its path ends at the time that is asked about.
    """

    workflow_id: str
    has_ended: bool
    seconds: float
    by_kind: dict[str, float]
    links: list[PathLink]


def find_critical_path(store: Store, workflow_id: str, at: datetime | None = None) -> CriticalPath:
    """Return the critical path of a workflow as of `at` (None: now); it has no links before the workflow existed.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    with analytics_session(store, at, workflow_id) as connection:
        found = read_rows(connection, "analytics/critical_path", {"workflow_id": workflow_id})
    links = path_links(found)
    total = sum(link["seconds"] for link in links)
    return {
        "workflow_id": workflow_id,
        "has_ended": any(row["has_ended"] for row in found),
        "seconds": round(total, 6),
        "by_kind": _sum_kinds(links),
        "links": links,
    }


def path_links(rows: list[dict[str, Any]]) -> list[PathLink]:
    """Return the links of one critical path."""
    total = sum(row["seconds"] for row in rows)
    return [_link(row, total) for row in rows]


def _link(row: dict[str, Any], total: float) -> PathLink:
    return {
        "entity": str(Entity(row["entity_kind"], row["entity_id"])),
        "kind": row["kind"],
        "detail": row["detail"],
        "template": row["template"],
        "from": row["began_at"],
        "to": row["ended_at"],
        "seconds": row["seconds"],
        "share": round(row["seconds"] / total, 6),
        "saved_seconds": row["saved_seconds"],
        "ties": [str(Entity(TASK, task_id)) for task_id in row["ties"]],
        "tied": row["tied"],
    }


def _sum_kinds(links: list[PathLink]) -> dict[str, float]:
    """Return the seconds of each kind, the most first."""
    seconds: dict[str, float] = {}
    for link in links:
        seconds[link["kind"]] = seconds.get(link["kind"], 0) + link["seconds"]
    return {kind: round(value, 6) for kind, value in sorted(seconds.items(), key=lambda item: (-item[1], item[0]))}
