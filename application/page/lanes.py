"""The attempts of a workflow as lanes: which statuses each was in, and when it entered them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict, cast

from psycopg import Connection

from application.analyse.analytics_session import analytics_session, read_rows
from application.page.over_time import find_span
from application.shared.as_of import effective_now
from application.shared.store import Store
from domain.entity import TASK, TASK_INSTANCE

MAX_LANES = 100_000
"""How many attempts are read at most, the first ones."""


class Lane(TypedDict):
    """One attempt; `times` has the milliseconds from the beginning to the entry of each of its `statuses`."""

    entity_id: str
    task_id: str
    template: str | None
    node: str | None
    worker: str | None
    statuses: list[str]
    times: list[int]


class Lanes(TypedDict):
    """Lanes of a workflow between two times, of its task instances, or of its tasks if it has none.

    They are those from number `offset` on, of `total`.
    """

    kind: str
    begin: datetime
    end: datetime
    offset: int
    total: int
    lanes: list[Lane]


def read_lanes(
    store: Store,
    workflow_id: str,
    running: Sequence[str],
    at: datetime | None = None,
    *,
    actors: bool = False,
    offset: int = 0,
    limit: int = MAX_LANES,
) -> Lanes | None:
    """Return attempts in the order in which they began as of `at`, or None before the workflow existed.

    At most `limit` are read, from number `offset` on, which counts from 0. `actors` adds the node and the worker,
    as the report of one of the `running` statuses states them.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    now = at or effective_now(store)
    with analytics_session(store, at, workflow_id) as connection:
        span = find_span(connection, workflow_id, now)
        if span is None:
            return None
        kind, total = _choose_kind(connection, workflow_id)
        wanted = {
            "workflow_id": workflow_id, "kind": kind, "begin": span.begin, "running": list(running), "actors": actors,
            "offset": offset, "limit": limit,
        }  # fmt: skip
        lanes = [cast("Lane", row) for row in read_rows(connection, "page/lanes", wanted)]
    return {"kind": kind, "begin": span.begin, "end": span.end, "offset": offset, "total": total, "lanes": lanes}


def _choose_kind(connection: Connection[Any], workflow_id: str) -> tuple[str, int]:
    """Return what a workflow's lanes are of, and their number."""
    total = 0
    for kind in (TASK_INSTANCE, TASK):
        [row] = read_rows(connection, "page/count_lanes", {"workflow_id": workflow_id, "kind": kind})
        if total := row["count"]:
            break
    return kind, total
