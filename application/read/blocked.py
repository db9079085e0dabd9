"""What keeps tasks from starting: upstream tasks that failed or that nothing moves on, each with how many it blocks."""

from datetime import datetime
from typing import Literal, TypedDict, cast

from application.analyse.analytics_session import analytics_session, read_rows
from application.shared.store import Store

BlockingReason = Literal["failed", "hold", "ended-parent", "stalled-task", "missed-heartbeat", "dead-runner"]
"""Why an upstream task keeps others from starting: it failed, is on hold, or is an orphan by that rule."""


class Blocked(TypedDict):
    """The first cause of blocked tasks: since when it has its status, and how many cannot start because of it.

    `examples` are the first five of them by id; `owner` is the runner that owns the cause, if any.
    """

    cause: str
    status: str
    since: datetime
    reason: BlockingReason
    owner: str | None
    workflow_id: str
    blocked: int
    examples: list[str]


def find_blocked(
    store: Store, workflow_id: str | None = None, at: datetime | None = None, *, limit: int | None = None
) -> list[Blocked]:
    """Return what keeps tasks from starting as of `at`, what blocks most first.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    with analytics_session(store, at, workflow_id) as connection:
        found = read_rows(connection, "read/blocked", {"workflow_id": workflow_id, "limit": limit})
    return cast("list[Blocked]", found)
