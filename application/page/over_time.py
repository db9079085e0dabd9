"""How many of a workflow's tasks or attempts were in each status, over time."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypedDict

from psycopg import Connection

from application.analyse.analytics_session import analytics_session, read_rows
from application.read.workflow import count_tasks
from application.shared.as_of import effective_now
from application.shared.store import Store
from domain.entity import TASK

MIN_DURATION = timedelta(seconds=1)
"""The shortest time that columns divide, so that they have a width."""

NO_TIME = timedelta()

LATEST = datetime.max.replace(tzinfo=UTC)
"""The last time of all."""


class Span(NamedTuple):
    """The time that charts of a workflow cover."""

    begin: datetime
    end: datetime


class StatusOverTime(TypedDict):
    """A status: how many were in it at the end of each column, and the most at any moment."""

    status: str
    counts: list[int]
    most: int


class StatusesOverTime(TypedDict):
    """The time from `begin` to `end`, divided into columns of one width, and each status that was entered in it."""

    begin: datetime
    end: datetime
    statuses: list[StatusOverTime]


def count_over_time(
    store: Store, workflow_id: str, kind: str = TASK, at: datetime | None = None, *, columns: int
) -> StatusesOverTime | None:
    """Return how many were in each status over time as of `at`, or None before the workflow existed.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    now = at or effective_now(store)
    with analytics_session(store, at, workflow_id) as connection:
        span = find_span(connection, workflow_id, now)
        if span is None:
            return None
        begin, end = span
        wanted = {
            "workflow_id": workflow_id,
            "kind": kind,
            "begin": begin,
            "width": (end - begin).total_seconds() / columns,
            "columns": columns,
        }
        rows = read_rows(connection, "page/statuses_over_time", wanted)
    return {"begin": begin, "end": end, "statuses": [_fill(row, columns) for row in rows]}


def find_span(connection: Connection[Any], workflow_id: str, now: datetime) -> Span | None:
    """Return the time that charts of a workflow cover, or None before it existed.

    It goes on to now while anything is active, unless nothing has changed for long: all would be narrow.
    """
    counted = count_tasks(connection, workflow_id)
    if counted is None:
        return None
    begin, last = counted["first_at"], counted["last_at"]
    # Durations are compared, because a time after the last one of all would be an error.
    ahead = min(max(now - last, NO_TIME), (last - begin) / 4) if counted["active"] else NO_TIME
    return Span(begin, max(last + ahead, begin + min(MIN_DURATION, LATEST - begin)))


def _fill(row: dict[str, Any], columns: int) -> StatusOverTime:
    """Return the counts of every column: one without a change has what was there before."""
    counts = [0] * columns
    for place, following, n in zip(row["places"], [*row["places"][1:], columns], row["counts"], strict=True):
        counts[place:following] = [n] * (following - place)
    return {"status": row["status"], "counts": counts, "most": row["most"]}
