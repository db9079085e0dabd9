"""How long entities stay in each status."""

from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict, cast, get_args

from application.analyse.analytics_session import analytics_session, read_rows, round_seconds
from application.shared.store import Store
from domain.entity import TASK
from domain.errors import check_choice

By = Literal["workflow", "template", "actor", "hour", "day", "week", "reason", "state-name"]


class TimeInStatus(TypedDict):
    """How long one group of entities stayed in one status, in seconds.

    `n` counts the intervals and `open` those that have not ended, which count up to now. One in a terminal status has
    no seconds up to now; where all are, the mean and the quantiles are None. The km quantiles are Kaplan-Meier's: an
    open interval has lasted at least that long. They are None where too few intervals have ended, and the plain ones
    where no interval is open. `error` is there where the quantiles of what has ended were read from sketches: they are
    within that share of the exact ones. `n`, `open`, the total and the mean are exact.
    """

    status: str
    group: str | None
    n: int
    open: int
    total_seconds: float
    mean_seconds: float | None
    p50_seconds: float | None
    p90_seconds: float | None
    p99_seconds: float | None
    km_p50_seconds: float | None
    km_p90_seconds: float | None
    error: NotRequired[float]


class Bin(TypedDict):
    """How many intervals of one group in one status lasted from `from_seconds` to below `to_seconds`.

    `to_seconds` is None in the last possible bin. `open` of the `n` have not ended.
    """

    status: str
    group: str | None
    from_seconds: float
    to_seconds: float | None
    n: int
    open: int


def measure_time_in_status(
    store: Store,
    kind: str = TASK,
    by: By | None = None,
    workflow_id: str | None = None,
    at: datetime | None = None,
    *,
    terminal: bool = False,
    exact: bool = False,
) -> list[TimeInStatus]:
    """Return how long tasks or instances stay in each status as of `at`, the longest total of each group first.

    `by` actor groups by the component that reported the status; hour, day and week (its Monday) by when the status was
    entered, in UTC; state-name by the name of the state. By reason, an interval is split where the entity began to wait
    for something else; the group of the time without a stated wait is None. Terminal statuses are left out unless
    `terminal`. Where 200,000 intervals or more have ended, of all workflows and by template or nothing, sketches are
    read that `sojourn maintain` keeps, unless `exact`.

    Raises:
        UnknownChoice: `by` is not one of its choices.
        UnknownEntity: the log has no such workflow.
    """
    check_choice("by", by, get_args(By))
    wanted = {"kind": kind, "by": by, "workflow_id": workflow_id, "terminal": terminal, "exact": exact}
    with analytics_session(store, at, workflow_id) as connection:
        found = read_rows(connection, "analytics/time_in_status", wanted)
    return [cast("TimeInStatus", _without_none(round_seconds(row), "error")) for row in found]


def _without_none(row: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the row without the column `name` where that is None."""
    return {column: value for column, value in row.items() if column != name or value is not None}


def measure_histogram(
    store: Store,
    kind: str = TASK,
    by: By | None = None,
    workflow_id: str | None = None,
    at: datetime | None = None,
    *,
    terminal: bool = False,
) -> list[Bin]:
    """Return the same intervals counted by how long they lasted: every bin from the shortest to the longest.

    Raises:
        UnknownChoice: `by` is not one of its choices.
        UnknownEntity: the log has no such workflow.
    """
    check_choice("by", by, get_args(By))
    wanted = {"kind": kind, "by": by, "workflow_id": workflow_id, "terminal": terminal}
    with analytics_session(store, at, workflow_id) as connection:
        return [cast("Bin", row) for row in read_rows(connection, "analytics/time_in_status_histogram", wanted)]
