"""How long entities stay in each status."""

from datetime import datetime
from typing import Literal, TypedDict, cast

from application.analyse.analytics_session import analysis, rounded, rows
from application.shared.store import Store
from domain.entity import TASK

By = Literal["workflow", "template", "actor", "hour", "day", "week"]


class TimeInStatus(TypedDict):
    """How long one group of entities stayed in one status, in seconds.

    `n` counts the stays and `open` those that have not ended, which count up to the time of asking. The km quantiles
    are Kaplan-Meier's: an open stay has lasted at least so long. They are None where too few stays have ended.
    """

    status: str
    group: str | None
    n: int
    open: int
    total_seconds: float
    mean_seconds: float
    p50_seconds: float
    p90_seconds: float
    p99_seconds: float
    km_p50_seconds: float | None
    km_p90_seconds: float | None


class Bin(TypedDict):
    """How many stays of one group in one status lasted from so long to below so long, in seconds.

    `to_seconds` is None in the last bin there is. `open` of the `n` have not ended.
    """

    status: str
    group: str | None
    from_seconds: float
    to_seconds: float | None
    n: int
    open: int


def time_in_status(
    store: Store,
    kind: str = TASK,
    by: By | None = None,
    workflow_id: str | None = None,
    at: datetime | None = None,
    *,
    terminal: bool = False,
) -> list[TimeInStatus]:
    """The stays of tasks or task instances as of `at`, by status and group, the longest total of each group first.

    `by` actor is the component that reported the status; hour, day and week (its Monday) are those in UTC in which the
    status was entered. Terminal statuses are left out unless `terminal`. Raises UnknownEntity where no task is of that
    workflow.
    """
    wanted = {"kind": kind, "by": by, "workflow_id": workflow_id, "terminal": terminal}
    with analysis(store, at, workflow_id) as connection:
        return [cast("TimeInStatus", rounded(row)) for row in rows(connection, "analytics/time_in_status", wanted)]


def time_in_status_histogram(
    store: Store,
    kind: str = TASK,
    by: By | None = None,
    workflow_id: str | None = None,
    at: datetime | None = None,
    *,
    terminal: bool = False,
) -> list[Bin]:
    """The same stays, counted by how long they lasted: every bin from the shortest stay to the longest.

    Raises UnknownEntity where no task is of that workflow.
    """
    wanted = {"kind": kind, "by": by, "workflow_id": workflow_id, "terminal": terminal}
    with analysis(store, at, workflow_id) as connection:
        return [cast("Bin", row) for row in rows(connection, "analytics/time_in_status_histogram", wanted)]
