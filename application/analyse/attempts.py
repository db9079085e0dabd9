"""How many attempts tasks take, and how much time the failed ones cost."""

from datetime import datetime
from typing import Literal, TypedDict, cast, get_args

from application.analyse.analytics_session import analytics_session, read_rows, round_seconds
from application.shared.store import Store
from domain.errors import check_choice

By = Literal["workflow", "template"]


class Attempts(TypedDict):
    """The attempts at the tasks of one group; tasks without an attempt do not count.

    `cancelled` attempts ended before they ran. `interrupted` ones were reset, or another began although they had not
    failed. `lost` ones never ended, and count up to the end of their workflow; `open` ones go on, and count up to now.
    `run_seconds` are those of `total_seconds` in which attempts ran; `wasted_seconds` are those in which failed ones
    did, and `wasted_share` is their part of `run_seconds`. `first_try_share` is the share of tasks whose first attempt
    succeeded, among those whose first attempt succeeded, failed or was interrupted. A share is None where its whole is
    0.
    """

    group: str | None
    tasks: int
    attempts: int
    attempts_per_task: float
    most_attempts: int
    succeeded: int
    failed: int
    cancelled: int
    interrupted: int
    lost: int
    open: int
    total_seconds: float
    run_seconds: float
    wasted_seconds: float
    wasted_share: float | None
    first_try_share: float | None


def count_attempts(
    store: Store, by: By | None = None, workflow_id: str | None = None, at: datetime | None = None
) -> list[Attempts]:
    """Return the attempts as of `at`, by group.

    Raises:
        UnknownChoice: `by` is not one of its choices.
        UnknownEntity: the log has no such workflow.
    """
    check_choice("by", by, get_args(By))
    with analytics_session(store, at, workflow_id) as connection:
        found = read_rows(connection, "analytics/attempts", {"by": by, "workflow_id": workflow_id})
    return [cast("Attempts", round_seconds(row)) for row in found]
