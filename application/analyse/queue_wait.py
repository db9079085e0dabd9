"""How long tasks wait and run, and how much longer the waiting makes them."""

from datetime import datetime
from typing import Literal, TypedDict, cast, get_args

from application.analyse.analytics_session import analytics_session, read_rows, round_seconds
from application.shared.store import Store
from domain.errors import check_choice

By = Literal["workflow", "template", "user", "partition"]
Per = Literal["hour", "day", "week"]


class QueueWait(TypedDict):
    """How long the tasks of one group waited and ran, in seconds; those that go on count up to now.

    A task runs in the statuses that its lifecycle calls running, and waits in every other one until it ends. `started`
    of the `tasks` began to run, and `ended` ended. The expansion factor is (wait + run) / run of tasks that ran and
    ended. `period` is the hour, day or week (its Monday) in UTC in which the tasks were registered. A figure that no
    task has is None.
    """

    group: str | None
    period: str | None
    tasks: int
    started: int
    ended: int
    wait_seconds: float
    wait_p50: float
    wait_p90: float
    run_seconds: float
    run_p50: float | None
    run_p90: float | None
    expansion_mean: float | None
    expansion_p50: float | None
    expansion_p90: float | None


def measure_queue_wait(
    store: Store,
    by: By | None = None,
    per: Per | None = None,
    workflow_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    at: datetime | None = None,
) -> list[QueueWait]:
    """Return how long tasks waited and ran as of `at`, of those registered from `since` on and before `until`.

    Raises:
        UnknownChoice: `by` or `per` is not one of its choices.
        UnknownEntity: the log has no such workflow.
    """
    check_choice("by", by, get_args(By))
    check_choice("per", per, get_args(Per))
    wanted = {"by": by, "per": per, "workflow_id": workflow_id, "since": since, "until": until}
    with analytics_session(store, at, workflow_id) as connection:
        found = read_rows(connection, "analytics/queue_wait", wanted)
    return [cast("QueueWait", round_seconds(row)) for row in found]
