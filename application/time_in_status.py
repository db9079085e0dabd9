"""How long entities stay in each status."""

from datetime import datetime
from typing import Any, Literal, TypedDict, cast

from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from application.as_of import as_of
from application.known import check_workflow
from application.store import Store
from domain.entity import TASK, TASK_INSTANCE
from infrastructure.sql import query

By = Literal["workflow", "template", "actor"]

AUDITS = {
    TASK: Identifier("sojourn", "task_status_audit"),
    TASK_INSTANCE: Identifier("sojourn", "task_instance_status_audit"),
}
GROUPS = {
    None: SQL("NULL::text"),
    "workflow": SQL("a.workflow_id"),
    "template": SQL("t.template"),
    "actor": SQL("a.actor"),
}


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

    `by` actor is the component that reported the status. Terminal statuses are left out unless `terminal`. Raises
    UnknownEntity where no task is of that workflow.
    """
    statement = SQL(query("projections", "time_in_status")).format(audit=AUDITS[kind], group=GROUPS[by])
    wanted = {"kind": kind, "workflow_id": workflow_id, "terminal": terminal}
    with as_of(store, at) as connection:
        if workflow_id is not None:
            check_workflow(connection, workflow_id)
        with connection.cursor(row_factory=dict_row) as cursor:
            return [_rounded(row) for row in cursor.execute(statement, wanted, prepare=False)]


def _rounded(row: dict[str, Any]) -> TimeInStatus:
    # To the microsecond, which is as fine as the clock: sums of floats have more digits than they know.
    rounded = {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}
    return cast("TimeInStatus", rounded)
