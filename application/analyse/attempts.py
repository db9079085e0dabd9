"""How many attempts tasks take, and what is lost in those that fail."""

from datetime import datetime
from typing import Literal, TypedDict, cast

from application.analyse.analytics_session import analysis, rounded, rows
from application.shared.store import Store

By = Literal["workflow", "template"]


class Attempts(TypedDict):
    """The attempts at the tasks of one group; tasks that nobody has tried yet do not count.

    `interrupted` attempts were reset, or begun anew without having failed; `open` ones go on, and their seconds count
    up to the time of asking. `wasted_seconds` are those in attempts that failed, `wasted_share` their part of
    `total_seconds`. `first_try_share` is how many tasks' first attempt succeeded, of those whose first attempt has
    ended. A share is None where it would be one of nothing.
    """

    group: str | None
    tasks: int
    attempts: int
    attempts_per_task: float
    most_attempts: int
    succeeded: int
    failed: int
    interrupted: int
    open: int
    total_seconds: float
    wasted_seconds: float
    wasted_share: float | None
    first_try_share: float | None


def attempts(
    store: Store, by: By | None = None, workflow_id: str | None = None, at: datetime | None = None
) -> list[Attempts]:
    """The attempts as of `at`, by group; raises UnknownEntity where no task is of that workflow."""
    with analysis(store, at, workflow_id) as connection:
        found = rows(connection, "analytics/attempts", {"by": by, "workflow_id": workflow_id})
    return [cast("Attempts", rounded(row)) for row in found]
